//! Values, read structurally: no user code runs, nothing is changed, everything is bounded.

use execmap_record::Session;
use execmap_record::format::token::{self, bytes_kind, seq_kind};
use execmap_record::os::Tokens;
use pyo3::ffi;

use super::layout;
use super::others;
use super::store::Values;
use super::symbols::{ascii_bytes, is_interned};
use super::types::{Kind, each_char, text_of};

/// Characters of a text and bytes of bytes that are kept.
pub(crate) const MAX_CHARS: usize = 200;
/// Items of a container and attributes of an instance that are kept.
pub(crate) const MAX_ITEMS: usize = 10;
/// Containers and instances nested deeper are cut.
pub(crate) const MAX_DEPTH: u32 = 3;
/// Values inside one value, itself included.
pub(crate) const MAX_NODES: u32 = 24;
/// Bytes of a secret by which it is known again.
const MOST_SECRET: usize = execmap_record::REMEMBERED_BYTES;
/// Places of a set or dictionary that are looked at, so that one which is all but emptied costs no more
/// than any other.
const MOST_PLACES: isize = 1 << 12;
/// Larger integers are shown by their size.
const MAX_INT_BITS: usize = 1024;

pub(super) struct Encoder<'a> {
    pub(super) values: &'a mut Values,
    pub(super) session: &'a mut Session,
    pub(super) out: &'a mut Tokens,
    pub(super) nodes: u32,
    pub(super) was_cut: bool,
}

pub(super) unsafe fn is_text(object: *mut ffi::PyObject) -> bool {
    // SAFETY: a live object; the checks read flags of its type.
    unsafe {
        ffi::PyUnicode_Check(object) != 0
            || ffi::PyBytes_Check(object) != 0
            || ffi::Py_TYPE(object) == &raw mut ffi::PyByteArray_Type
    }
}

/// The first bytes of a text for remembering.
unsafe fn secret_bytes(object: *mut ffi::PyObject) -> Vec<u8> {
    let slice = |data: *mut std::ffi::c_char, len: isize| {
        // SAFETY: bytes that live as long as their object.
        unsafe { std::slice::from_raw_parts(data.cast::<u8>(), (len as usize).min(MOST_SECRET)) }
            .to_vec()
    };
    // SAFETY: a live text or bytes.
    unsafe {
        if ffi::PyBytes_Check(object) != 0 {
            return slice(ffi::PyBytes_AsString(object), ffi::PyBytes_Size(object));
        }
        if ffi::Py_TYPE(object) == &raw mut ffi::PyByteArray_Type {
            return slice(
                ffi::PyByteArray_AsString(object),
                ffi::PyByteArray_Size(object),
            );
        }
        let mut bytes = Vec::new();
        each_char(object, MOST_SECRET, |char| {
            others::push_char(&mut bytes, char);
        });
        bytes.truncate(MOST_SECRET);
        bytes
    }
}

