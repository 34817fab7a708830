//! Values of classes: instances, exceptions, members, and what the standard library defines.

use execmap_record::format::token::{self, bytes_kind, named_kind, seq_kind};
use pyo3::ffi;

use super::types::{Kind, TypeInfo};
use super::values::{Encoder, MAX_DEPTH, MAX_ITEMS, is_text};
use super::{others, standard};

impl Encoder<'_> {
    pub(super) unsafe fn typed(&mut self, object: *mut ffi::PyObject, info: &TypeInfo, depth: u32) {
        // SAFETY: a live object of that type, in all of what follows.
        unsafe {
            match info.kind {
                Kind::Object => self.object(object, info, depth),
                Kind::Extended => self.extended(object, info, depth),
                Kind::NamedTuple => self.named_tuple(object, info, depth),
                Kind::Member => self.member(object, info, depth),
                Kind::Exception | Kind::BuiltinException => self.exception(object, info, depth),
                Kind::Class => self.class(object),
                Kind::Function => self.named(named_kind::FUNCTION, &others::function_name(object)),
                Kind::Builtin => self.named(named_kind::BUILTIN, &others::builtin_name(object)),
                Kind::Method => self.named(named_kind::METHOD, &others::method_name(object)),
                Kind::Module => self.named(named_kind::MODULE, &others::module_name(object)),
                Kind::Generator => {
                    self.named(named_kind::GENERATOR, &others::generator_name(object));
                }
                Kind::Coroutine => {
                    self.named(named_kind::COROUTINE, &others::generator_name(object));
                }
                Kind::AsyncGenerator => {
                    self.named(named_kind::ASYNC_GENERATOR, &others::generator_name(object));
                }
                Kind::Deque => self.deque(object, depth),
                Kind::Decimal
                | Kind::Date
                | Kind::DateTime
                | Kind::Time
                | Kind::TimeDelta
                | Kind::Uuid
                | Kind::Path => match standard::own_text(object, info.kind) {
                    Some(text) => self.own_text(&text),
                    None => self.object(object, info, depth),
                },
            }
        }
    }

    unsafe fn class(&mut self, object: *mut ffi::PyObject) {
        // SAFETY: a live type.
        unsafe {
            let info = self.values.types.of(
                object.cast(),
                &mut self.values.symbols,
                self.session,
                &self.values.redactor,
            );
            let begun = self.out.begin(token::CLASS);
            self.out.u32((*info).id.0);
            self.out.end(begun);
        }
    }

    unsafe fn member(&mut self, object: *mut ffi::PyObject, info: &TypeInfo, depth: u32) {
        // SAFETY: a live member of an enumeration.
        unsafe {
            let name = others::attribute(object, info, b"_name_");
            let symbol = if name.is_null() || ffi::PyUnicode_CheckExact(name) == 0 {
                None
            } else {
                self.values
                    .symbols
                    .of_str(name, self.session, &self.values.redactor)
            };
            let Some(symbol) = symbol else {
                return self.object(object, info, depth);
            };
            let begun = self.out.begin(token::MEMBER);
            self.out.u32(info.id.0);
            self.out.u32(symbol.id.0);
            self.out.end(begun);
        }
    }

    unsafe fn deque(&mut self, object: *mut ffi::PyObject, depth: u32) {
        // SAFETY: an exact `deque`: its length and items come from C code alone.
        unsafe {
            let full = ffi::PySequence_Size(object).max(0) as usize;
            let begun = self.begin_items(seq_kind::DEQUE, full);
            let mut kept = 0;
            while depth < MAX_DEPTH
                && kept < full.min(MAX_ITEMS)
                && self.nodes > 0
                && !self.out.is_cut()
            {
                let item = ffi::PySequence_GetItem(object, kept as isize);
                if item.is_null() {
                    ffi::PyErr_Clear();
                    break;
                }
                self.node(item, depth + 1);
                ffi::Py_DECREF(item);
                kept += 1;
            }
            self.end_items(begun, kept, full);
        }
    }

    unsafe fn object(&mut self, object: *mut ffi::PyObject, info: &TypeInfo, depth: u32) {
        let begun = self.out.begin(token::OBJECT);
        self.out.u32(info.id.0);
        // SAFETY: the caller's.
        unsafe { self.attributes(object, info, depth, 0, |_| {}) };
        self.out.end(begun);
    }

    /// A subclass of a builtin type: its builtin value, then its attributes.
    unsafe fn extended(&mut self, object: *mut ffi::PyObject, info: &TypeInfo, depth: u32) {
        let begun = self.out.begin(token::OBJECT);
        self.out.u32(info.id.0);
        // SAFETY: the caller's; each check proves the builtin layout that is then read.
        unsafe {
            self.attributes(object, info, depth, 1, |this| {
                this.nodes = this.nodes.saturating_sub(1);
                if ffi::PyUnicode_Check(object) != 0 {
                    this.str(object);
                } else if ffi::PyLong_Check(object) != 0 {
                    this.any_int(object);
                } else if ffi::PyFloat_Check(object) != 0 {
                    this.out
                        .tag8(token::FLOAT, ffi::PyFloat_AS_DOUBLE(object).to_bits());
                } else if ffi::PyBytes_Check(object) != 0 {
                    let data = ffi::PyBytes_AsString(object).cast::<u8>();
                    let len = ffi::Py_SIZE(object) as usize;
                    this.bytes(bytes_kind::BYTES, std::slice::from_raw_parts(data, len));
                } else if ffi::PyList_Check(object) != 0 {
                    this.sequence(object, seq_kind::LIST, depth);
                } else if ffi::PyTuple_Check(object) != 0 {
                    this.sequence(object, seq_kind::TUPLE, depth);
                } else if ffi::PyDict_Check(object) != 0 {
                    this.dict(object, seq_kind::DICT, depth);
                } else {
                    let is_frozen = ffi::PyFrozenSet_Check(object) != 0;
                    let kind = if is_frozen {
                        seq_kind::FROZENSET
                    } else {
                        seq_kind::SET
                    };
                    this.set(object, kind, depth);
                }
            });
        }
        self.out.end(begun);
    }

    /// An `int` or an instance of a subclass, by its digits.
    unsafe fn any_int(&mut self, object: *mut ffi::PyObject) {
        // SAFETY: a live integer: tag and digits behind the head.
        unsafe {
            let tag = object.cast::<usize>().add(2).read();
            let digits = std::slice::from_raw_parts(object.cast::<u32>().add(6), (tag >> 3).max(1));
            let is_negative = tag & 3 == 2;
            if digits.len() == 1 {
                let digit = i64::from(digits[0]);
                let value = if tag & 3 == 1 {
                    0
                } else if is_negative {
                    -digit
                } else {
                    digit
                };
                return self.out.tag8(token::INT64, value as u64);
            }
            if digits.len() == 2 {
                let value = i64::from(digits[0]) | i64::from(digits[1]) << 30;
                return self.out.tag8(
                    token::INT64,
                    if is_negative { -value } else { value } as u64,
                );
            }
            self.big_int(digits, is_negative);
        }
    }

    unsafe fn named_tuple(&mut self, object: *mut ffi::PyObject, info: &TypeInfo, depth: u32) {
        // SAFETY: an instance of a subclass of `tuple`.
        unsafe {
            let full = ffi::Py_SIZE(object) as usize;
            if info.fields.len() != full {
                return self.extended(object, info, depth);
            }
            let begun = self.out.begin(token::OBJECT);
            self.out.u32(info.id.0);
            let count_at = self.out.len();
            self.out.raw(&[0]);
            self.out.raw(&(full as u16).to_le_bytes());
            self.out.raw(&[0]);
            let items = (&raw const (*object.cast::<ffi::PyTupleObject>()).ob_item)
                .cast::<*mut ffi::PyObject>();
            let mut kept = 0;
            while depth < MAX_DEPTH
                && kept < full.min(MAX_ITEMS)
                && self.nodes > 0
                && !self.out.is_cut()
            {
                let field = info.fields[kept];
                self.attribute(field.name.0, field.is_secret, *items.add(kept), depth);
                kept += 1;
            }
            self.was_cut |= kept < full;
            self.out.patch(count_at, &[kept as u8]);
            self.out.end(begun);
        }
    }

    unsafe fn attribute(
        &mut self,
        name: u32,
        is_secret: bool,
        value: *mut ffi::PyObject,
        depth: u32,
    ) {
        self.out.u32(name);
        if value.is_null() {
            return self.out.tag(token::UNBOUND);
        }
        // SAFETY: a live object.
        unsafe {
            if is_secret && self.values.is_redacting && is_text(value) {
                self.nodes = self.nodes.saturating_sub(1);
                self.hide(value, "attribute");
            } else {
                self.node(value, depth + 1);
            }
        }
    }

    /// Counts, base value, slots and `__dict__` of an instance.
    unsafe fn attributes(
        &mut self,
        object: *mut ffi::PyObject,
        info: &TypeInfo,
        depth: u32,
        has_base: u8,
        base: impl FnOnce(&mut Self),
    ) {
        let counts_at = self.out.len();
        self.out.raw(&[0, 0, 0, has_base]);
        base(self);
        // SAFETY: the caller's.
        let (kept, full) = unsafe { self.slots_and_dict(object, info, depth) };
        self.end_attributes(counts_at, kept, full);
    }

    fn end_attributes(&mut self, counts_at: usize, kept: usize, full: usize) {
        self.was_cut |= kept < full;
        self.out.patch(counts_at, &[kept as u8]);
        self.out.patch(
            counts_at + 1,
            &(full.min(usize::from(u16::MAX)) as u16).to_le_bytes(),
        );
    }

    /// Writes slots and `__dict__` of an instance; how many, and how many there are.
    unsafe fn slots_and_dict(
        &mut self,
        object: *mut ffi::PyObject,
        info: &TypeInfo,
        depth: u32,
    ) -> (usize, usize) {
        let (mut kept, mut full) = (0usize, 0usize);
        // SAFETY: an instance of the type: its slots lie at the offsets that the type's own
        // descriptors name; a slot may be empty.
        unsafe {
            for slot in &info.slots {
                let value = object
                    .cast::<u8>()
                    .offset(slot.offset)
                    .cast::<*mut ffi::PyObject>()
                    .read();
                if value.is_null() {
                    continue;
                }
                full += 1;
                if depth < MAX_DEPTH && kept < MAX_ITEMS && self.nodes > 0 && !self.out.is_cut() {
                    self.attribute(slot.name.0, slot.is_secret, value, depth);
                    kept += 1;
                }
            }
            let in_dict = others::dict_of(object, info);
            full += in_dict.len();
            in_dict.for_each(|key, value| {
                if depth >= MAX_DEPTH || kept >= MAX_ITEMS || self.nodes == 0 || self.out.is_cut() {
                    return false;
                }
                if ffi::PyUnicode_CheckExact(key) != 0
                    && let Some(symbol) =
                        self.values
                            .symbols
                            .of_str(key, self.session, &self.values.redactor)
                {
                    self.attribute(symbol.id.0, symbol.is_secret_name, value, depth);
                    kept += 1;
                }
                true
            });
        }
        (kept, full)
    }

    unsafe fn exception(&mut self, object: *mut ffi::PyObject, info: &TypeInfo, depth: u32) {
        let is_builtin = info.kind == Kind::BuiltinException;
        let begun = self.out.begin(token::EXCEPTION);
        self.out.u32(info.id.0);
        self.out.raw(&[u8::from(is_builtin)]);
        let counts_at = self.out.len();
        self.out.raw(&[0, 0, 0]);
        // SAFETY: an instance of BaseException; its arguments are a tuple.
        unsafe {
            let args = (*object.cast::<ffi::PyBaseExceptionObject>()).args;
            if args.is_null() {
                self.items(std::ptr::null(), 0, seq_kind::TUPLE, depth);
            } else {
                self.sequence(args, seq_kind::TUPLE, depth);
            }
            let (kept, full) = if is_builtin {
                let kept = self.file_names(object, depth);
                (kept, kept)
            } else {
                self.slots_and_dict(object, info, depth)
            };
            self.end_attributes(counts_at, kept, full);
        }
        self.out.end(begun);
    }

    /// The files of an `OSError`, which are no arguments of it but part of its message.
    unsafe fn file_names(&mut self, object: *mut ffi::PyObject, depth: u32) -> usize {
        // SAFETY: a live exception; the fields are there when its type says so.
        unsafe {
            if ffi::PyObject_TypeCheck(object, ffi::PyExc_OSError.cast()) == 0 {
                return 0;
            }
            let error = object.cast::<ffi::PyOSErrorObject>();
            let mut kept = 0;
            for (name, value) in [
                ("filename", (*error).filename),
                ("filename2", (*error).filename2),
            ] {
                if value.is_null() || value == ffi::Py_None() {
                    continue;
                }
                if let Some(symbol) = self.values.symbols.of_bytes(
                    name.as_bytes(),
                    self.session,
                    &self.values.redactor,
                ) {
                    self.attribute(symbol.id.0, false, value, depth);
                    kept += 1;
                }
            }
            kept
        }
    }
}
