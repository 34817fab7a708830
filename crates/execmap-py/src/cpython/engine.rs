//! The recorder of this process: what the hooks share, and everything they rarely do.
//!
//! All of it belongs to whoever holds the interpreter lock, so nothing here is
//! locked, and nothing here may run Python code while it holds the engine.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use execmap_record::format::{CallId, Definition, Loss, LossReason, ThreadDef, kind, pack};
use execmap_record::os::{at_fork, clock_pair, thread_number, ticks};
use execmap_record::{Filter, Finished, Log, RECORD_MAX, Redactor, Session, Stopped};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use pyo3::ffi;
use pyo3::prelude::*;

use super::code::{self, CodeEntry};
use super::exceptions::Exceptions;
use super::frame::Frame;
use super::layout;
use super::monitoring::Monitoring;
use super::neighbours::Neighbours;
use super::store::Values;
use super::tasks::Tasks;
use super::watch::Watcher;

/// What to record, and where.
pub(crate) struct Settings {
    pub(crate) path: PathBuf,
    pub(crate) run_id: [u8; 16],
    pub(crate) filter: Filter,
    pub(crate) with_values: bool,
    pub(crate) is_redacting: bool,
    /// Knows the secrets of the command line already.
    pub(crate) redactor: Redactor,
    /// Names whose text is hidden beside the usual ones.
    pub(crate) redact: Vec<String>,
    pub(crate) max_calls: Option<u64>,
    pub(crate) max_size: Option<u64>,
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

/// What is known of a thread before its first record.
#[derive(Default)]
pub(super) struct Birth {
    pub(super) name: String,
    pub(super) created_by: Option<u64>,
    /// Who created what runs first on it: the thread, or a job.
    pub(super) creator: Option<u64>,
}

/// What is kept for each thread.
pub(super) struct ThreadLog {
    pub(super) log: Log,
    pub(super) stack: Vec<Node>,
    /// Stacks of greenlets that do not run.
    pub(super) parked: Vec<Vec<Node>>,
    /// Task + 1 in which calls begin, 0 for none.
    pub(super) task: u32,
    /// Where on the stack a task was entered, and the task before.
    pub(super) task_bases: Vec<(usize, u32)>,
    pub(super) exceptions: Exceptions,
    pub(super) loop_at: usize,
    pub(super) loop_header: u32,
    pub(super) loop_count: u32,
    /// Who created what runs next on this thread.
    pub(super) creator: Option<u64>,
    pub(super) is_over: AtomicBool,
    pub(super) is_closed: bool,
}

/// The recorder.
pub(super) struct Engine {
    pub(super) hot_state: AtomicUsize,
    pub(super) hot_thread: u64,
    pub(super) hot_log: *mut ThreadLog,
    pub(super) next_call: u64,
    pub(super) max_calls: u64,
    pub(super) epoch: u32,
    pub(super) with_values: bool,
    /// No more is recorded.
    pub(super) is_dead: bool,
    pub(super) next_exception: u32,
    pub(super) disable: *mut ffi::PyObject,
    pub(super) session: Session,
    pub(super) values: Values,
    pub(super) watcher: Watcher,
    pub(super) suspended: HashMap<usize, Suspended, FixedState>,
    pub(super) tasks: Tasks,
    /// Who created a thread, a coroutine's task, a job: by the object's address.
    pub(super) creators: HashMap<usize, u64, FixedState>,
    /// Threads that have not recorded anything yet, by the system's number.
    pub(super) births: HashMap<u64, Birth, FixedState>,
    #[expect(clippy::vec_box, reason = "the hooks keep addresses of logs")]
    pub(super) logs: Vec<Box<ThreadLog>>,
    pub(super) by_state: HashMap<(usize, u64), usize, FixedState>,
    pub(super) codes: u32,
    pub(super) monitoring: Monitoring,
    pub(super) neighbours: Neighbours,
    pub(super) settings: Settings,
    pub(super) faults: u64,
    pub(super) is_forked: bool,
    pub(super) children: u32,
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

/// Tells the engine that a thread has ended, from the thread's last breath.
struct ThreadEnd(std::cell::Cell<*const ThreadLog>);

impl Drop for ThreadEnd {
    fn drop(&mut self) {
        let log = self.0.get();
        if log.is_null() || ENGINE.load(Ordering::Acquire).is_null() {
            return;
        }
        // SAFETY: logs are kept until the engine is dropped, which is after it is taken from
        // `ENGINE`; only an atomic field is touched.
        unsafe { (*log).is_over.store(true, Ordering::Release) };
        // SAFETY: as above; the engine's hot fields are only compared by threads that hold the lock.
        if let Some(engine) = unsafe { ENGINE.load(Ordering::Acquire).as_ref() }
            && std::ptr::eq(engine.hot_log, log)
        {
            engine.hot_state.store(0, Ordering::Release);
        }
    }
}

thread_local! {
    static THREAD_END: ThreadEnd = const { ThreadEnd(std::cell::Cell::new(std::ptr::null())) };
}

extern "C" fn before_fork() {
    // SAFETY: a fork of a Python program happens on a thread that holds the lock, or, from C code
    // without it, while no hook runs on this thread; the writer's own lock orders the rest.
    if let Some(engine) = unsafe { engine() } {
        engine.session.pause_writer();
    }
}

extern "C" fn after_fork_in_child() {
    // SAFETY: the child has one thread.
    if let Some(engine) = unsafe { engine() } {
        engine.is_forked = true;
        engine.is_dead = true;
        for log in &mut engine.logs {
            // Nothing may be written to the parent's memory: the next record finds no room.
            let _ = Session::yield_segment(&mut log.log);
        }
        engine.session.detach_definitions();
    }
}

/// Begins to record.
pub(crate) fn start(py: Python<'_>, mut settings: Settings) -> PyResult<Vec<String>> {
    if !code::prepare(py) {
        let text = "other tools keep data on code objects in all 255 places; end one of them and run again";
        return Err(crate::errors::TraceError::new_err(text));
    }
    at_fork(before_fork, after_fork_in_child);
    let mut notes = Vec::new();
    let monitoring = Monitoring::take(py)?;
    let created = Session::create(&settings.path, settings.run_id, settings.max_size);
    let (session, refused) = match created {
        Ok(created) => created,
        Err(error) => {
            monitoring.release(py);
            return Err(crate::errors::start_error(&error));
        }
    };
    if let Some(error) = refused {
        notes.push(format!("no side file: {error}; if the program is killed, the last part of the recording is lost"));
    }
    let mut engine = Box::new(Engine {
        hot_state: AtomicUsize::new(0),
        hot_thread: 0,
        hot_log: std::ptr::null_mut(),
        next_call: 0,
        max_calls: settings.max_calls.unwrap_or(u64::MAX),
        epoch: EPOCH.fetch_add(1, Ordering::Relaxed) + 1,
        with_values: settings.with_values,
        is_dead: false,
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
        creators: HashMap::default(),
        births: HashMap::default(),
        logs: Vec::new(),
        by_state: HashMap::default(),
        codes: 0,
        monitoring,
        neighbours: Neighbours::default(),
        settings,
        faults: 0,
        is_forked: false,
        children: 0,
    });
    engine.write_meta();
    engine.count_interpreters();
    engine.tasks.look_for_asyncio(py);
    let engine = Box::into_raw(engine);
    ENGINE.store(engine, Ordering::Release);
    // SAFETY: just made.
    let armed = unsafe { (*engine).monitoring.arm(py) };
    if let Err(error) = armed {
        ENGINE.store(std::ptr::null_mut(), Ordering::Release);
        // SAFETY: just made.
        unsafe { (*engine).monitoring.release(py) };
        return Err(error);
    }
    Ok(notes)
}

/// Ends the recording, if one goes on.
pub(crate) fn stop(py: Python<'_>) -> Option<Stop> {
    // SAFETY: attached.
    let engine = unsafe { engine() }?;
    let interference = engine.monitoring.release(py);
    let pointer = ENGINE.swap(std::ptr::null_mut(), Ordering::AcqRel);
    if pointer.is_null() {
        return None;
    }
    // SAFETY: taken from its place, so it is ours alone.
    let mut engine = unsafe { Box::from_raw(pointer) };
    let is_abandoned = engine.is_forked;
    engine.say_interference(interference);
    let stop = engine.finish();
    // Threads that end later must not find their log gone.
    std::mem::forget(std::mem::take(&mut engine.logs));
    (!is_abandoned).then_some(stop)
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
                "frames are read through the public API".to_owned(),
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
    fn finish(&mut self) -> Stop {
        if self.is_forked {
            return Stop::default();
        }
        self.close_finished_generators();
        self.forget_objects();
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
            LossReason::RecorderFault,
            self.faults,
            "panics in hooks".to_owned(),
        );
        self.note_interpreters();
        self.note_unseen_ends();
        let mut notes: Vec<String> = self.interference().map(str::to_owned).into_iter().collect();
        if self.next_call >= self.max_calls {
            let text = format!(
                "recording stopped at {} calls (--max-calls)",
                self.max_calls
            );
            self.define_loss(LossReason::LimitReached, 1, text.clone());
            notes.push(text);
        }
        match self.session.stopped() {
            Some(Stopped::NotWritten(error)) => {
                let text = format!("recording stopped: the trace could not be written: {error}");
                self.define_loss(LossReason::NotWritten, 1, error);
                notes.push(text);
            }
            Some(Stopped::SizeLimit(size)) => {
                let text = format!("recording stopped at {size} bytes (--max-size)");
                self.define_loss(LossReason::LimitReached, 1, text.clone());
                notes.push(text);
            }
            None => {}
        }
        let threads = self.logs.len();
        let path = self.session.path().to_owned();
        let finished = self
            .session
            .finish(self.logs.iter_mut().map(|log| &mut log.log), &[]);
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

    /// The log of the running thread.
    ///
    /// # Safety
    /// The thread is attached, and `state` is its state.
    #[inline]
    pub(super) unsafe fn log_of(&mut self, state: *mut ffi::PyThreadState) -> *mut ThreadLog {
        // SAFETY: the caller's; the field is read in every layout that is supported.
        let thread = unsafe { thread_id(state) };
        if self.hot_state.load(Ordering::Relaxed) == state as usize && self.hot_thread == thread {
            return self.hot_log;
        }
        self.log_of_other(state as usize, thread)
    }

    /// The log of the running thread, if it has recorded anything.
    ///
    /// # Safety
    /// As for [`Engine::log_of`].
    pub(super) unsafe fn known_log(
        &mut self,
        state: *mut ffi::PyThreadState,
    ) -> Option<*mut ThreadLog> {
        // SAFETY: the caller's.
        let key = (state as usize, unsafe { thread_id(state) });
        let log = &raw mut **self.logs.get_mut(*self.by_state.get(&key)?)?;
        // SAFETY: logs live as long as the engine.
        (!unsafe { (*log).is_over.load(Ordering::Acquire) }).then_some(log)
    }

    #[cold]
    fn log_of_other(&mut self, state: usize, thread: u64) -> *mut ThreadLog {
        let known = self.by_state.get(&(state, thread)).copied();
        let index = match known.filter(|index| !self.logs[*index].is_over.load(Ordering::Acquire)) {
            Some(index) => index,
            None => self.open_log(state, thread),
        };
        let log = &raw mut *self.logs[index];
        self.hot_log = log;
        self.hot_thread = thread;
        self.hot_state.store(state, Ordering::Relaxed);
        log
    }

    fn open_log(&mut self, state: usize, thread: u64) -> usize {
        self.close_ended_logs();
        let index = self.logs.len();
        let native_id = thread_number();
        let birth = self.births.remove(&thread).unwrap_or_default();
        let is_main = native_id == u64::from(std::process::id());
        let name = match (birth.name.is_empty(), is_main) {
            (false, _) => birth.name,
            (true, true) => "MainThread".to_owned(),
            (true, false) => format!("thread {native_id}"),
        };
        let created_by = birth.created_by.map(CallId);
        self.session.define(&Definition::Thread(ThreadDef {
            name,
            native_id,
            created_by,
        }));
        let log = Box::new(ThreadLog {
            log: self.session.open_log(index as u32),
            stack: Vec::new(),
            parked: Vec::new(),
            task: 0,
            task_bases: Vec::new(),
            exceptions: Exceptions::default(),
            loop_at: 0,
            loop_header: 0,
            loop_count: 0,
            creator: birth.creator,
            is_over: AtomicBool::new(false),
            is_closed: false,
        });
        THREAD_END.with(|end| end.0.set(&raw const *log));
        self.logs.push(log);
        self.by_state.insert((state, thread), index);
        index
    }

    /// Hands what ended threads have written to the writer.
    pub(super) fn close_ended_logs(&mut self) {
        for log in &mut self.logs {
            if log.is_over.load(Ordering::Acquire) && !log.is_closed {
                log.is_closed = true;
                log.stack = Vec::new();
                self.session.close_log(&mut log.log);
            }
        }
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

/// The system's number of a Python thread.
#[inline]
pub(super) unsafe fn thread_id(state: *mut ffi::PyThreadState) -> u64 {
    // SAFETY: a live thread state; the field is a plain number.
    unsafe {
        state
            .cast::<u8>()
            .add(layout::thread_state::THREAD_ID)
            .cast::<u64>()
            .read()
    }
}
