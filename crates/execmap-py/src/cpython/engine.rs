//! The recorder of this process: what the hooks share, and everything they rarely do.
//!
//! All of it belongs to whoever holds the interpreter lock, so nothing here is
//! locked, and nothing here may run Python code while it holds the engine.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use execmap_record::format::{Definition, Loss, LossReason, kind, pack};
use execmap_record::os::{clock_pair, ticks};
use execmap_record::{Filter, Finished, Limits, RECORD_MAX, Redactor, Session};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use pyo3::ffi;
use pyo3::prelude::*;

use super::code::{self, CodeEntry};
use super::frame::Frame;
use super::layout;
use super::learning::Codes;
use super::lives::Creators;
use super::logs::{Birth, HOT_STATE, ThreadLog};
use super::monitoring::Monitoring;
use super::neighbours::Neighbours;
use super::processes::{self, Processes};
use super::store::Values;
use super::tasks::Tasks;
use super::watch::Watcher;

/// What to record, and where.
pub(crate) struct Settings {
    pub(crate) path: PathBuf,
    /// The run's first file, by a path that holds wherever the program goes.
    pub(crate) first: PathBuf,
    /// Of a process that another one of the run started: how the file of that one, or of one before
    /// it, goes on behind the name of the first.
    pub(crate) parent: Option<String>,
    /// Whether what `-c` gave the interpreter is the standard library's.
    pub(crate) is_main_foreign: bool,
    pub(crate) run_id: [u8; 16],
    pub(crate) filter: Filter,
    pub(crate) with_values: bool,
    pub(crate) is_redacting: bool,
    /// Knows the secrets of the command line already.
    pub(crate) redactor: Redactor,
    /// Names whose text is hidden beside the usual ones.
    pub(crate) redact: Vec<String>,
    pub(crate) max_calls: Option<u64>,
    pub(crate) limits: Limits,
    pub(crate) meta: Vec<(String, String)>,
}

/// What came of a recording.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    pub(crate) finished: Finished,
    pub(crate) threads: usize,
    pub(crate) tasks: u32,
    pub(crate) left_out: u64,
    pub(crate) notes: Vec<String>,
    pub(crate) path: PathBuf,
}

/// A running call.
#[derive(Clone, Copy)]
pub(super) struct Node {
    pub(super) frame: Frame,
    /// Where the frame's bytecode begins.
    pub(super) start: *const u8,
    pub(super) entry: *const CodeEntry,
    pub(super) call: u64,
    /// The weak reference that watches the generator, 0 for none.
    pub(super) weak: usize,
}

/// A suspended call.
pub(super) struct Suspended {
    pub(super) call: u64,
    pub(super) weak: usize,
}

/// The recorder.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is read on its own, one of them in every hook"
)]
pub(super) struct Engine {
    pub(super) hot_thread: u64,
    pub(super) hot_log: *mut ThreadLog,
    pub(super) next_call: u64,
    pub(super) max_calls: u64,
    pub(super) epoch: u32,
    pub(super) with_values: bool,
    /// No more is recorded.
    pub(super) is_dead: bool,
    /// A call was not recorded because there were enough.
    pub(super) is_limited: bool,
    /// Forks after the recording stopped.
    pub(super) late_forks: u64,
    pub(super) next_exception: u32,
    pub(super) disable: *mut ffi::PyObject,
    pub(super) session: Session,
    pub(super) values: Values,
    pub(super) watcher: Watcher,
    pub(super) suspended: HashMap<usize, Suspended, FixedState>,
    pub(super) tasks: Tasks,
    pub(super) creators: Creators,
    /// Threads that have not recorded anything yet, by the system's number.
    pub(super) births: HashMap<u64, Birth, FixedState>,
    /// Logs of threads that have not ended.
    #[expect(clippy::vec_box, reason = "the hooks keep addresses of logs")]
    pub(super) logs: Vec<Box<ThreadLog>>,
    pub(super) by_state: HashMap<(usize, u64), *mut ThreadLog, FixedState>,
    /// Threads that have recorded something.
    pub(super) threads: u32,
    /// Threads of the process that had ended when logs were last looked at.
    pub(super) ended_seen: usize,
    pub(super) codes: Codes,
    pub(super) monitoring: Rc<Monitoring>,
    pub(super) neighbours: Neighbours,
    pub(super) settings: Settings,
    pub(super) faults: u64,
    /// The first epoch of this recording; each fork begins another one.
    pub(super) first_epoch: u32,
    /// This process was forked and has not recorded anything of its own yet.
    pub(super) is_forked: bool,
    pub(super) processes: Processes,
}

