//! Exceptions: which is which, from raising to catching.
//!
//! An exception object is known by its address while it is in flight or
//! handled; an exception raised afresh has a traceback of one entry, which
//! tells it from an older one at the same address.

use execmap_record::RECORD_MAX;
use execmap_record::format::{kind, pack};
use execmap_record::os::ticks;
use pyo3::ffi;

use super::engine::Engine;
use super::frame::Frame;
use super::logs::ThreadLog;
use super::values::Encoder;

/// Exceptions a thread remembers.
const REMEMBERED: usize = 16;

/// What an exception object is known by: its address, its type, its arguments.
type Print = (usize, usize, usize);

/// The exceptions of a thread, newest last.
#[derive(Default)]
pub(super) struct Exceptions {
    known: Vec<(Print, u32)>,
    /// What was thrown into a suspended call and has not been raised there yet.
    thrown: Option<Print>,
}

/// # Safety
/// A live exception.
unsafe fn print_of(exception: *mut ffi::PyObject) -> Print {
    // SAFETY: the caller's.
    unsafe {
        let args = (*exception.cast::<ffi::PyBaseExceptionObject>()).args;
        (
            exception as usize,
            ffi::Py_TYPE(exception) as usize,
            args as usize,
        )
    }
}

impl Exceptions {
    fn find(&self, print: Print) -> Option<u32> {
        self.known
            .iter()
            .rev()
            .find(|(known, _)| *known == print)
            .map(|(_, id)| *id)
    }

    fn add(&mut self, print: Print, id: u32) {
        self.known
            .retain(|((address, _, _), _)| *address != print.0);
        if self.known.len() == REMEMBERED {
            self.known.remove(0);
        }
        self.known.push((print, id));
    }
}

/// The traceback of an exception, null when it has none.
unsafe fn traceback_of(exception: *mut ffi::PyObject) -> *mut Traceback {
    // SAFETY: a live exception; its traceback is null or a chain of entries.
    unsafe {
        let traceback = (*exception.cast::<ffi::PyBaseExceptionObject>()).traceback;
        let is_one =
            !traceback.is_null() && ffi::Py_TYPE(traceback) == &raw mut ffi::PyTraceBack_Type;
        if is_one {
            traceback.cast()
        } else {
            std::ptr::null_mut()
        }
    }
}

/// `PyTracebackObject`, as it has been since Python 3.
#[repr(C)]
struct Traceback {
    base: ffi::PyObject,
    next: *mut ffi::PyObject,
}

impl Engine {
    fn new_exception(&mut self, log: &mut ThreadLog, print: Print) -> u32 {
        let id = self.next_exception & 0xff_ffff;
        self.next_exception = self.next_exception.wrapping_add(1);
        log.exceptions.add(print, id);
        id
    }

    /// The number of an exception that is raised or caught, and whether it was not known before.
    unsafe fn exception_id(
        &mut self,
        log: &mut ThreadLog,
        exception: *mut ffi::PyObject,
        is_raised: bool,
    ) -> (u32, bool) {
        // SAFETY: a live exception. One raised just now has a traceback of one entry.
        let (print, is_fresh) = unsafe {
            let traceback = traceback_of(exception);
            (
                print_of(exception),
                traceback.is_null() || (*traceback).next.is_null(),
            )
        };
        let was_thrown = log.exceptions.thrown.take() == Some(print);
        if (was_thrown || !(is_raised && is_fresh))
            && let Some(id) = log.exceptions.find(print)
        {
            return (id, false);
        }
        (self.new_exception(log, print), true)
    }

    /// The number of an exception that is thrown into a suspended call.
    ///
    /// # Safety
    /// A live exception.
    pub(super) unsafe fn thrown_id(
        &mut self,
        log: &mut ThreadLog,
        exception: *mut ffi::PyObject,
    ) -> (u32, bool) {
        // SAFETY: the caller's. One made for the throw has no traceback yet.
        let (print, is_fresh) = unsafe { (print_of(exception), traceback_of(exception).is_null()) };
        log.exceptions.thrown = Some(print);
        match log.exceptions.find(print) {
            Some(id) if !is_fresh => (id, false),
            _ => (self.new_exception(log, print), true),
        }
    }

    /// Writes that an exception was raised, raised again or caught in the running call.
    ///
    /// # Safety
    /// In a hook; a live exception; the log's top is the running frame.
    pub(super) unsafe fn note_exception(
        &mut self,
        log: &mut ThreadLog,
        record: u8,
        offset: u32,
        exception: *mut ffi::PyObject,
    ) -> u32 {
        // SAFETY: the caller's.
        let (id, is_new) = unsafe { self.exception_id(log, exception, record == kind::RAISE) };
        let content = if is_new {
            exception
        } else {
            std::ptr::null_mut()
        };
        // SAFETY: the caller's.
        unsafe { self.write_exception(log, record, id, offset, content) };
        id
    }

    /// Writes an exception that is seen for the first time where it is thrown in.
    ///
    /// # Safety
    /// As for [`Engine::note_exception`].
    pub(super) unsafe fn note_first_sight(
        &mut self,
        log: &mut ThreadLog,
        id: u32,
        offset: u32,
        exception: *mut ffi::PyObject,
    ) {
        // SAFETY: the caller's.
        unsafe { self.write_exception(log, kind::RAISE, id, offset, exception) };
    }

    /// Writes a record of an exception, with its content unless that is null.
    unsafe fn write_exception(
        &mut self,
        log: &mut ThreadLog,
        record: u8,
        id: u32,
        offset: u32,
        exception: *mut ffi::PyObject,
    ) {
        if !self.make_room(log, RECORD_MAX) {
            return;
        }
        Self::check_tick(log);
        let site = u64::from(offset + 1);
        let tick = ticks();
        log.log.last_tick = tick;
        if exception.is_null() {
            return log.log.cursor.words(pack(record, id, tick), site);
        }
        let mut tokens = log.log.cursor.tokens(16, RECORD_MAX - 32);
        if self.with_values {
            // SAFETY: a live exception.
            unsafe {
                Encoder::new(&mut self.values, &mut self.session, &mut tokens).value(exception);
            };
        } else {
            // SAFETY: a live exception.
            unsafe {
                Encoder::new(&mut self.values, &mut self.session, &mut tokens)
                    .type_alone(exception);
            };
        }
        let len = tokens.len();
        log.log
            .cursor
            .words_and(pack(record, id, tick), site | (len as u64) << 32, len);
    }

    /// The number of an exception that leaves or enters a call; one not seen before is written first.
    ///
    /// # Safety
    /// As for [`Engine::note_exception`].
    pub(super) unsafe fn passing(
        &mut self,
        log: &mut ThreadLog,
        offset: u32,
        exception: *mut ffi::PyObject,
    ) -> u32 {
        // SAFETY: the caller's.
        match log.exceptions.find(unsafe { print_of(exception) }) {
            Some(id) => id,
            // SAFETY: the caller's.
            None => unsafe { self.note_exception(log, kind::RAISE, offset, exception) },
        }
    }
}

/// Whether the log's innermost call is the frame that runs.
pub(super) fn is_on_top(log: &ThreadLog, frame: Frame) -> bool {
    log.stack.last().is_some_and(|node| node.frame == frame)
}
