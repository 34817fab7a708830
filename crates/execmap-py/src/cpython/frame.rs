//! The running frame: read in place where the layout is proven, else through the public API.
//!
//! A [`Frame`] is an identity. In place it is the interpreter's frame, else the
//! frame object; both keep their address as long as the frame lives.

use pyo3::ffi;

use super::layout;

unsafe extern "C" {
    fn PyFrame_GetGenerator(frame: *mut ffi::PyFrameObject) -> *mut ffi::PyObject;
    fn PyFrame_GetVar(
        frame: *mut ffi::PyFrameObject,
        name: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject;
}

/// A frame of the running thread, or none. Never owned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Frame(*mut u8);

/// Reads a field.
///
/// # Safety
/// `base` begins a structure with a field of this type at `offset`.
#[inline]
unsafe fn field<T: Copy>(base: *const u8, offset: usize) -> T {
    // SAFETY: the caller's.
    unsafe { base.add(offset).cast::<T>().read() }
}

/// The pointer in a slot; from 3.14 on slots carry tags in their low bits.
#[inline]
fn untagged(bits: usize) -> *mut ffi::PyObject {
    #[cfg(Py_3_14)]
    if bits & 3 == 3 {
        return std::ptr::null_mut();
    }
    #[cfg(Py_3_14)]
    let bits = bits & !3;
    bits as *mut ffi::PyObject
}

/// # Safety
/// The thread state is this thread's, and the layout is proven.
#[inline]
pub(super) unsafe fn raw_current(state: *mut ffi::PyThreadState) -> *mut u8 {
    // SAFETY: the caller's.
    unsafe {
        let at: *mut u8 = field(state.cast(), layout::thread_state::CURRENT_FRAME);
        #[cfg(not(Py_3_13))]
        let at = field::<*mut u8>(at, 0);
        at
    }
}

/// # Safety
/// A live frame, and the layout is proven.
#[inline]
pub(super) unsafe fn raw_code(frame: *mut u8) -> *mut ffi::PyObject {
    // SAFETY: the caller's.
    untagged(unsafe { field(frame, layout::frame::EXECUTABLE) })
}

/// # Safety
/// A live Python frame with at least `index + 1` slots, and the layout is proven.
#[inline]
pub(super) unsafe fn raw_local(frame: *mut u8, index: usize) -> *mut ffi::PyObject {
    // SAFETY: the caller's.
    untagged(unsafe { field(frame, layout::frame::LOCALS + 8 * index) })
}

/// # Safety
/// A live Python frame, and the layout is proven.
#[inline]
pub(super) unsafe fn raw_instruction(frame: *mut u8) -> *const u8 {
    // SAFETY: the caller's.
    unsafe { field(frame, layout::frame::INSTRUCTION) }
}

impl Frame {
    /// The frame that runs on this thread.
    ///
    /// # Safety
    /// The thread is attached, and `state` is its state.
    #[inline]
    pub(super) unsafe fn current(state: *mut ffi::PyThreadState) -> Frame {
        if layout::is_sound() {
            // SAFETY: the caller's, and the layout is proven.
            Frame(unsafe { raw_current(state) })
        } else {
            // SAFETY: attached; the result is borrowed.
            Frame(unsafe { ffi::PyEval_GetFrame() }.cast())
        }
    }

    pub(super) fn is_none(self) -> bool {
        self.0.is_null()
    }

    /// A number for look-ups.
    #[inline]
    pub(super) fn address(self) -> usize {
        self.0 as usize
    }

    /// The frame below: of Python or of C code.
    ///
    /// # Safety
    /// A live frame of this thread.
    #[inline]
    pub(super) unsafe fn previous(self) -> Frame {
        if layout::is_sound() {
            // SAFETY: the caller's, and the layout is proven.
            return Frame(unsafe { field(self.0, layout::frame::PREVIOUS) });
        }
        // SAFETY: a frame object; the frame below keeps its object alive beyond our reference.
        unsafe {
            let back = ffi::PyFrame_GetBack(self.0.cast());
            ffi::Py_XDECREF(back.cast());
            Frame(back.cast())
        }
    }

    /// Whether the frame stands for C code between two Python frames.
    ///
    /// # Safety
    /// A live frame of this thread.
    #[inline]
    pub(super) unsafe fn is_of_c(self) -> bool {
        // SAFETY: the caller's, and the layout is proven.
        layout::is_sound()
            && unsafe { field::<u8>(self.0, layout::frame::OWNER) } >= layout::FIRST_C_OWNER
    }

    /// Whether [`Frame::local`] gives cells as they are, and not their content.
    #[inline]
    pub(super) fn shows_cells() -> bool {
        layout::is_sound()
    }

    /// The object in a slot, null when empty. Cells are not followed where they are shown.
    ///
    /// # Safety
    /// A live Python frame whose code has more than `index` slots; `name` is the slot's name.
    #[inline]
    pub(super) unsafe fn local(self, index: usize, name: *mut ffi::PyObject) -> *mut ffi::PyObject {
        if layout::is_sound() {
            // SAFETY: the caller's, and the layout is proven.
            return unsafe { raw_local(self.0, index) };
        }
        // SAFETY: a frame object; a missing name leaves an error that is cleared. The value stays
        // alive in the frame's slot after our reference is given back.
        unsafe {
            let value = PyFrame_GetVar(self.0.cast(), name);
            if value.is_null() {
                ffi::PyErr_Clear();
            } else {
                ffi::Py_DECREF(value);
            }
            value
        }
    }

    /// Byte offset of the running instruction in the bytecode that begins at `start`.
    ///
    /// # Safety
    /// A live Python frame, and `start` is [`bytecode_start`] of its code.
    #[inline]
    pub(super) unsafe fn offset(self, start: *const u8) -> u32 {
        if layout::is_sound() {
            // SAFETY: the caller's, and the layout is proven.
            let at = unsafe { raw_instruction(self.0) };
            return (at as usize).wrapping_sub(start as usize) as u32;
        }
        // SAFETY: a frame object.
        unsafe { ffi::PyFrame_GetLasti(self.0.cast()) as u32 }
    }

    /// The code, borrowed.
    ///
    /// # Safety
    /// A live Python frame.
    pub(super) unsafe fn code(self) -> *mut ffi::PyObject {
        if layout::is_sound() {
            // SAFETY: the caller's, and the layout is proven.
            return unsafe { raw_code(self.0) };
        }
        // SAFETY: a frame object keeps its code alive.
        unsafe {
            let code = ffi::PyFrame_GetCode(self.0.cast());
            ffi::Py_DECREF(code.cast());
            code.cast()
        }
    }

    /// The globals, borrowed.
    ///
    /// # Safety
    /// A live Python frame.
    pub(super) unsafe fn globals(self) -> *mut ffi::PyObject {
        if layout::is_sound() {
            // SAFETY: the caller's, and the layout is proven.
            return untagged(unsafe { field(self.0, layout::frame::GLOBALS) });
        }
        // SAFETY: a frame object keeps its globals alive.
        unsafe {
            let globals = ffi::PyFrame_GetGlobals(self.0.cast());
            ffi::Py_DECREF(globals);
            globals
        }
    }

    /// The generator, coroutine or asynchronous generator that owns the frame.
    ///
    /// # Safety
    /// A live frame of such an object.
    pub(super) unsafe fn owner(self) -> *mut ffi::PyObject {
        if layout::is_sound() {
            // SAFETY: the frame is embedded in its owner.
            return unsafe { self.0.sub(layout::generator::FRAME) }.cast();
        }
        // SAFETY: a frame object; the generator lives as long as its frame runs.
        unsafe {
            let generator = PyFrame_GetGenerator(self.0.cast());
            ffi::Py_XDECREF(generator);
            generator
        }
    }
}

/// Where a code object's bytecode begins.
#[inline]
pub(super) fn bytecode_start(code: *mut ffi::PyObject) -> *const u8 {
    (code as usize + layout::code::BYTECODE) as *const u8
}
