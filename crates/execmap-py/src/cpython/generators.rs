//! Suspended generators that are closed or dropped without an event: seen by a weak reference.
//!
//! Where the layout is not proven, what is known of a generator comes from its own attributes,
//! which are functions of C.

use execmap_record::format::{kind, pack};
use pyo3::ffi;

use super::engine::Engine;
use super::layout;
use super::logs::ThreadLog;
use super::others::attribute_of_c;
use super::watch::Watch;

unsafe extern "C" {
    fn PyCode_GetCode(code: *mut ffi::PyCodeObject) -> *mut ffi::PyObject;
}

/// Whether generators must be watched, because the version is silent when one is closed or dropped.
pub(super) const WATCHES_GENERATORS: bool = cfg!(all(Py_3_13, not(Py_3_14)));

/// A watched generator, coroutine or asynchronous generator, and its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Watched {
    pub(super) frame: usize,
    pub(super) generator: usize,
}

impl Engine {
    /// An object that was watched has died.
    pub(super) fn died(&mut self, what: Watch) {
        match what {
            Watch::Task(address) => self.tasks.forget(address),
            Watch::Generator(watched) => self.generator_died(watched),
        }
    }

    fn generator_died(&mut self, watched: Watched) {
        // SAFETY: callbacks of weak references run attached; the object's memory is still there, and
        // nothing of it is taken down yet.
        unsafe {
            let was_closed = watched.is_finished();
            if !was_closed && !watched.closes_in_silence() {
                // Its handlers will run, which is an event.
                if let Some(suspended) = self.suspended.get_mut(&watched.frame) {
                    suspended.weak = 0;
                }
                return;
            }
            let Some(suspended) = self.suspended.remove(&watched.frame) else {
                return;
            };
            let log = self.log_of(ffi::compat::PyThreadState_GetUnchecked());
            self.note_closed(&mut *log, suspended.call, !was_closed);
        }
    }

    /// Writes that a suspended call was closed or dropped.
    pub(super) fn note_closed(&mut self, log: &mut ThreadLog, call: u64, exact: bool) {
        if self.make_room(log, 64) {
            Self::check_tick(log);
            let word = pack(kind::CLOSED, u32::from(exact), log.log.last_tick);
            log.log.cursor.words(word, call);
        }
    }

    /// Generators that were closed without an event and are still alive.
    pub(super) fn close_finished_generators(&mut self) {
        if !WATCHES_GENERATORS {
            return;
        }
        // SAFETY: a watched generator that had died would have been removed by its callback.
        let is_closed = |weak: usize| unsafe {
            match self.watcher.what(weak) {
                Some(Watch::Generator(watched)) => watched.is_finished(),
                _ => false,
            }
        };
        let closed: Vec<u64> = self
            .suspended
            .values()
            .filter(|suspended| suspended.weak != 0 && is_closed(suspended.weak))
            .map(|suspended| suspended.call)
            .collect();
        // SAFETY: called attached.
        let log = unsafe { self.log_of(ffi::compat::PyThreadState_GetUnchecked()) };
        for call in closed {
            // SAFETY: the log lives as long as the thread that runs.
            self.note_closed(unsafe { &mut *log }, call, false);
        }
    }
}

/// `FRAME_COMPLETED`, the lowest state of a frame that will not go on.
const FRAME_COMPLETED: i8 = 1;

impl Watched {
    /// Whether it will not go on.
    ///
    /// # Safety
    /// The memory of the generator is there; the thread is attached.
    unsafe fn is_finished(self) -> bool {
        // SAFETY: the caller's; the frame is embedded in the generator.
        unsafe {
            if layout::is_sound() {
                const BACK: usize = layout::generator::FRAME - layout::generator::STATE;
                return ((self.frame - BACK) as *const i8).read() >= FRAME_COMPLETED;
            }
            let frame = self.frame_object();
            ffi::Py_XDECREF(frame);
            frame == ffi::Py_None()
        }
    }

    /// The frame object, `None` when there is none any more, a new reference.
    unsafe fn frame_object(self) -> *mut ffi::PyObject {
        let generator = self.generator as *mut ffi::PyObject;
        // SAFETY: the caller's; only exact types of C have frames of their own.
        unsafe {
            let name: &[u8] = match ffi::Py_TYPE(generator) {
                of if of == &raw mut ffi::PyGen_Type => b"gi_frame",
                of if of == &raw mut ffi::PyCoro_Type => b"cr_frame",
                _ => b"ag_frame",
            };
            attribute_of_c(generator, name)
        }
    }

    /// Whether it has no handler around its `yield`, so that 3.13 closes it without running it
    /// (`RESUME_OPARG_DEPTH1_MASK`, and no `yield from` or `await`).
    ///
    /// # Safety
    /// As for [`Watched::is_finished`], of one that is suspended: it stands at a RESUME, two bytes.
    unsafe fn closes_in_silence(self) -> bool {
        // SAFETY: the caller's.
        let arg = unsafe {
            if layout::is_sound() {
                ((self.frame + layout::frame::INSTRUCTION) as *const *const u8)
                    .read()
                    .add(1)
                    .read()
            } else {
                self.argument_of_resume()
            }
        };
        arg & 4 != 0 && arg & 3 <= 1
    }

    /// The argument of the instruction at which the frame stands.
    unsafe fn argument_of_resume(self) -> u8 {
        // SAFETY: the frame of a suspended generator; the bytes are those of its code.
        unsafe {
            let frame = self.frame_object().cast::<ffi::PyFrameObject>();
            if frame.is_null() || frame.cast() == ffi::Py_None() {
                return 0;
            }
            let code = ffi::PyFrame_GetCode(frame);
            let bytes = PyCode_GetCode(code);
            let at = ffi::PyFrame_GetLasti(frame) as isize + 1;
            let arg = if bytes.is_null() || !(0..ffi::PyBytes_Size(bytes)).contains(&at) {
                ffi::PyErr_Clear();
                0
            } else {
                ffi::PyBytes_AsString(bytes).offset(at).cast::<u8>().read()
            };
            ffi::Py_XDECREF(bytes);
            ffi::Py_DECREF(code.cast());
            ffi::Py_DECREF(frame.cast());
            arg
        }
    }
}