static ENGINE: AtomicPtr<Engine> = AtomicPtr::new(std::ptr::null_mut());
pub(super) static EPOCH: AtomicU32 = AtomicU32::new(0);

/// The engine, while there is one.
///
/// # Safety
/// The thread is attached, and no other reference to the engine is in use on it.
#[inline]
pub(super) unsafe fn engine<'a>() -> Option<&'a mut Engine> {
    // SAFETY: the caller's; the pointer is null or a live engine, and the interpreter lock makes
    // this the only user.
    unsafe { ENGINE.load(Ordering::Relaxed).as_mut() }
}

/// Does something with the engine, if there is one.
pub(super) fn with_engine(work: impl FnOnce(&mut Engine)) {
    // SAFETY: called from callbacks of CPython, which hold the interpreter lock.
    if let Some(engine) = unsafe { engine() } {
        work(engine);
    }
}

/// Whether a recording goes on.
pub(crate) fn is_recording() -> bool {
    !ENGINE.load(Ordering::Relaxed).is_null()
}

/// Has a recording that nobody ended end with the process. CPython has room for 32 such functions; where
/// there is none left, the recording ends as if the process were killed, and readers recover it.
fn end_with_interpreter() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        // SAFETY: a function of this library, which is never unloaded.
        unsafe { ffi::Py_AtExit(Some(crate::last_words::after_interpreter)) };
    });
}

/// Begins to record.
pub(crate) fn start(py: Python<'_>, mut settings: Settings) -> PyResult<Vec<String>> {
    if !code::prepare(py) {
        let text = "other tools keep data on code objects in all 255 places; end one of them and run again";
        return Err(crate::errors::TraceError::new_err(text));
    }
    crate::faults::keep();
    processes::watch_forks();
    end_with_interpreter();
    let mut notes = Vec::new();
    let monitoring = Monitoring::take(py)?;
    let create = match settings.parent {
        Some(_) => Session::create_for_child,
        None => Session::create,
    };
    let created = create(&settings.path, settings.run_id, settings.limits);
    let (session, refused) = match created {
        Ok(created) => created,
        Err(error) => {
            monitoring.release(py, false);
            return Err(crate::errors::start_error(&error));
        }
    };
    if let Some(error) = refused {
        notes.push(format!("no side file: {error}; if the program is killed, the last part of the recording is lost"));
    }
    let processes = Processes::new(&settings);
    let mut engine = Box::new(Engine {
        hot_thread: 0,
        hot_log: std::ptr::null_mut(),
        next_call: 0,
        max_calls: settings.max_calls.unwrap_or(u64::MAX),
        epoch: EPOCH.fetch_add(1, Ordering::Relaxed) + 1,
        with_values: settings.with_values,
        is_dead: false,
        is_limited: false,
        late_forks: 0,
        next_exception: 0,
        disable: monitoring.disable.as_ptr(),
        session,
        values: Values::new(
            std::mem::replace(&mut settings.redactor, Redactor::new(&[])),
            settings.is_redacting,
        ),
        watcher: Watcher::new(py)?,
        suspended: HashMap::default(),
        tasks: Tasks::default(),
        creators: Creators::default(),
        births: HashMap::default(),
        logs: Vec::new(),
        by_state: HashMap::default(),
        threads: 0,
        ended_seen: 0,
        codes: Codes::default(),
        monitoring: Rc::new(monitoring),
        neighbours: Neighbours::default(),
        settings,
        faults: 0,
        first_epoch: 0,
        is_forked: false,
        processes,
    });
    engine.first_epoch = engine.epoch;
    engine.write_meta();
    engine.count_interpreters();
    engine.write_parent();
    engine.tasks.look_for_asyncio(py);
    let engine = Box::into_raw(engine);
    ENGINE.store(engine, Ordering::Release);
    // SAFETY: just made.
    let armed = unsafe { (*engine).monitoring.arm(py) };
    if let Err(error) = armed {
        ENGINE.store(std::ptr::null_mut(), Ordering::Release);
        // SAFETY: just made.
        unsafe { (*engine).monitoring.release(py, false) };
        return Err(error);
    }
    Ok(notes)
}

