//! Where CPython keeps what we read, per version; and the proof that it does.
//!
//! The offsets are constants, so that the hooks are straight loads. They are
//! checked at import: against `_Py_DebugOffsets` where CPython publishes them
//! (3.13 on), and by reading a frame whose content is known. When a check
//! fails, frames are read through the public API, which costs time and is said
//! in the trace.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;

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

static IS_SOUND: AtomicBool = AtomicBool::new(false);

/// Whether frames are read where the constants say.
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

/// Checks the layout once; `force_public` makes it fail, for tests of the slower way.
#[expect(clippy::disallowed_methods, reason = "the answer is our own probe's")]
pub(crate) fn self_test(py: Python<'_>, force_public: bool) -> PyResult<()> {
    static mut METHOD: ffi::PyMethodDef = ffi::PyMethodDef {
        ml_name: c"probe".as_ptr(),
        ml_meth: ffi::PyMethodDefPointer {
            PyCFunctionFast: probe,
        },
        ml_flags: ffi::METH_FASTCALL,
        ml_doc: std::ptr::null(),
    };
    if force_public || !published_offsets_agree() {
        IS_SOUND.store(false, Ordering::Relaxed);
        return Ok(());
    }
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
    let is_right = caller.call1((probe,))?.is_truthy()?;
    IS_SOUND.store(is_right, Ordering::Relaxed);
    Ok(())
}
