//! How particular objects are read: attributes, names, and types that give their own text.

use pyo3::ffi;

use super::layout;
use super::types::{TypeInfo, dict_get, text_of};

unsafe extern "C" {
    fn _PyObject_GetDictPtr(object: *mut ffi::PyObject) -> *mut *mut ffi::PyObject;
}

/// An attribute of an object of a builtin type, a new reference, null when it cannot be had.
///
/// # Safety
/// An object of an exact builtin type whose attribute of that name is a slot or a function of C.
pub(super) unsafe fn attribute_of_c(object: *mut ffi::PyObject, name: &[u8]) -> *mut ffi::PyObject {
    // SAFETY: the caller's; an error is cleared.
    unsafe {
        let name = ffi::PyUnicode_FromStringAndSize(name.as_ptr().cast(), name.len() as isize);
        let value = ffi::PyObject_GenericGetAttr(object, name);
        ffi::Py_XDECREF(name);
        if value.is_null() {
            ffi::PyErr_Clear();
        }
        value
    }
}

/// Appends a character in UTF-8; a lone surrogate in three bytes, as if it were a character.
pub(super) fn push_char(out: &mut Vec<u8>, code: u32) {
    match char::from_u32(code) {
        Some(char) => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        None => out.extend_from_slice(&[
            0xed,
            0x80 | (code >> 6 & 0x3f) as u8,
            0x80 | (code & 0x3f) as u8,
        ]),
    }
}

/// The first characters of a text.
pub(super) fn head(text: &str, chars: usize) -> &str {
    text.char_indices()
        .nth(chars)
        .map_or(text, |(end, _)| &text[..end])
}

fn in_module(module: &str, name: &str) -> String {
    match module {
        "" | "__main__" | "builtins" => name.to_owned(),
        _ => format!("{module}.{name}"),
    }
}

/// # Safety
/// An exact function.
pub(super) unsafe fn function_name(object: *mut ffi::PyObject) -> String {
    // SAFETY: the caller's; both fields hold objects or null.
    unsafe {
        let function = object.cast::<ffi::PyFunctionObject>();
        in_module(
            &text_of((*function).func_module),
            &text_of((*function).func_qualname),
        )
    }
}

/// # Safety
/// An exact builtin function or method.
pub(super) unsafe fn builtin_name(object: *mut ffi::PyObject) -> String {
    // SAFETY: the caller's; the method's definition is static text of C.
    unsafe {
        let function = object.cast::<ffi::PyCFunctionObject>();
        let name = std::ffi::CStr::from_ptr((*(*function).m_ml).ml_name).to_string_lossy();
        in_module(&text_of((*function).m_module), &name)
    }
}

/// # Safety
/// An exact bound method.
pub(super) unsafe fn method_name(object: *mut ffi::PyObject) -> String {
    // SAFETY: the caller's.
    unsafe {
        // `im_func` lies right behind the head.
        let function = object.cast::<*mut ffi::PyObject>().add(2).read();
        if ffi::PyFunction_Check(function) != 0 {
            function_name(function)
        } else {
            "?".to_owned()
        }
    }
}

/// # Safety
/// An exact module.
pub(super) unsafe fn module_name(object: *mut ffi::PyObject) -> String {
    // SAFETY: the caller's.
    unsafe { text_of(dict_get(ffi::PyModule_GetDict(object), b"__name__")) }
}

/// # Safety
/// An exact generator, coroutine or asynchronous generator.
pub(super) unsafe fn generator_name(object: *mut ffi::PyObject) -> String {
    // SAFETY: the caller's.
    unsafe {
        if !layout::is_sound() {
            let name = attribute_of_c(object, b"__qualname__");
            let text = text_of(name);
            ffi::Py_XDECREF(name);
            return text;
        }
        text_of(
            object
                .cast::<u8>()
                .add(layout::generator::QUALNAME)
                .cast::<*mut ffi::PyObject>()
                .read(),
        )
    }
}

/// The attributes of an instance, wherever CPython keeps them.
pub(super) enum InstanceDict {
    None,
    Dict(*mut ffi::PyObject),
    Inline {
        values: *const *mut ffi::PyObject,
        order: [u8; MOST_INLINE],
        len: usize,
        entries: *const *mut ffi::PyObject,
    },
}

