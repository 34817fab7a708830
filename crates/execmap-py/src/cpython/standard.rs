//! Objects of the standard library that have a text of their own: decimals, dates, paths, UUIDs.

use std::fmt::Write as _;

use pyo3::ffi;

use super::types::{Kind, dict_get, text_of};

/// An object of a slot of an instance of a Python class, borrowed, by the slot's descriptor.
unsafe fn slot_value(object: *mut ffi::PyObject, name: &[u8]) -> *mut ffi::PyObject {
    // SAFETY: a live object; only member descriptors found in its bases are followed.
    unsafe {
        let bases = (*ffi::Py_TYPE(object)).tp_mro;
        for index in 0..ffi::PyTuple_GET_SIZE(bases) {
            let base = ffi::PyTuple_GET_ITEM(bases, index).cast::<ffi::PyTypeObject>();
            if ffi::PyType_HasFeature(base, ffi::Py_TPFLAGS_HEAPTYPE) == 0 {
                continue;
            }
            let descriptor = dict_get((*base).tp_dict, name);
            if !descriptor.is_null() && ffi::Py_TYPE(descriptor) == &raw mut ffi::PyMemberDescr_Type
            {
                let member = (*descriptor.cast::<ffi::PyMemberDescrObject>()).d_member;
                return object
                    .cast::<u8>()
                    .offset((*member).offset)
                    .cast::<*mut ffi::PyObject>()
                    .read();
            }
        }
        std::ptr::null_mut()
    }
}

/// The text of an object of a type from the standard library, as its `repr` would be; `None` where
/// that cannot be had without running code of others.
///
/// # Safety
/// An object of exactly that type.
pub(super) unsafe fn own_text(object: *mut ffi::PyObject, kind: Kind) -> Option<String> {
    // SAFETY: the caller's; each exact type has the fields that are read.
    unsafe {
        match kind {
            Kind::Decimal => decimal_text(object),
            Kind::Uuid => {
                let value = slot_value(object, b"int");
                let mut bytes = [0u8; 16];
                if value.is_null() || ffi::PyLong_CheckExact(value) == 0 {
                    return None;
                }
                for (index, byte) in bytes.iter_mut().enumerate() {
                    let shift = ffi::PyLong_FromLong(8 * (15 - index as std::ffi::c_long));
                    let shifted = ffi::PyNumber_Rshift(value, shift);
                    *byte = ffi::PyLong_AsUnsignedLongLongMask(shifted) as u8;
                    ffi::Py_XDECREF(shifted);
                    ffi::Py_XDECREF(shift);
                }
                let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                let hex = hex.concat();
                Some(format!(
                    "UUID('{}-{}-{}-{}-{}')",
                    &hex[..8],
                    &hex[8..12],
                    &hex[12..16],
                    &hex[16..20],
                    &hex[20..]
                ))
            }
            Kind::Path => path_text(object),
            _ => Some(date_text(object, kind)),
        }
    }
}

/// `mpd_t` as libmpdec has it since its second version: the number in words of 19 digits.
#[repr(C)]
struct Mpd {
    flags: u8,
    exponent: isize,
    digits: isize,
    len: isize,
    alloc: isize,
    words: *const u64,
}

/// Read in place: its own text would make a context for the thread, its tuple would run Python code.
unsafe fn decimal_text(object: *mut ffi::PyObject) -> Option<String> {
    const HEAD: usize = size_of::<ffi::PyObject>() + size_of::<ffi::Py_hash_t>();
    // SAFETY: an exact `Decimal` of C: head, hash, number.
    let number = unsafe { object.cast::<u8>().add(HEAD).cast::<Mpd>().read() };
    let is_plausible = (0..=64).contains(&number.len)
        && number.alloc >= number.len
        && (0..=number.len * 19).contains(&number.digits)
        && !number.words.is_null();
    if !is_plausible {
        return None;
    }
    // SAFETY: the number has that many words.
    let words = unsafe { std::slice::from_raw_parts(number.words, number.len as usize) };
    let mut all = String::new();
    for word in words.iter().rev() {
        let _ = write!(all, "{word:019}");
    }
    let digits = all.get(all.len() - number.digits as usize..)?;
    let minus = if number.flags & 1 != 0 { "-" } else { "" };
    let payload = if digits.bytes().all(|digit| digit == b'0') {
        ""
    } else {
        digits
    };
    let text = match number.flags & 0xe {
        2 => "Infinity".to_owned(),
        4 => format!("NaN{payload}"),
        8 => format!("sNaN{payload}"),
        _ => decimal_notation(digits, number.exponent as i64),
    };
    Some(format!("Decimal('{minus}{text}')"))
}

