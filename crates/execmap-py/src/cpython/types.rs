//! What is known of each Python type: how its instances are read, and by which name.
//!
//! Everything is read from the type's own structures; no attribute look-up runs.
//! Heap types can die and leave their address to another, so for each a weak
//! reference says whether it is still the same.

use execmap_record::format::{Definition, SymbolId, TypeDef, TypeId};
use execmap_record::{Redactor, Session};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::others::push_char;
use super::symbols::Symbols;

unsafe extern "C" {
    static mut PyMethod_Type: ffi::PyTypeObject;
}

/// How instances of a type are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Slots and `__dict__`.
    Object,
    /// A member of an enumeration.
    Member,
    /// An exception of a builtin type.
    BuiltinException,
    /// An exception of any other type.
    Exception,
    /// An instance of a subclass of a builtin type: its value, then slots and `__dict__`.
    Extended,
    /// A class.
    Class,
    Function,
    Builtin,
    Method,
    Module,
    Generator,
    Coroutine,
    AsyncGenerator,
    Deque,
    Decimal,
    Date,
    DateTime,
    Time,
    TimeDelta,
    Uuid,
    Path,
    NamedTuple,
}

/// A slot of instances.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) offset: isize,
    pub(super) name: SymbolId,
    pub(super) is_secret: bool,
}

/// What is known of a type.
#[derive(Debug)]
pub(super) struct TypeInfo {
    pub(super) id: TypeId,
    pub(super) kind: Kind,
    pub(super) slots: Vec<Slot>,
    pub(super) has_managed_dict: bool,
    pub(super) dict_offset: isize,
    /// Fields of a named tuple.
    pub(super) fields: Vec<Slot>,
    /// A weak reference to a type that may die, null for one that cannot.
    weak: *mut ffi::PyObject,
    /// The qualified name it had, only compared.
    qualname: *mut ffi::PyObject,
}

impl TypeInfo {
    /// Whether this is known of that type under its name, and not of one that died and left its
    /// address to it.
    ///
    /// # Safety
    /// A live type; the thread is attached.
    #[inline]
    unsafe fn is_of(&self, of: *mut ffi::PyTypeObject) -> bool {
        // SAFETY: a weak reference of ours holds what it refers to right behind its head; what has
        // one is a heap type, which keeps its qualified name.
        unsafe {
            self.weak.is_null()
                || (self.weak.cast::<*mut ffi::PyObject>().add(2).read() == of.cast()
                    && (*of.cast::<ffi::PyHeapTypeObject>()).ht_qualname == self.qualname)
        }
    }
}

impl Drop for TypeInfo {
    fn drop(&mut self) {
        // SAFETY: the reference is ours; types are only learnt and forgotten attached.
        unsafe { ffi::Py_XDECREF(self.weak) };
    }
}

/// A weak reference without a callback. A new one is hidden from the collector, as it refers to
/// nothing that the collector needs to know, and a program that counts objects must not see it.
unsafe fn weak_reference(of: *mut ffi::PyTypeObject) -> *mut ffi::PyObject {
    // SAFETY: a live type; an error is cleared.
    unsafe {
        let weak = ffi::PyWeakref_NewRef(of.cast(), std::ptr::null_mut());
        if weak.is_null() {
            ffi::PyErr_Clear();
        } else if ffi::Py_REFCNT(weak) == 1 {
            ffi::PyObject_GC_UnTrack(weak.cast());
        }
        weak
    }
}

/// All types that were met.
pub(super) struct Types {
    known: HashMap<usize, Box<TypeInfo>, FixedState>,
    /// What was asked for last, by a part of the address.
    recent: [(usize, *const TypeInfo); RECENT],
    defined: u32,
}

/// Places for what was asked for last; a power of two.
const RECENT: usize = 64;

impl Default for Types {
    fn default() -> Self {
        Types {
            known: HashMap::default(),
            recent: [(0, std::ptr::null()); RECENT],
            defined: 0,
        }
    }
}