/// More values than CPython keeps inline (`SHARED_KEYS_MAX_SIZE` is 30).
const MOST_INLINE: usize = 32;

impl InstanceDict {
    pub(super) fn len(&self) -> usize {
        match self {
            InstanceDict::None => 0,
            // SAFETY: a live dictionary.
            InstanceDict::Dict(dict) => unsafe { ffi::PyDict_Size(*dict).max(0) as usize },
            InstanceDict::Inline { len, .. } => *len,
        }
    }

    /// Hands key and value to `each` until it says false.
    ///
    /// # Safety
    /// The instance is alive and unchanged.
    pub(super) unsafe fn for_each(
        &self,
        mut each: impl FnMut(*mut ffi::PyObject, *mut ffi::PyObject) -> bool,
    ) {
        // SAFETY: the caller's.
        unsafe {
            match self {
                InstanceDict::None => {}
                InstanceDict::Dict(dict) => {
                    let (mut at, mut key, mut value) =
                        (0, std::ptr::null_mut(), std::ptr::null_mut());
                    while ffi::PyDict_Next(*dict, &raw mut at, &raw mut key, &raw mut value) != 0 {
                        if !each(key, value) {
                            return;
                        }
                    }
                }
                InstanceDict::Inline {
                    values,
                    order,
                    len,
                    entries,
                } => {
                    for &index in &order[..*len] {
                        let key = *entries.add(2 * usize::from(index));
                        if !each(key, *values.add(usize::from(index))) {
                            return;
                        }
                    }
                }
            }
        }
    }
}

/// Whether the next entry of a dictionary lies at most so many places away: entries that were removed
/// leave their places empty.
///
/// # Safety
/// A live dictionary; `at` is where `PyDict_Next` goes on; the layout is as the constants say.
pub(super) unsafe fn next_is_near(dict: *mut ffi::PyObject, at: isize, most: isize) -> bool {
    // SAFETY: the caller's, and the layout is proven: keys and, of a dictionary that shares them, values;
    // the keys' table is a head of 32 bytes, indices, then entries of key and value, or of hash, key and value.
    unsafe {
        let dict = dict.cast::<u8>();
        let keys = dict.add(layout::dict::KEYS).cast::<*const u8>().read();
        let values = dict.add(layout::dict::VALUES).cast::<*const u8>().read();
        let count = keys.add(24).cast::<isize>().read();
        if !values.is_null() || count - at <= most {
            return true;
        }
        let words = if keys.add(10).read() == 0 { 3 } else { 2 };
        let entries: *const usize = keys.add(32 + (1usize << keys.add(9).read())).cast();
        (at..at + most).any(|index| entries.offset(index * words + words - 1).read() != 0)
    }
}

/// The keys that instances of a heap type share: entries of key and value, and how many.
unsafe fn shared_entries(of: *mut ffi::PyTypeObject) -> Option<(*const *mut ffi::PyObject, usize)> {
    // SAFETY: a heap type with managed dictionaries keeps its shared keys there; their table is a
    // head of 32 bytes, indices, then entries of key and value.
    unsafe {
        let keys = of
            .cast::<u8>()
            .add(layout::TYPE_CACHED_KEYS)
            .cast::<*const u8>()
            .read();
        if keys.is_null() {
            return None;
        }
        let index_bytes = 1usize << keys.add(9).read();
        let count = keys.add(24).cast::<usize>().read();
        Some((keys.add(32 + index_bytes).cast(), count))
    }
}

/// Finds the attributes of an instance without making a dictionary of them.
///
/// # Safety
/// A live instance of the type.
pub(super) unsafe fn dict_of(object: *mut ffi::PyObject, info: &TypeInfo) -> InstanceDict {
    // SAFETY: the caller's.
    unsafe {
        if info.has_managed_dict {
            return if layout::is_sound() {
                managed_dict(object)
            } else {
                made_dict(object)
            };
        }
        if info.dict_offset > 0 {
            let dict = object
                .cast::<u8>()
                .offset(info.dict_offset)
                .cast::<*mut ffi::PyObject>()
                .read();
            return if dict.is_null() {
                InstanceDict::None
            } else {
                InstanceDict::Dict(dict)
            };
        }
        if info.dict_offset < 0 {
            let place = _PyObject_GetDictPtr(object);
            if !place.is_null() && !(*place).is_null() {
                return InstanceDict::Dict(*place);
            }
        }
        InstanceDict::None
    }
}