/// Ends the recording, if one goes on.
pub(crate) fn stop(py: Python<'_>) -> Option<Stop> {
    // SAFETY: attached.
    let engine = unsafe { engine() }?;
    let interference = engine.monitoring.release(py, false);
    let pointer = ENGINE.swap(std::ptr::null_mut(), Ordering::AcqRel);
    if pointer.is_null() {
        return None;
    }
    // SAFETY: taken from its place, so it is ours alone.
    let mut engine = unsafe { Box::from_raw(pointer) };
    let is_abandoned = engine.is_forked;
    engine.say_interference(interference);
    let stop = engine.finish();
    HOT_STATE.store(0, Ordering::Relaxed);
    (!is_abandoned).then_some(stop)
}

/// Notes what only the interpreter can tell.
pub(crate) fn before_end(py: Python<'_>) {
    // SAFETY: attached.
    if let Some(engine) = unsafe { engine() } {
        let found = engine.monitoring.interference_at_end(py);
        engine.say_interference(found);
        engine.note_interpreters();
    }
}

/// Ends the recording, if one goes on, when the interpreter has ended: nothing of Python is touched.
pub(crate) fn stop_at_end() -> Option<Stop> {
    let pointer = ENGINE.swap(std::ptr::null_mut(), Ordering::AcqRel);
    // SAFETY: taken from its place, so it is ours alone. It is never dropped: it holds references, and
    // other threads may still stand in the middle of a hook, never to go on.
    let engine = unsafe { pointer.as_mut() }?;
    HOT_STATE.store(0, Ordering::Relaxed);
    (!engine.is_forked).then(|| engine.write_last())
}

/// Where the recording is: the number of the next call, and the clock.
pub(crate) fn now() -> Option<(u64, u64, u64)> {
    // SAFETY: attached.
    let engine = unsafe { engine() }?;
    let pair = clock_pair();
    Some((engine.next_call, pair.tick, pair.monotonic_ns))
}

/// Puts everything recorded so far into the trace's file. Gives its path and the number of the next
/// call.
pub(crate) fn flush(py: Python<'_>) -> Option<(PathBuf, u64)> {
    // SAFETY: attached.
    let engine = unsafe { engine() }?;
    if engine.is_forked && !engine.become_child() {
        return None;
    }
    let last = engine.next_call;
    engine.note_interference(py);
    engine.note_interpreters();
    engine.note_unseen_ends();
    engine
        .session
        .flush(engine.logs.iter_mut().map(|log| &mut log.log));
    Some((engine.session.path().to_owned(), last))
}

impl Engine {
    pub(super) fn write_meta(&mut self) {
        for (key, value) in self.settings.meta.clone() {
            self.session.define(&Definition::Meta(key, value));
        }
        let facts = [
            ("values", self.with_values.to_string()),
            ("detail", "calls".to_owned()),
            ("pid", std::process::id().to_string()),
            (
                "frames",
                if layout::is_sound() {
                    "in place"
                } else {
                    "public API"
                }
                .to_owned(),
            ),
        ];
        for (key, value) in facts {
            self.session
                .define(&Definition::Meta(key.to_owned(), value));
        }
        if !layout::is_sound() {
            self.define_loss(
                LossReason::Degraded,
                1,
                format!(
                    "frames are read through the public API, which takes longer: {}",
                    layout::why_not()
                ),
            );
        }
    }

    pub(super) fn define_loss(&mut self, reason: LossReason, count: u64, detail: String) {
        if count > 0 {
            self.session.define(&Definition::Loss(Loss {
                reason,
                count,
                detail,
            }));
        }
    }