impl<'a> Encoder<'a> {
    pub(super) fn new(
        values: &'a mut Values,
        session: &'a mut Session,
        out: &'a mut Tokens,
    ) -> Encoder<'a> {
        Encoder {
            values,
            session,
            out,
            nodes: 0,
            was_cut: false,
        }
    }

    /// Writes one value.
    ///
    /// # Safety
    /// A live object, or null for a name without a value; the thread is attached.
    #[inline]
    pub(super) unsafe fn value(&mut self, object: *mut ffi::PyObject) {
        // SAFETY: the caller's, in all of what follows.
        unsafe {
            if object.is_null() {
                return self.out.tag(token::UNBOUND);
            }
            if self.simple(object) {
                return;
            }
            let begun = self.out.len();
            self.nodes = MAX_NODES;
            self.was_cut = false;
            self.node(object, 0);
            if self.out.is_cut() || self.out.len() - begun > usize::from(u16::MAX) {
                self.out.restart_at(begun);
                self.out.not_recorded();
                self.values.left_out.not_recorded += 1;
            }
            self.values.left_out.cut += u64::from(self.was_cut);
        }
    }

    /// Writes the type of an exception and nothing of its content.
    ///
    /// # Safety
    /// A live exception; the thread is attached.
    pub(super) unsafe fn type_alone(&mut self, exception: *mut ffi::PyObject) {
        // SAFETY: the caller's.
        let info = unsafe {
            let of = ffi::Py_TYPE(exception);
            &*self.values.types.of(
                of,
                &mut self.values.symbols,
                self.session,
                &self.values.redactor,
            )
        };
        let begun = self.out.begin(token::EXCEPTION);
        self.out.u32(info.id.0);
        self.out
            .raw(&[u8::from(info.kind == Kind::BuiltinException), 0, 0, 0]);
        let items = self.begin_items(seq_kind::TUPLE, 0);
        self.end_items(items, 0, 0);
        self.out.end(begun);
    }

    /// Remembers a value that goes under a secret's name, before anything that may hold it is written.
    ///
    /// # Safety
    /// A live object or null.
    pub(super) unsafe fn remember_secret(&mut self, object: *mut ffi::PyObject) {
        // SAFETY: the caller's.
        unsafe {
            if self.values.is_redacting && !object.is_null() && is_text(object) {
                let secret = secret_bytes(object);
                self.values.remember(&secret);
            }
        }
    }

    /// Writes a value that goes under a name which may be a secret's.
    ///
    /// # Safety
    /// As for [`Encoder::value`].
    #[inline]
    pub(super) unsafe fn named_value(
        &mut self,
        object: *mut ffi::PyObject,
        is_secret: bool,
        name: &str,
    ) {
        // SAFETY: the caller's.
        unsafe {
            if is_secret && self.values.is_redacting && !object.is_null() && is_text(object) {
                self.hide(object, name);
            } else {
                self.value(object);
            }
        }
    }

    pub(super) unsafe fn hide(&mut self, object: *mut ffi::PyObject, name: &str) {
        // SAFETY: a live text.
        let secret = unsafe { secret_bytes(object) };
        self.values.remember(&secret);
        self.values.note_hidden(name);
        self.out.tag(token::HIDDEN);
    }

    /// Writes a constant or a small number; false for anything else.
    #[inline]
    unsafe fn simple(&mut self, object: *mut ffi::PyObject) -> bool {
        // SAFETY: a live object; a compact integer has its tag and its first digit behind the head.
        unsafe {
            let of = ffi::Py_TYPE(object);
            if of == &raw mut ffi::PyLong_Type {
                let tag = object.cast::<usize>().add(2).read();
                if tag < 16 {
                    let digit = object.cast::<u32>().add(6).read();
                    let sign = 1 - (tag & 3) as i32;
                    self.out.tag4(token::INT32, (sign * digit as i32) as u32);
                    return true;
                }
                return false;
            }
            if object == ffi::Py_None() {
                self.out.tag(token::NONE);
            } else if of == &raw mut ffi::PyBool_Type {
                self.out.tag(if object == ffi::Py_True() {
                    token::TRUE
                } else {
                    token::FALSE
                });
            } else if of == &raw mut ffi::PyFloat_Type {
                self.out
                    .tag8(token::FLOAT, ffi::PyFloat_AS_DOUBLE(object).to_bits());
            } else {
                return false;
            }
            true
        }
    }

    pub(super) unsafe fn node(&mut self, object: *mut ffi::PyObject, depth: u32) {
        self.nodes = self.nodes.saturating_sub(1);
        // SAFETY: a live object, in all of what follows.
        unsafe {
            if self.simple(object) {
                return;
            }
            let of = ffi::Py_TYPE(object);
            if of == &raw mut ffi::PyUnicode_Type {
                self.str(object);
            } else if of == &raw mut ffi::PyLong_Type {
                self.int(object);
            } else if of == &raw mut ffi::PyList_Type {
                self.sequence(object, seq_kind::LIST, depth);
            } else if of == &raw mut ffi::PyTuple_Type {
                self.sequence(object, seq_kind::TUPLE, depth);
            } else if of == &raw mut ffi::PyDict_Type {
                self.dict(object, seq_kind::DICT, depth);
            } else if !self.rarer(object, of, depth) {
                let info = self.values.types.of(
                    of,
                    &mut self.values.symbols,
                    self.session,
                    &self.values.redactor,
                );
                // SAFETY: types are boxed and only forgotten when they die, which this one cannot
                // while its instance is read.
                self.typed(object, &*info, depth);
            }
        }
    }

    unsafe fn rarer(
        &mut self,
        object: *mut ffi::PyObject,
        of: *mut ffi::PyTypeObject,
        depth: u32,
    ) -> bool {
        // SAFETY: a live object of type `of`.
        unsafe {
            if of == &raw mut ffi::PyBytes_Type {
                let data = ffi::PyBytes_AsString(object).cast::<u8>();
                self.bytes(
                    bytes_kind::BYTES,
                    std::slice::from_raw_parts(data, ffi::PyBytes_Size(object) as usize),
                );
            } else if of == &raw mut ffi::PyByteArray_Type {
                let data = ffi::PyByteArray_AsString(object).cast::<u8>();
                let len = ffi::PyByteArray_Size(object) as usize;
                self.bytes(bytes_kind::BYTEARRAY, std::slice::from_raw_parts(data, len));
            } else if of == &raw mut ffi::PySet_Type {
                self.set(object, seq_kind::SET, depth);
            } else if of == &raw mut ffi::PyFrozenSet_Type {
                self.set(object, seq_kind::FROZENSET, depth);
            } else if of == &raw mut ffi::PyComplex_Type {
                let value = (*object.cast::<ffi::PyComplexObject>()).cval;
                let begun = self.out.begin(token::COMPLEX);
                self.out.raw(&value.real.to_le_bytes());
                self.out.raw(&value.imag.to_le_bytes());
                self.out.end(begun);
            } else if of == &raw mut ffi::PyRange_Type {
                self.three(object, token::RANGE, [b"start", b"stop", b"step"], depth);
            } else if of == &raw mut ffi::PySlice_Type && depth > MAX_DEPTH {
                self.was_cut = true;
                self.out.not_recorded();
            } else if of == &raw mut ffi::PySlice_Type {
                let slice = object.cast::<ffi::PySliceObject>();
                let begun = self.out.begin(token::SLICE);
                for part in [(*slice).start, (*slice).stop, (*slice).step] {
                    self.node(part, depth + 1);
                }
                self.out.end(begun);
            } else if object == ffi::Py_Ellipsis() {
                self.out.tag(token::ELLIPSIS);
            } else if object == ffi::Py_NotImplemented() {
                self.out.tag(token::NOT_IMPLEMENTED);
            } else {
                return false;
            }
            true
        }
    }

    /// `range`, whose parts are read through its own members.
    unsafe fn three(&mut self, object: *mut ffi::PyObject, tag: u8, names: [&[u8]; 3], depth: u32) {
        let begun = self.out.begin(tag);
        for name in names {
            // SAFETY: an exact `range`, whose members are read-only slots of C.
            unsafe {
                let part = others::attribute_of_c(object, name);
                if part.is_null() {
                    self.out.not_recorded();
                } else {
                    self.node(part, depth + 1);
                    ffi::Py_DECREF(part);
                }
            }
        }
        self.out.end(begun);
    }

    unsafe fn int(&mut self, object: *mut ffi::PyObject) {
        // SAFETY: an exact `int` that is not compact: digits of 30 bits behind the tag, sign in the
        // tag's low bits.
        unsafe {
            let mut overflow = 0;
            let value = ffi::PyLong_AsLongLongAndOverflow(object, &raw mut overflow);
            if overflow == 0 {
                return self.out.tag8(token::INT64, value as u64);
            }
            let tag = object.cast::<usize>().add(2).read();
            let digits = std::slice::from_raw_parts(object.cast::<u32>().add(6), tag >> 3);
            self.big_int(digits, tag & 3 == 2);
        }
    }

    pub(super) fn big_int(&mut self, digits: &[u32], is_negative: bool) {
        let top = digits
            .last()
            .map_or(0, |digit| 32 - digit.leading_zeros() as usize);
        let bits = digits.len().saturating_sub(1) * 30 + top;
        if bits > MAX_INT_BITS {
            self.was_cut = true;
            let begun = self.out.begin(token::HUGE_INT);
            self.out.raw(&(bits as u64).to_le_bytes());
            return self.out.end(begun);
        }
        let mut bytes = [0u8; MAX_INT_BITS / 8 + 1];
        let len = bits / 8 + 1;
        for bit in 0..bits {
            let is_set = digits[bit / 30] >> (bit % 30) & 1;
            bytes[bit / 8] |= (is_set as u8) << (bit % 8);
        }
        if is_negative {
            let mut carry = true;
            for byte in &mut bytes[..len] {
                let (value, over) = (!*byte).overflowing_add(u8::from(carry));
                (*byte, carry) = (value, over);
            }
        }
        self.out.text(token::BIG_INT, &bytes[..len]);
    }

    /// A `str` or an instance of a subclass.
    pub(super) unsafe fn str(&mut self, object: *mut ffi::PyObject) {
        // SAFETY: a live text.
        unsafe {
            let Some(bytes) = ascii_bytes(object) else {
                return self.wide_str(object);
            };
            if is_interned(object)
                && let Some(symbol) =
                    self.values
                        .symbols
                        .of_str(object, self.session, &self.values.redactor)
            {
                if symbol.is_secret_text && self.values.is_redacting {
                    return self.hidden_by_shape();
                }
                return self.out.tag4(token::SYMBOL, symbol.id.0);
            }
            if self.values.is_secret_text(object, bytes) {
                return self.hidden_by_shape();
            }
            if bytes.len() <= MAX_CHARS {
                return self.out.text(token::STR, bytes);
            }
            self.cut_str(&bytes[..MAX_CHARS], bytes.len());
        }
    }

    pub(super) fn hidden_by_shape(&mut self) {
        self.values.note_hidden("by its shape");
        self.out.tag(token::HIDDEN);
    }

    fn cut_str(&mut self, kept: &[u8], full: usize) {
        self.was_cut = true;
        let begun = self.out.begin(token::STR_CUT);
        self.out.raw(&(full as u64).to_le_bytes());
        self.out.raw(kept);
        self.out.end(begun);
    }

    /// A text with characters beyond ASCII.
    unsafe fn wide_str(&mut self, object: *mut ffi::PyObject) {
        // SAFETY: a live text; its characters are read in place, by their width.
        unsafe {
            let full = ffi::PyUnicode_GET_LENGTH(object) as usize;
            let mut utf8 = Vec::with_capacity(full.min(4096) * 2);
            let (mut index, mut kept) = (0, 0);
            each_char(object, 4096, |char| {
                others::push_char(&mut utf8, char);
                index += 1;
                if index <= MAX_CHARS {
                    kept = utf8.len();
                }
            });
            if self.values.is_secret_text(object, &utf8) {
                return self.hidden_by_shape();
            }
            if full <= MAX_CHARS {
                return self.out.text(token::STR, &utf8);
            }
            self.cut_str(&utf8[..kept], full);
        }
    }

    pub(super) fn bytes(&mut self, kind: u8, bytes: &[u8]) {
        if self.values.is_redacting && self.values.redactor.is_secret_text(bytes) {
            return self.hidden_by_shape();
        }
        let kept = &bytes[..bytes.len().min(MAX_CHARS)];
        self.was_cut |= kept.len() < bytes.len();
        let begun = self.out.begin(token::BYTES);
        self.out.raw(&[kind]);
        self.out.raw(&(bytes.len() as u64).to_le_bytes());
        self.out.raw(kept);
        self.out.end(begun);
    }

    /// Begins a container of `full` items; gives the places of the token and of the count.
    pub(super) fn begin_items(&mut self, kind: u8, full: usize) -> (usize, usize) {
        let begun = self.out.begin(token::SEQ);
        self.out.raw(&[kind, 0]);
        self.out.u32(full.min(u32::MAX as usize) as u32);
        (begun, begun + 4)
    }

    pub(super) fn end_items(
        &mut self,
        (begun, count_at): (usize, usize),
        kept: usize,
        full: usize,
    ) {
        self.was_cut |= kept < full;
        self.out.patch(count_at, &[kept as u8]);
        self.out.end(begun);
    }

    pub(super) unsafe fn sequence(&mut self, object: *mut ffi::PyObject, kind: u8, depth: u32) {
        // SAFETY: a list or tuple; nothing that runs here can change it.
        unsafe {
            let full = ffi::Py_SIZE(object) as usize;
            let items: *const *mut ffi::PyObject = if ffi::PyList_Check(object) != 0 {
                (*object.cast::<ffi::PyListObject>()).ob_item
            } else {
                (&raw const (*object.cast::<ffi::PyTupleObject>()).ob_item).cast()
            };
            self.items(items, full, kind, depth);
        }
    }

    pub(super) unsafe fn items(
        &mut self,
        items: *const *mut ffi::PyObject,
        full: usize,
        kind: u8,
        depth: u32,
    ) {
        let begun = self.begin_items(kind, full);
        let mut kept = 0;
        if depth < MAX_DEPTH {
            // A pair whose first half names a secret, as in a list of headers.
            // SAFETY: `full` live items, or null while a list is being built.
            let secret_pair = unsafe { full == 2 && self.names_secret(*items) };
            while kept < full.min(MAX_ITEMS) && self.nodes > 0 && !self.out.is_cut() {
                // SAFETY: as above.
                unsafe {
                    let item = *items.add(kept);
                    if item.is_null() {
                        self.out.tag(token::UNBOUND);
                    } else if secret_pair && kept == 1 && is_text(item) {
                        self.nodes -= 1;
                        self.hide(item, &text_of(*items));
                    } else {
                        self.node(item, depth + 1);
                    }
                }
                kept += 1;
            }
        }
        self.end_items(begun, kept, full);
    }

    unsafe fn names_secret(&mut self, key: *mut ffi::PyObject) -> bool {
        // SAFETY: a live object or null.
        unsafe {
            if !self.values.is_redacting || key.is_null() {
                return false;
            }
            if ffi::PyUnicode_Check(key) != 0 {
                return match self
                    .values
                    .symbols
                    .of_str(key, self.session, &self.values.redactor)
                {
                    Some(symbol) => symbol.is_secret_name,
                    None => {
                        ffi::PyUnicode_GET_LENGTH(key) < 256
                            && self.values.redactor.is_secret_name(&text_of(key))
                    }
                };
            }
            ffi::PyBytes_Check(key) != 0
                && ffi::PyBytes_Size(key) < 256
                && self
                    .values
                    .redactor
                    .is_secret_name(&String::from_utf8_lossy(&secret_bytes(key)))
        }
    }

    pub(super) unsafe fn dict(&mut self, object: *mut ffi::PyObject, kind: u8, depth: u32) {
        // SAFETY: a dictionary; nothing that runs here can change it.
        unsafe {
            let full = ffi::PyDict_Size(object).max(0) as usize;
            let begun = self.begin_items(kind, full);
            let mut kept = 0;
            let (mut at, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
            while depth < MAX_DEPTH
                && kept < MAX_ITEMS
                && self.nodes > 1
                && !self.out.is_cut()
                && (!layout::is_sound() || others::next_is_near(object, at, MOST_PLACES))
                && ffi::PyDict_Next(object, &raw mut at, &raw mut key, &raw mut value) != 0
            {
                self.node(key, depth + 1);
                if is_text(value) && self.names_secret(key) {
                    self.nodes = self.nodes.saturating_sub(1);
                    self.hide(value, &text_of(key));
                } else {
                    self.node(value, depth + 1);
                }
                kept += 1;
            }
            self.end_items(begun, kept, full);
        }
    }

    pub(super) unsafe fn set(&mut self, object: *mut ffi::PyObject, kind: u8, depth: u32) {
        // SAFETY: a set; its table is read in place: a dead entry has the hash -1.
        unsafe {
            let set = object.cast::<ffi::PySetObject>();
            let full = (*set).used as usize;
            let begun = self.begin_items(kind, full);
            let mut kept = 0;
            let mut index = 0;
            while depth < MAX_DEPTH
                && kept < full.min(MAX_ITEMS)
                && self.nodes > 0
                && !self.out.is_cut()
                && index <= (*set).mask.min(MOST_PLACES)
            {
                let entry = (*set).table.offset(index);
                index += 1;
                if !(*entry).key.is_null() && (*entry).hash != -1 {
                    self.node((*entry).key, depth + 1);
                    kept += 1;
                }
            }
            self.end_items(begun, kept, full);
        }
    }

    pub(super) fn named(&mut self, kind: u8, name: &str) {
        let begun = self.out.begin(token::NAMED);
        self.out.raw(&[kind]);
        self.out.raw(others::head(name, MAX_CHARS).as_bytes());
        self.out.end(begun);
    }

    pub(super) fn own_text(&mut self, text: &str) {
        if self.values.is_redacting && self.values.redactor.is_secret_text(text.as_bytes()) {
            return self.hidden_by_shape();
        }
        self.out
            .text(token::TEXT, others::head(text, MAX_CHARS).as_bytes());
    }
}