/// Digits and exponent as the General Decimal Arithmetic specification writes them.
fn decimal_notation(digits: &str, exponent: i64) -> String {
    let left = digits.len() as i64 + exponent;
    if exponent <= 0 && left > -6 {
        return if exponent == 0 {
            digits.to_owned()
        } else if left > 0 {
            format!("{}.{}", &digits[..left as usize], &digits[left as usize..])
        } else {
            format!("0.{}{digits}", "0".repeat(-left as usize))
        };
    }
    let point = if digits.len() > 1 {
        format!("{}.{}", &digits[..1], &digits[1..])
    } else {
        digits.to_owned()
    };
    format!("{point}E{:+}", left - 1)
}

unsafe fn path_text(object: *mut ffi::PyObject) -> Option<String> {
    // SAFETY: an exact path of the standard library, whose slots hold texts and lists of texts.
    unsafe {
        let name = if std::ffi::CStr::from_ptr((*ffi::Py_TYPE(object)).tp_name)
            .to_bytes()
            .ends_with(b"PurePosixPath")
        {
            "PurePosixPath"
        } else {
            "PosixPath"
        };
        let known = slot_value(object, b"_str");
        let mut joined = String::new();
        if !known.is_null() && ffi::PyUnicode_CheckExact(known) != 0 {
            joined = text_of(known);
        } else {
            let parts = slot_value(object, b"_raw_paths");
            if parts.is_null() || ffi::PyList_CheckExact(parts) == 0 {
                return None;
            }
            for index in 0..ffi::PyList_Size(parts) {
                let part = text_of(ffi::PyList_GetItem(parts, index));
                if part.starts_with('/') {
                    joined.clear();
                } else if !joined.is_empty() && !joined.ends_with('/') {
                    joined.push('/');
                }
                joined.push_str(&part);
            }
            joined = normal_path(&joined);
        }
        Some(format!(
            "{name}('{}')",
            joined.replace('\\', "\\\\").replace('\'', "\\'")
        ))
    }
}

fn normal_path(path: &str) -> String {
    let root = if path.starts_with("//") && !path.starts_with("///") {
        "//"
    } else if path.starts_with('/') {
        "/"
    } else {
        ""
    };
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    let joined = format!("{root}{}", parts.join("/"));
    if joined.is_empty() {
        ".".to_owned()
    } else {
        joined
    }
}

/// The packed fields of dates and times lie behind head and hash: a flag for a time zone, then bytes.
const PACKED: usize = size_of::<ffi::PyObject>() + size_of::<ffi::Py_hash_t>() + 1;

unsafe fn packed<const N: usize>(object: *mut ffi::PyObject) -> [u8; N] {
    // SAFETY: an object with at least so many packed bytes.
    unsafe { object.cast::<u8>().add(PACKED).cast::<[u8; N]>().read() }
}

/// The time zone, null for none: a pointer at `offset` when the flag before the packed bytes is set.
unsafe fn zone_of(object: *mut ffi::PyObject, offset: usize) -> *mut ffi::PyObject {
    // SAFETY: a `time` or `datetime`; the pointer is there when the flag is set.
    unsafe {
        if object.cast::<u8>().add(PACKED - 1).read() == 0 {
            return std::ptr::null_mut();
        }
        object
            .cast::<u8>()
            .add(offset)
            .cast::<*mut ffi::PyObject>()
            .read()
    }
}