    /// Writes what is left and gives everything back.
    pub(super) fn finish(&mut self) -> Stop {
        if self.is_forked {
            return Stop::default();
        }
        self.close_finished_generators();
        self.forget_objects();
        self.write_last()
    }

    /// Writes what is left, without Python.
    fn write_last(&mut self) -> Stop {
        let left_out = self.values.left_out;
        let names = self.values.hidden_names.join(", ");
        self.define_loss(LossReason::Hidden, left_out.hidden, names);
        self.define_loss(
            LossReason::Cut,
            left_out.cut,
            "longer or deeper than the limits".to_owned(),
        );
        self.define_loss(
            LossReason::NotRecorded,
            left_out.not_recorded,
            "values too large for a record".to_owned(),
        );
        self.define_loss(
            LossReason::NotRecorded,
            self.codes.beyond,
            "functions beyond the 16,777,216th".to_owned(),
        );
        self.define_loss(
            LossReason::NotRecorded,
            self.codes.unlearned,
            "functions first called when there was no memory".to_owned(),
        );
        self.define_loss(
            LossReason::Degraded,
            self.creators.forgotten,
            "who created threads, tasks and jobs that were not begun for long".to_owned(),
        );
        self.define_loss(
            LossReason::RecorderFault,
            self.faults,
            crate::faults::first().unwrap_or_else(|| "panics in hooks".to_owned()),
        );
        self.note_interpreters();
        self.note_unseen_ends();
        let mut notes: Vec<String> = self.interference().map(str::to_owned).into_iter().collect();
        self.define_loss(
            LossReason::NotFollowed,
            self.late_forks,
            "children forked after the recording had stopped".to_owned(),
        );
        if self.is_limited {
            let text = format!(
                "recording stopped at {} calls (--max-calls)",
                self.max_calls
            );
            self.define_loss(LossReason::LimitReached, 1, text.clone());
            notes.push(text);
        }
        let threads = self.threads as usize;
        let path = self.session.path().to_owned();
        let finished = self
            .session
            .finish(self.logs.iter_mut().map(|log| &mut log.log), &[]);
        notes.extend(finished.stopped.as_ref().map(ToString::to_string));
        Stop {
            finished,
            threads,
            tasks: self.tasks.count(),
            left_out: left_out.hidden + left_out.cut + left_out.not_recorded,
            notes,
            path,
        }
    }

    /// Gives back every reference that was taken.
    fn forget_objects(&mut self) {
        // SAFETY: called attached.
        unsafe {
            self.values.symbols.clear();
            self.watcher.clear();
        }
    }

    /// Counts a panic in a hook; nothing more is recorded.
    pub(super) fn fault(&mut self) {
        self.faults += 1;
        self.is_dead = true;
    }

    /// Gives a log room for a record of up to `len` bytes. False when nothing more is recorded.
    #[inline]
    pub(super) fn make_room(&mut self, log: &mut ThreadLog, len: usize) -> bool {
        log.log.cursor.has_room(len) || self.make_more_room(log)
    }

    #[cold]
    fn make_more_room(&mut self, log: &mut ThreadLog) -> bool {
        if self.is_dead {
            return false;
        }
        self.close_ended_logs();
        let this = &raw const *log;
        let logs = &mut self.logs;
        let made = self.session.make_room(&mut log.log, || {
            logs.iter_mut().find_map(|other| {
                if std::ptr::eq(&raw const **other, this) {
                    None
                } else {
                    Session::yield_segment(&mut other.log)
                }
            })
        });
        self.is_dead |= !made;
        made
    }

    /// Writes the whole tick counter after a gap in which its low half may have come round.
    #[inline]
    pub(super) fn check_tick(log: &mut ThreadLog) {
        let tick = ticks();
        if tick.wrapping_sub(log.log.last_tick) >= 1 << 31 {
            log.log.cursor.words(pack(kind::TICK, 0, tick), tick);
        }
        log.log.last_tick = tick;
    }

    /// Room for the largest record.
    #[inline]
    pub(super) fn room_for_values(&mut self, log: &mut ThreadLog) -> bool {
        self.make_room(log, RECORD_MAX)
    }
}
