//! Where CPython keeps what we read, per version; and the proof that it does.
//!
//! The offsets are constants, so that the hooks are straight loads. They are
//! checked whenever a recording begins: against `_Py_DebugOffsets` where CPython
//! publishes them (3.13 on), and by reading a frame, a generator, an instance, a
//! dictionary and a code object whose contents are known. When a check fails,
//! nothing is read by offset: everything comes through the public API, which
//! costs time and is said in the trace, with the check that failed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use pyo3::ffi;
use pyo3::prelude::*;

use super::generators::WATCHES_GENERATORS;

/// `FRAME_OWNED_BY_*`: frames that stand for C code between two Python frames.
pub(super) const FIRST_C_OWNER: u8 = 3;

pub(super) mod thread_state {
    /// `current_frame`; on 3.12 `cframe`, which begins with it.
    #[cfg(not(Py_3_13))]
    pub(crate) const CURRENT_FRAME: usize = 56;
    #[cfg(Py_3_13)]
    pub(crate) const CURRENT_FRAME: usize = 72;
    #[cfg(not(Py_3_13))]
    pub(crate) const THREAD_ID: usize = 136;
    #[cfg(all(Py_3_13, not(Py_3_15)))]
    pub(crate) const THREAD_ID: usize = 152;
    #[cfg(Py_3_15)]
    pub(crate) const THREAD_ID: usize = 176;
}

pub(super) mod frame {
    pub(crate) const EXECUTABLE: usize = 0;
    pub(crate) const PREVIOUS: usize = 8;
    pub(crate) const GLOBALS: usize = 24;
    /// `instr_ptr`; on 3.12 `prev_instr`.
    pub(crate) const INSTRUCTION: usize = 56;
    #[cfg(not(Py_3_14))]
    pub(crate) const OWNER: usize = 70;
    #[cfg(Py_3_14)]
    pub(crate) const OWNER: usize = 74;
    #[cfg(not(Py_3_14))]
    pub(crate) const LOCALS: usize = 72;
    #[cfg(Py_3_14)]
    pub(crate) const LOCALS: usize = 80;
}

pub(super) mod code {
    /// `co_localsplusnames`, a tuple, and `co_localspluskinds`, bytes.
    pub(crate) const VARIABLES: usize = 96;
    pub(crate) const VARIABLE_KINDS: usize = 104;
    pub(crate) const FILE_NAME: usize = 112;
    #[cfg(not(Py_3_13))]
    pub(crate) const EXTRA: usize = 184;
    #[cfg(all(Py_3_13, not(Py_3_14)))]
    pub(crate) const EXTRA: usize = 192;
    #[cfg(Py_3_14)]
    pub(crate) const EXTRA: usize = 200;
    #[cfg(not(Py_3_13))]
    pub(crate) const BYTECODE: usize = 192;
    #[cfg(all(Py_3_13, not(Py_3_14)))]
    pub(crate) const BYTECODE: usize = 200;
    #[cfg(Py_3_14)]
    pub(crate) const BYTECODE: usize = 208;
}

pub(super) mod generator {
    pub(crate) const QUALNAME: usize = 32;
    pub(crate) const FRAME: usize = 72;
    pub(crate) const STATE: usize = 67;
}

/// `ht_cached_keys` of a heap type.
#[cfg(not(Py_3_15))]
pub(super) const TYPE_CACHED_KEYS: usize = 880;
#[cfg(Py_3_15)]
pub(super) const TYPE_CACHED_KEYS: usize = 888;

pub(super) mod dict {
    pub(crate) const KEYS: usize = 32;
    pub(crate) const VALUES: usize = 40;
}

/// What the layout was checked for, and found.
static WHY_NOT: Mutex<&str> = Mutex::new("");
static IS_SOUND: AtomicBool = AtomicBool::new(false);

/// Why nothing is read where the constants say.
pub(super) fn why_not() -> &'static str {
    *WHY_NOT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether frames and objects are read where the constants say.
#[inline]
pub(super) fn is_sound() -> bool {
    IS_SOUND.load(Ordering::Relaxed)
}