unsafe fn date_text(object: *mut ffi::PyObject, kind: Kind) -> String {
    let year = |high: u8, low: u8| u16::from(high) << 8 | u16::from(low);
    let micro =
        |bytes: &[u8]| i32::from(bytes[0]) << 16 | i32::from(bytes[1]) << 8 | i32::from(bytes[2]);
    // SAFETY: an object of exactly that type of C.
    unsafe {
        match kind {
            Kind::Date => {
                let [high, low, month, day] = packed::<4>(object);
                format!("datetime.date({}, {month}, {day})", year(high, low))
            }
            Kind::TimeDelta => {
                let [days, seconds, micros] = object
                    .cast::<u8>()
                    .add(PACKED - 1)
                    .cast::<[i32; 3]>()
                    .read();
                delta_text([days, seconds, micros])
            }
            Kind::DateTime => {
                let bytes = packed::<11>(object);
                let clock = [
                    i32::from(bytes[4]),
                    i32::from(bytes[5]),
                    i32::from(bytes[6]),
                    micro(&bytes[7..10]),
                ];
                let zone = zone_text(zone_of(object, (PACKED + 11).next_multiple_of(8)));
                let fold = if bytes[10] == 1 { ", fold=1" } else { "" };
                let (year, month, day) = (year(bytes[0], bytes[1]), bytes[2], bytes[3]);
                format!(
                    "datetime.datetime({year}, {month}, {day}, {}{fold}{zone})",
                    clock_text(clock)
                )
            }
            _ => {
                let bytes = packed::<7>(object);
                let clock = [
                    i32::from(bytes[0]),
                    i32::from(bytes[1]),
                    i32::from(bytes[2]),
                    micro(&bytes[3..6]),
                ];
                let zone = zone_text(zone_of(object, (PACKED + 7).next_multiple_of(8)));
                let fold = if bytes[6] == 1 { ", fold=1" } else { "" };
                format!("datetime.time({}{fold}{zone})", clock_text(clock))
            }
        }
    }
}

fn delta_text([days, seconds, micros]: [i32; 3]) -> String {
    let parts = [
        ("days", days),
        ("seconds", seconds),
        ("microseconds", micros),
    ];
    let shown: Vec<String> = parts
        .iter()
        .filter(|(_, value)| *value != 0)
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let inside = if shown.is_empty() {
        "0".to_owned()
    } else {
        shown.join(", ")
    };
    format!("datetime.timedelta({inside})")
}

/// Hour and minute, then seconds and microseconds unless they are zero.
fn clock_text([hour, minute, second, micro]: [i32; 4]) -> String {
    match (second, micro) {
        (0, 0) => format!("{hour}, {minute}"),
        (_, 0) => format!("{hour}, {minute}, {second}"),
        _ => format!("{hour}, {minute}, {second}, {micro}"),
    }
}

/// A time zone: a fixed one as its `repr`, any other by its type alone, whose `repr` may be anyone's.
unsafe fn zone_text(zone: *mut ffi::PyObject) -> String {
    // SAFETY: a live object or null. A `timezone` holds its offset, a `timedelta`, and its name.
    unsafe {
        if zone.is_null() || zone == ffi::Py_None() {
            return String::new();
        }
        let of = ffi::Py_TYPE(zone);
        let is_of_c = ffi::PyType_HasFeature(of, ffi::Py_TPFLAGS_HEAPTYPE) == 0
            || ffi::PyType_HasFeature(of, ffi::Py_TPFLAGS_IMMUTABLETYPE) != 0;
        let name = std::ffi::CStr::from_ptr((*of).tp_name).to_string_lossy();
        if !is_of_c || name != "datetime.timezone" {
            return format!(", tzinfo=<{}>", name.rsplit('.').next().unwrap_or(&name));
        }
        let fields = zone.cast::<*mut ffi::PyObject>();
        let (offset, own_name) = (fields.add(2).read(), fields.add(3).read());
        let parts = offset
            .cast::<u8>()
            .add(PACKED - 1)
            .cast::<[i32; 3]>()
            .read();
        if parts == [0, 0, 0] && own_name.is_null() {
            return ", tzinfo=datetime.timezone.utc".to_owned();
        }
        let own_name = text_of(own_name);
        let comma = if own_name.is_empty() {
            String::new()
        } else {
            format!(", '{own_name}'")
        };
        format!(", tzinfo=datetime.timezone({}{comma})", delta_text(parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_written_as_decimal_writes_them() {
        assert_eq!(decimal_notation("3980", -2), "39.80");
        assert_eq!(decimal_notation("1", -7), "1E-7");
        assert_eq!(decimal_notation("5", -3), "0.005");
        assert_eq!(decimal_notation("12", 3), "1.2E+4");
        assert_eq!(decimal_notation("0", 0), "0");
    }

    #[test]
    fn paths_are_normalised() {
        assert_eq!(normal_path("a//b/./c/"), "a/b/c");
        assert_eq!(normal_path("/"), "/");
        assert_eq!(normal_path(""), ".");
    }
}
