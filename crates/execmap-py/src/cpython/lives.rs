//! What begins and ends beside calls: children, threads, jobs, generators that vanish.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use execmap_record::format::{kind, pack};
use execmap_record::{Redactor, Session};
use pyo3::ffi;

use super::code::Special;
use super::engine::{Birth, EPOCH, Engine, ThreadLog, thread_id};
use super::frame::Frame;
use super::layout;
use super::store::Values;
use super::types::text_of;
use super::watch::Watch;

impl Engine {
    /// In a forked child: begins a trace of its own. False when that cannot be.
    #[cold]
    pub(super) fn become_child(&mut self) -> bool {
        if !self.is_forked {
            return false;
        }
        self.is_forked = false;
        self.children += 1;
        let name = format!(
            "{}.{}-{}",
            self.settings.path.display(),
            std::process::id(),
            self.children
        );
        let Ok((session, _)) = Session::create(
            &PathBuf::from(name),
            self.settings.run_id,
            self.settings.max_size,
        ) else {
            return false;
        };
        self.is_dead = false;
        // Its memory and its files are the parent's: nothing of it may be dropped.
        std::mem::forget(std::mem::replace(&mut self.session, session));
        let mut redactor = Redactor::new(&self.settings.redact);
        for secret in self.values.redactor.remembered() {
            redactor.remember(secret);
        }
        let values = std::mem::replace(
            &mut self.values,
            Values::new(redactor, self.settings.is_redacting),
        );
        // The references it holds are the parent's as well; they live as long as this process.
        std::mem::forget(values);
        self.epoch = EPOCH.fetch_add(1, Ordering::Relaxed) + 1;
        self.codes = 0;
        self.next_call = 0;
        self.next_exception = 0;
        self.suspended.clear();
        self.creators.clear();
        self.births.clear();
        self.by_state.clear();
        self.tasks.restart();
        self.write_meta();
        std::mem::forget(std::mem::take(&mut self.logs));
        self.hot_state.store(0, Ordering::Relaxed);
        self.hot_log = std::ptr::null_mut();
        true
    }

    /// An object that was watched has died.
    pub(super) fn died(&mut self, what: Watch) {
        match what {
            Watch::Task(address) => self.tasks.forget(address),
            Watch::Generator(frame) => self.generator_died(frame),
        }
    }

    pub(super) fn generator_died(&mut self, frame: usize) {
        // SAFETY: callbacks of weak references run attached; the object's memory is still there.
        unsafe {
            let was_closed = frame_state_of(frame) >= FRAME_COMPLETED;
            if !was_closed && !closes_in_silence(frame) {
                // Its handlers will run, which is an event.
                if let Some(suspended) = self.suspended.get_mut(&frame) {
                    suspended.weak = 0;
                }
                return;
            }
            let Some(suspended) = self.suspended.remove(&frame) else {
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
        if !WATCHES_GENERATORS || !layout::is_sound() {
            return;
        }
        // SAFETY: a watched generator that had died would have been removed by its callback.
        let is_closed = |frame: usize| unsafe { frame_state_of(frame) } >= FRAME_COMPLETED;
        let closed: Vec<u64> = self
            .suspended
            .iter()
            .filter(|(frame, suspended)| suspended.weak != 0 && is_closed(**frame))
            .map(|(_, suspended)| suspended.call)
            .collect();
        // SAFETY: called attached.
        let log = unsafe { self.log_of(ffi::compat::PyThreadState_GetUnchecked()) };
        for call in closed {
            // SAFETY: the log lives as long as the engine.
            self.note_closed(unsafe { &mut *log }, call, false);
        }
    }

    /// A function of the standard library begins that starts, creates or submits something.
    ///
    /// # Safety
    /// In a hook; the running frame is that function's.
    #[cold]
    pub(super) unsafe fn note_special(&mut self, special: Special) {
        // SAFETY: the caller's; the functions have two arguments or more, none of them in a cell.
        unsafe {
            let state = ffi::compat::PyThreadState_GetUnchecked();
            let frame = Frame::current(state);
            let thread = thread_id(state);
            let log = self.known_log(state);
            let index = usize::from(special == Special::CreateTask);
            let name = if index == 1 { c"coro" } else { c"self" };
            let name = ffi::PyUnicode_InternFromString(name.as_ptr());
            let object = frame.local(index, name);
            ffi::Py_XDECREF(name);
            if object.is_null() {
                return;
            }
            match special {
                Special::ThreadStart | Special::CreateTask | Special::WorkMade => {
                    let running = log
                        .and_then(|log| (*log).stack.last())
                        .map(|node| node.call);
                    if let Some(call) = running {
                        if self.creators.len() > MOST_CREATORS {
                            self.creators.clear();
                        }
                        self.creators.insert(object as usize, call);
                    }
                }
                Special::ThreadBegin => {
                    let creator = self.creators.remove(&(object as usize));
                    let info = self.values.types.of(
                        ffi::Py_TYPE(object),
                        &mut self.values.symbols,
                        &mut self.session,
                        &self.values.redactor,
                    );
                    let name = text_of(super::others::attribute(object, &*info, b"_name"));
                    let name = self.values.shown_name(name);
                    self.births.insert(
                        thread,
                        Birth {
                            name,
                            created_by: creator,
                            creator,
                        },
                    );
                }
                Special::WorkBegin => {
                    let creator = self.creators.remove(&(object as usize));
                    match log {
                        Some(log) => (*log).creator = creator,
                        None => self.births.entry(thread).or_default().creator = creator,
                    }
                }
            }
        }
    }
}

/// Objects whose creators are remembered.
const MOST_CREATORS: usize = 1 << 16;

/// Whether generators must be watched, because the version is silent when one is closed or dropped.
pub(super) const WATCHES_GENERATORS: bool = cfg!(all(Py_3_13, not(Py_3_14)));

/// `FRAME_COMPLETED`, the lowest state of a frame that will not go on.
const FRAME_COMPLETED: i8 = 1;

/// `gi_frame_state` of the generator that a frame is embedded in.
unsafe fn frame_state_of(frame: usize) -> i8 {
    const BACK: usize = layout::generator::FRAME - layout::generator::STATE;
    // SAFETY: the frame of a generator whose memory is there.
    unsafe { ((frame - BACK) as *const i8).read() }
}

/// Whether a suspended generator has no handler around its `yield`, so that 3.13 closes it without
/// running it (`RESUME_OPARG_DEPTH1_MASK`, and no `yield from` or `await`).
unsafe fn closes_in_silence(frame: usize) -> bool {
    // SAFETY: the frame of a suspended generator; it stands at a RESUME, two bytes.
    let arg = unsafe {
        ((frame + layout::frame::INSTRUCTION) as *const *const u8)
            .read()
            .add(1)
            .read()
    };
    arg & 4 != 0 && arg & 3 <= 1
}