/// The beginning of `_PyRuntime` from 3.13 on, as far as it is compared.
#[cfg(Py_3_13)]
fn published_offsets_agree() -> bool {
    unsafe extern "C" {
        static _PyRuntime: [u64; 64];
    }
    // SAFETY: `_PyRuntime` is exported by every build of CPython and begins with `_Py_DebugOffsets`,
    // which is longer than 64 words and never changes while the process runs.
    let words: &[u64; 64] = unsafe { &*std::ptr::addr_of!(_PyRuntime) };
    if words[0] != u64::from_le_bytes(*b"xdebugpy") {
        return false;
    }
    // Later versions insert fields, so the values are looked for in the order in which they must come.
    let wanted = [
        thread_state::CURRENT_FRAME as u64,
        thread_state::THREAD_ID as u64,
        frame::PREVIOUS as u64,
        frame::EXECUTABLE as u64,
        frame::INSTRUCTION as u64,
        frame::LOCALS as u64,
        frame::OWNER as u64,
    ];
    let mut rest = words[1..].iter();
    wanted.iter().all(|offset| rest.any(|word| word == offset))
}

#[cfg(not(Py_3_13))]
fn published_offsets_agree() -> bool {
    true
}

/// Reads the frame that calls it and says whether it holds what it must.
///
/// # Safety
/// Called from Python with two arguments that are the caller's first two locals.
unsafe extern "C" fn probe(
    _: *mut ffi::PyObject,
    args: *mut *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    let mut is_right = count == 2;
    if is_right {
        // SAFETY: the thread is attached, and the caller is a Python frame.
        unsafe {
            let frame = super::frame::raw_current(ffi::PyThreadState_Get());
            let public = ffi::PyEval_GetFrame();
            let code = ffi::PyFrame_GetCode(public);
            is_right = !frame.is_null()
                && super::frame::raw_code(frame) == code.cast()
                && super::frame::raw_local(frame, 0) == *args
                && super::frame::raw_local(frame, 1) == *args.add(1);
            if is_right {
                let start = code.cast::<u8>().add(self::code::BYTECODE);
                let offset = super::frame::raw_instruction(frame) as isize - start as isize;
                // 3.12 keeps the place before the next instruction, which lies past inline caches.
                is_right = (0..64).contains(&(offset - ffi::PyFrame_GetLasti(public) as isize));
            }
            ffi::Py_DECREF(code.cast());
        }
    }
    // SAFETY: the thread is attached.
    unsafe { ffi::PyBool_FromLong(i64::from(is_right)) }
}