/// # Safety
/// A live type.
unsafe fn has_flag(of: *mut ffi::PyTypeObject, flag: std::ffi::c_ulong) -> bool {
    // SAFETY: the caller's.
    unsafe { ffi::PyType_HasFeature(of, flag) != 0 }
}

/// Characters of a name that are read.
const MOST_CHARS: usize = 64 << 10;

/// The text of a `str`, lossy, empty for anything else. Read in place: a text remembers its UTF-8 once
/// someone asks CPython for it, which the program would see in its size.
///
/// # Safety
/// A live object or null.
pub(super) unsafe fn text_of(text: *mut ffi::PyObject) -> String {
    // SAFETY: the caller's; the characters live as long as the text.
    unsafe {
        if text.is_null() || ffi::PyUnicode_Check(text) == 0 {
            return String::new();
        }
        let mut bytes = Vec::new();
        each_char(text, MOST_CHARS, |char| {
            // A byte that was no text when it was decoded, as in names of files, is that byte again.
            match char {
                0xdc80..=0xdcff => bytes.push(char as u8),
                _ => push_char(&mut bytes, char),
            }
        });
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Hands the first characters of a text to `each`.
///
/// # Safety
/// A live `str` or an instance of a subclass.
pub(super) unsafe fn each_char(text: *mut ffi::PyObject, most: usize, mut each: impl FnMut(u32)) {
    // SAFETY: the caller's; its characters are read in place, by their width.
    unsafe {
        let len = (ffi::PyUnicode_GET_LENGTH(text) as usize).min(most);
        let (kind, data) = (ffi::PyUnicode_KIND(text), ffi::PyUnicode_DATA(text));
        for index in 0..len {
            each(match kind {
                1 => u32::from(data.cast::<u8>().add(index).read()),
                2 => u32::from(data.cast::<u16>().add(index).read()),
                _ => data.cast::<u32>().add(index).read(),
            });
        }
    }
}

/// A text that Python hands over, whatever it holds; see `text_of`.
#[derive(Clone, Debug)]
pub(crate) struct Words(pub(crate) String);

impl FromPyObject<'_, '_> for Words {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Words> {
        let text = object.cast::<PyString>()?;
        // SAFETY: the text is alive for the time of the call.
        Ok(Words(unsafe { text_of(text.as_ptr()) }))
    }
}

/// A value in a dictionary whose keys are texts, borrowed, found without comparing keys by user code.
///
/// # Safety
/// A live dictionary or null.
pub(super) unsafe fn dict_get(dict: *mut ffi::PyObject, name: &[u8]) -> *mut ffi::PyObject {
    // SAFETY: the caller's; nothing here runs code that could change the dictionary.
    unsafe {
        if dict.is_null() || ffi::PyDict_Check(dict) == 0 {
            return std::ptr::null_mut();
        }
        let (mut at, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
        while ffi::PyDict_Next(dict, &raw mut at, &raw mut key, &raw mut value) != 0 {
            if ffi::PyUnicode_CheckExact(key) != 0 && super::symbols::ascii_bytes(key) == Some(name)
            {
                return value;
            }
        }
        std::ptr::null_mut()
    }
}

/// The qualified name and the module of a type.
///
/// # Safety
/// A live type; the thread is attached.
unsafe fn names_of(of: *mut ffi::PyTypeObject) -> (String, String) {
    // SAFETY: the caller's.
    unsafe {
        let plain = std::ffi::CStr::from_ptr((*of).tp_name)
            .to_string_lossy()
            .into_owned();
        if !has_flag(of, ffi::Py_TPFLAGS_HEAPTYPE) {
            return match plain.rsplit_once('.') {
                Some((module, name)) => (name.to_owned(), module.to_owned()),
                None => (plain, "builtins".to_owned()),
            };
        }
        let qualname = text_of((*of.cast::<ffi::PyHeapTypeObject>()).ht_qualname);
        let mut module = text_of(dict_get(type_dict(of), b"__module__"));
        if module.is_empty() {
            module = plain
                .rsplit_once('.')
                .map_or(String::new(), |(module, _)| module.to_owned());
        }
        (if qualname.is_empty() { plain } else { qualname }, module)
    }
}

/// The dictionary of a type, borrowed.
///
/// # Safety
/// A live heap type.
unsafe fn type_dict(of: *mut ffi::PyTypeObject) -> *mut ffi::PyObject {
    // SAFETY: heap types keep their dictionary in the slot.
    unsafe { (*of).tp_dict }
}

impl Types {
    /// What is known of an object's type.
    ///
    /// # Safety
    /// A live type; the thread is attached.
    #[inline]
    pub(super) unsafe fn of(
        &mut self,
        of: *mut ffi::PyTypeObject,
        symbols: &mut Symbols,
        session: &mut Session,
        redactor: &Redactor,
    ) -> *const TypeInfo {
        let place = (of as usize >> 4) & (RECENT - 1);
        let (address, info) = self.recent[place];
        // SAFETY: what is remembered is boxed for as long as it is remembered.
        if address == of as usize && unsafe { (*info).is_of(of) } {
            return info;
        }
        let known = self.known.get(&(of as usize));
        // SAFETY: the caller's.
        let info = match known.filter(|info| unsafe { info.is_of(of) }) {
            Some(info) => &raw const **info,
            // SAFETY: the caller's.
            None => unsafe { self.learn(of, symbols, session, redactor) },
        };
        self.recent[place] = (of as usize, info);
        info
    }

    #[cold]
    unsafe fn learn(
        &mut self,
        of: *mut ffi::PyTypeObject,
        symbols: &mut Symbols,
        session: &mut Session,
        redactor: &Redactor,
    ) -> *const TypeInfo {
        // SAFETY: the caller's, in all of what follows.
        unsafe {
            let (qualname, module) = names_of(of);
            let name = qualname
                .rsplit("<locals>.")
                .next()
                .unwrap_or(&qualname)
                .to_owned();
            let full_name = if module.is_empty() || module == "builtins" {
                qualname
            } else {
                format!("{module}.{qualname}")
            };
            session.define(&Definition::Type(TypeDef {
                name,
                full_name: full_name.clone(),
            }));
            let id = TypeId(self.defined);
            self.defined += 1;
            let is_heap = has_flag(of, ffi::Py_TPFLAGS_HEAPTYPE);
            let kind = kind_of(of, &full_name);
            let mut info = TypeInfo {
                id,
                kind,
                slots: Vec::new(),
                has_managed_dict: has_flag(of, ffi::Py_TPFLAGS_MANAGED_DICT),
                dict_offset: (*of).tp_dictoffset,
                fields: Vec::new(),
                weak: if is_heap {
                    weak_reference(of)
                } else {
                    std::ptr::null_mut()
                },
                qualname: if is_heap {
                    (*of.cast::<ffi::PyHeapTypeObject>()).ht_qualname
                } else {
                    std::ptr::null_mut()
                },
            };
            if kind == Kind::NamedTuple {
                info.fields = fields_of(of, symbols, session, redactor);
            }
            info.slots = slots_of(of, symbols, session, redactor);
            let info = Box::new(info);
            let at = &raw const *info;
            self.known.insert(of as usize, info);
            at
        }
    }
}

unsafe fn is_subtype(of: *mut ffi::PyTypeObject, base: *mut ffi::PyTypeObject) -> bool {
    // SAFETY: live types; the check walks the method resolution order and runs no code.
    unsafe { ffi::PyType_IsSubtype(of, base) != 0 }
}

/// Whether a base of the type has this full name.
unsafe fn has_base(of: *mut ffi::PyTypeObject, name: &str, module: &str) -> bool {
    // SAFETY: the method resolution order is a tuple of live types.
    unsafe {
        let bases = (*of).tp_mro;
        if bases.is_null() {
            return false;
        }
        (0..ffi::PyTuple_GET_SIZE(bases)).any(|index| {
            let base = ffi::PyTuple_GET_ITEM(bases, index).cast::<ffi::PyTypeObject>();
            let plain = std::ffi::CStr::from_ptr((*base).tp_name).to_bytes();
            let last = plain.rsplit(|byte| *byte == b'.').next().unwrap_or(plain);
            last == name.as_bytes() && names_of(base).1 == module
        })
    }
}

/// Types that only C code can make, whose instances are read in place: their full names.
const OF_C: [(&[u8], Kind); 6] = [
    (b"collections.deque", Kind::Deque),
    (b"decimal.Decimal", Kind::Decimal),
    (b"datetime.date", Kind::Date),
    (b"datetime.datetime", Kind::DateTime),
    (b"datetime.time", Kind::Time),
    (b"datetime.timedelta", Kind::TimeDelta),
];

/// Types with a static structure, by their address.
unsafe fn exact_kind(of: *mut ffi::PyTypeObject) -> Option<Kind> {
    let known: [(*mut ffi::PyTypeObject, Kind); 7] = [
        (&raw mut ffi::PyFunction_Type, Kind::Function),
        (&raw mut ffi::PyCFunction_Type, Kind::Builtin),
        (&raw mut PyMethod_Type, Kind::Method),
        (&raw mut ffi::PyModule_Type, Kind::Module),
        (&raw mut ffi::PyGen_Type, Kind::Generator),
        (&raw mut ffi::PyCoro_Type, Kind::Coroutine),
        (&raw mut ffi::PyAsyncGen_Type, Kind::AsyncGenerator),
    ];
    if let Some((_, kind)) = known.into_iter().find(|(exact, _)| *exact == of) {
        return Some(kind);
    }
    // SAFETY: a live type. No class made in Python is immutable, so its name cannot deceive.
    unsafe {
        let is_of_c =
            !has_flag(of, ffi::Py_TPFLAGS_HEAPTYPE) || has_flag(of, ffi::Py_TPFLAGS_IMMUTABLETYPE);
        let name = std::ffi::CStr::from_ptr((*of).tp_name).to_bytes();
        OF_C.iter()
            .find(|(known, _)| is_of_c && *known == name)
            .map(|(_, kind)| *kind)
    }
}

unsafe fn kind_of(of: *mut ffi::PyTypeObject, full_name: &str) -> Kind {
    // SAFETY: a live type.
    unsafe {
        if let Some(kind) = exact_kind(of) {
            return kind;
        }
        let is_heap = has_flag(of, ffi::Py_TPFLAGS_HEAPTYPE);
        if is_subtype(of, &raw mut ffi::PyType_Type) {
            return Kind::Class;
        }
        if is_subtype(of, ffi::PyExc_BaseException.cast()) {
            let is_builtin = !is_heap || matches!(full_name, "ExceptionGroup");
            return if is_builtin {
                Kind::BuiltinException
            } else {
                Kind::Exception
            };
        }
        match full_name {
            // Classes of Python: their slots are read by the descriptors of the class itself.
            "uuid.UUID" => return Kind::Uuid,
            "pathlib.PosixPath"
            | "pathlib.PurePosixPath"
            | "pathlib._local.PosixPath"
            | "pathlib._local.PurePosixPath" => {
                return Kind::Path;
            }
            _ => {}
        }
        if is_heap && has_base(of, "Enum", "enum") {
            return Kind::Member;
        }
        if is_subtype(of, &raw mut ffi::PyTuple_Type) && !fields_tuple(of).is_null() {
            return Kind::NamedTuple;
        }
        let builtin: [*mut ffi::PyTypeObject; 9] = [
            &raw mut ffi::PyLong_Type,
            &raw mut ffi::PyFloat_Type,
            &raw mut ffi::PyUnicode_Type,
            &raw mut ffi::PyBytes_Type,
            &raw mut ffi::PyTuple_Type,
            &raw mut ffi::PyList_Type,
            &raw mut ffi::PyDict_Type,
            &raw mut ffi::PySet_Type,
            &raw mut ffi::PyFrozenSet_Type,
        ];
        if builtin.into_iter().any(|base| is_subtype(of, base)) {
            return Kind::Extended;
        }
        Kind::Object
    }
}

/// `_fields` of a named tuple or of one it extends, null when there is none.
unsafe fn fields_tuple(of: *mut ffi::PyTypeObject) -> *mut ffi::PyObject {
    // SAFETY: the method resolution order is a tuple of live types.
    unsafe {
        let bases = (*of).tp_mro;
        if bases.is_null() {
            return std::ptr::null_mut();
        }
        for index in 0..ffi::PyTuple_GET_SIZE(bases) {
            let base = ffi::PyTuple_GET_ITEM(bases, index).cast::<ffi::PyTypeObject>();
            if has_flag(base, ffi::Py_TPFLAGS_HEAPTYPE) {
                let fields = dict_get(type_dict(base), b"_fields");
                if !fields.is_null() {
                    return if ffi::PyTuple_CheckExact(fields) != 0 {
                        fields
                    } else {
                        std::ptr::null_mut()
                    };
                }
            }
        }
        std::ptr::null_mut()
    }
}

unsafe fn fields_of(
    of: *mut ffi::PyTypeObject,
    symbols: &mut Symbols,
    session: &mut Session,
    redactor: &Redactor,
) -> Vec<Slot> {
    // SAFETY: a live type; its `_fields` are read only when they are a tuple of texts.
    unsafe {
        let names = fields_tuple(of);
        if names.is_null() {
            return Vec::new();
        }
        let name = |index| ffi::PyTuple_GET_ITEM(names, index);
        (0..ffi::PyTuple_GET_SIZE(names))
            .filter_map(|index| slot(name(index), index, symbols, session, redactor))
            .collect()
    }
}

unsafe fn slot(
    name: *mut ffi::PyObject,
    offset: isize,
    symbols: &mut Symbols,
    session: &mut Session,
    redactor: &Redactor,
) -> Option<Slot> {
    // SAFETY: a live object.
    unsafe {
        if ffi::PyUnicode_CheckExact(name) == 0 {
            return None;
        }
        let symbol = symbols.of_str(name, session, redactor)?;
        Some(Slot {
            offset,
            name: symbol.id,
            is_secret: symbol.is_secret_name,
        })
    }
}

/// Slots that hold objects, base classes first, in the order of their offset.
unsafe fn slots_of(
    of: *mut ffi::PyTypeObject,
    symbols: &mut Symbols,
    session: &mut Session,
    redactor: &Redactor,
) -> Vec<Slot> {
    let mut slots: Vec<Slot> = Vec::new();
    // SAFETY: the method resolution order holds live types; only heap types define slots, and only
    // member descriptors of CPython's own kind are read.
    unsafe {
        let bases = (*of).tp_mro;
        if bases.is_null() {
            return slots;
        }
        for index in (0..ffi::PyTuple_GET_SIZE(bases)).rev() {
            let base = ffi::PyTuple_GET_ITEM(bases, index).cast::<ffi::PyTypeObject>();
            if !has_flag(base, ffi::Py_TPFLAGS_HEAPTYPE) {
                continue;
            }
            let from = slots.len();
            let (mut at, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
            while ffi::PyDict_Next(type_dict(base), &raw mut at, &raw mut key, &raw mut value) != 0
            {
                if ffi::Py_TYPE(value) != &raw mut ffi::PyMemberDescr_Type {
                    continue;
                }
                let descriptor = value.cast::<ffi::PyMemberDescrObject>();
                // Another class's slot, put here under a name, is not in these instances.
                if (*descriptor).d_common.d_type != base {
                    continue;
                }
                let member = (*descriptor).d_member;
                if (*member).type_code == ffi::Py_T_OBJECT_EX && ffi::PyUnicode_CheckExact(key) != 0
                {
                    slots.extend(slot(key, (*member).offset, symbols, session, redactor));
                }
            }
            slots[from..].sort_by_key(|slot| slot.offset);
        }
    }
    slots
}