/// The dictionary of an instance by the public API, which makes one where there is none yet.
#[expect(
    clippy::disallowed_methods,
    reason = "where the values stand is not known; the trace says that it was read so"
)]
unsafe fn made_dict(object: *mut ffi::PyObject) -> InstanceDict {
    // SAFETY: a live instance of a type with managed dictionaries; it keeps its dictionary.
    unsafe {
        let dict = ffi::PyObject_GenericGetDict(object, std::ptr::null_mut());
        if dict.is_null() {
            ffi::PyErr_Clear();
            return InstanceDict::None;
        }
        ffi::Py_DECREF(dict);
        InstanceDict::Dict(dict)
    }
}

/// Three words before the object: a dictionary, or, tagged by its lowest bit, the values.
#[cfg(not(Py_3_13))]
pub(super) unsafe fn managed_dict(object: *mut ffi::PyObject) -> InstanceDict {
    // SAFETY: the type says that the instance has these words; behind the values' front lie, going
    // down, their number and the order in which they were set.
    unsafe {
        let word = object.cast::<usize>().sub(3).read();
        if word == 0 {
            return InstanceDict::None;
        }
        if word & 1 == 0 {
            return InstanceDict::Dict(word as *mut ffi::PyObject);
        }
        let values = (word + 1) as *const *mut ffi::PyObject;
        let size_at = values.cast::<u8>().sub(2);
        let size = usize::from(size_at.read());
        let order = (1..=size).map(|index| size_at.sub(index).read());
        inline(object, values, order)
    }
}

/// Values behind the object's head, while they are valid; a dictionary three words before it.
#[cfg(Py_3_13)]
pub(super) unsafe fn managed_dict(object: *mut ffi::PyObject) -> InstanceDict {
    const INLINE_VALUES: std::ffi::c_ulong = 1 << 2;
    // SAFETY: the type says that the instance has these words; the values' head is their capacity,
    // their number, and whether they are valid, and behind them lies the order in which they were set.
    unsafe {
        let dict = object.cast::<*mut ffi::PyObject>().sub(3).read();
        if !dict.is_null() {
            return InstanceDict::Dict(dict);
        }
        let of = ffi::Py_TYPE(object);
        if ffi::PyType_HasFeature(of, INLINE_VALUES) == 0 {
            return InstanceDict::None;
        }
        let head = object.cast::<u8>().offset((*of).tp_basicsize);
        let (capacity, size, is_valid) = (head.read(), head.add(1).read(), head.add(3).read());
        if is_valid == 0 {
            return InstanceDict::None;
        }
        let values = head.add(8).cast::<*mut ffi::PyObject>();
        let order_at = values.add(usize::from(capacity)).cast::<u8>();
        let order = (0..usize::from(size)).map(|index| order_at.add(index).read());
        inline(object, values, order)
    }
}

unsafe fn inline(
    object: *mut ffi::PyObject,
    values: *const *mut ffi::PyObject,
    order: impl Iterator<Item = u8>,
) -> InstanceDict {
    // SAFETY: a live instance with inline values.
    unsafe {
        let Some((entries, count)) = shared_entries(ffi::Py_TYPE(object)) else {
            return InstanceDict::None;
        };
        let is_set = |index: &u8| {
            usize::from(*index) < count && !(*values.add(usize::from(*index))).is_null()
        };
        let mut kept = [0; MOST_INLINE];
        let mut len = 0;
        for (place, index) in kept.iter_mut().zip(order.filter(is_set)) {
            *place = index;
            len += 1;
        }
        InstanceDict::Inline {
            values,
            order: kept,
            len,
            entries,
        }
    }
}

/// An attribute that lies in a slot's or dictionary's place, borrowed, null when there is none.
///
/// # Safety
/// A live instance of the type.
pub(super) unsafe fn attribute(
    object: *mut ffi::PyObject,
    info: &TypeInfo,
    name: &[u8],
) -> *mut ffi::PyObject {
    let mut found = std::ptr::null_mut();
    // SAFETY: the caller's.
    unsafe {
        dict_of(object, info).for_each(|key, value| {
            let is_it = ffi::PyUnicode_CheckExact(key) != 0
                && super::symbols::ascii_bytes(key) == Some(name);
            if is_it {
                found = value;
            }
            !is_it
        });
    }
    found
}