/// A check of a part of the layout.
type Check = fn(Python<'_>) -> PyResult<bool>;

/// Checks the layout; `force_public` makes it fail, for tests of the slower way.
pub(crate) fn self_test(py: Python<'_>, force_public: bool) -> PyResult<()> {
    let why_not = if force_public {
        "EXECMAP_PUBLIC_FRAMES is set"
    } else {
        super::code::prepare(py);
        let checks: [(&str, Check); 6] = [
            ("it publishes other offsets than execmap expects", |_| {
                Ok(published_offsets_agree())
            }),
            ("frames are not where execmap expects", frames_are_right),
            (
                "generators are not as execmap expects",
                generators_are_right,
            ),
            ("instances are not as execmap expects", instances_are_right),
            ("dictionaries are not as execmap expects", dicts_are_right),
            ("code objects are not as execmap expects", code_is_right),
        ];
        // In this order: each builds on those before.
        let mut failed = "";
        for (what, check) in checks {
            if !check(py)? {
                failed = what;
                break;
            }
        }
        failed
    };
    *WHY_NOT.lock().unwrap_or_else(PoisonError::into_inner) = why_not;
    IS_SOUND.store(why_not.is_empty(), Ordering::Relaxed);
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the answer is our own probe's")]
fn frames_are_right(py: Python<'_>) -> PyResult<bool> {
    static mut METHOD: ffi::PyMethodDef = ffi::PyMethodDef {
        ml_name: c"probe".as_ptr(),
        ml_meth: ffi::PyMethodDefPointer {
            PyCFunctionFast: probe,
        },
        ml_flags: ffi::METH_FASTCALL,
        ml_doc: std::ptr::null(),
    };
    // SAFETY: the definition is static; the function object is ours.
    let probe = unsafe {
        Bound::from_owned_ptr_or_err(
            py,
            ffi::PyCFunction_NewEx(&raw mut METHOD, std::ptr::null_mut(), std::ptr::null_mut()),
        )?
    };
    let caller = py.eval(
        c"lambda probe: (lambda a, b: probe(a, b))(object(), [])",
        None,
        None,
    )?;
    caller.call1((probe,))?.is_truthy()
}

/// Reads a word of an object.
///
/// # Safety
/// An object that is longer than that.
unsafe fn word(object: *mut ffi::PyObject, at: usize) -> *mut ffi::PyObject {
    // SAFETY: the caller's.
    unsafe {
        object
            .cast::<u8>()
            .add(at)
            .cast::<*mut ffi::PyObject>()
            .read()
    }
}

fn generators_are_right(py: Python<'_>) -> PyResult<bool> {
    /// `FRAME_CREATED` of the version whose generators are watched; others do not need the state.
    const CREATED: i8 = -3;
    let generator = py.eval(c"(_ for _ in ())", None, None)?;
    let (name, code) = (
        generator.getattr("__qualname__")?,
        generator.getattr("gi_code")?,
    );
    // SAFETY: a generator is longer than its head and its frame's.
    unsafe {
        let object = generator.as_ptr();
        let frame = object.cast::<u8>().add(self::generator::FRAME);
        let state = object.cast::<i8>().add(self::generator::STATE).read();
        Ok(word(object, self::generator::QUALNAME) == name.as_ptr()
            && super::frame::raw_code(frame) == code.as_ptr()
            && (!WATCHES_GENERATORS || state == CREATED))
    }
}

/// One instance keeps its attributes inline, of another a dictionary was made.
fn instances_are_right(py: Python<'_>) -> PyResult<bool> {
    let of = py.eval(c"type('Probe', (), {})", None, None)?;
    let (inline, made) = (of.call0()?, of.call0()?);
    let values = [
        py.eval(c"object()", None, None)?,
        py.eval(c"object()", None, None)?,
    ];
    for instance in [&inline, &made] {
        instance.setattr("b", &values[0])?;
        instance.setattr("a", &values[1])?;
    }
    made.getattr("__dict__")?;
    // SAFETY: instances of a plain class.
    unsafe {
        Ok([inline, made].iter().all(|instance| {
            let mut found = Vec::new();
            let attributes = super::others::managed_dict(instance.as_ptr());
            attributes.for_each(|key, value| {
                found.push((super::symbols::ascii_bytes(key), value));
                true
            });
            found
                == [
                    (Some(b"b".as_slice()), values[0].as_ptr()),
                    (Some(b"a".as_slice()), values[1].as_ptr()),
                ]
        }))
    }
}

/// Dictionaries with keys of text and with others, of each the first entry removed.
#[expect(clippy::disallowed_methods, reason = "the dictionaries are our own")]
fn dicts_are_right(py: Python<'_>) -> PyResult<bool> {
    for source in [c"{'a': 1, 'b': 2, 'c': 3}", c"{1: 1, 2: 2, 3: 3}"] {
        let dict = py.eval(source, None, None)?;
        let first = dict.try_iter()?.next().transpose()?;
        dict.del_item(first)?;
        // SAFETY: a live dictionary of three entries, the first of them removed.
        let (gap, entry) = unsafe {
            (
                super::others::next_is_near(dict.as_ptr(), 0, 1),
                super::others::next_is_near(dict.as_ptr(), 1, 1),
            )
        };
        if gap || !entry {
            return Ok(false);
        }
    }
    Ok(true)
}

fn code_is_right(py: Python<'_>) -> PyResult<bool> {
    let code = py.eval(
        c"(lambda first, second: lambda: first).__code__",
        None,
        None,
    )?;
    let name = code.getattr("co_filename")?;
    let names = code.getattr("co_varnames")?;
    // SAFETY: a live code object, which frees its entry; each field is looked into as what it proved to be.
    unsafe {
        let variables = word(code.as_ptr(), self::code::VARIABLES);
        let kinds = word(code.as_ptr(), self::code::VARIABLE_KINDS);
        if ffi::PyTuple_CheckExact(variables) == 0
            || ffi::PyTuple_GetItem(variables, 0) != ffi::PyTuple_GetItem(names.as_ptr(), 0)
            || ffi::PyBytes_CheckExact(kinds) == 0
            || ffi::PyBytes_Size(kinds) != ffi::PyTuple_Size(variables)
        {
            return Ok(false);
        }
        let before = super::code::raw_entry(code.as_ptr());
        let kept = super::code::keep_nothing(code.as_ptr());
        Ok(before.is_null()
            && !kept.is_null()
            && super::code::raw_entry(code.as_ptr()) == kept
            && word(code.as_ptr(), self::code::FILE_NAME) == name.as_ptr())
    }
}
