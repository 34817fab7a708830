//! A log for each thread: found by the thread's state, opened at its first record, given back when
//! the thread has ended.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use execmap_record::Log;
use execmap_record::format::{CallId, Definition, ThreadDef};
use execmap_record::os::thread_number;
use pyo3::ffi;

use super::engine::{Engine, Node};
use super::exceptions::Exceptions;
use super::layout;

/// What is known of a thread before its first record.
#[derive(Default)]
pub(super) struct Birth {
    pub(super) name: String,
    pub(super) created_by: Option<u64>,
    /// Who created what runs first on it: the thread, or a job.
    pub(super) creator: Option<u64>,
}

/// What is kept for each thread that runs.
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
    /// The thread state and the system's number of the thread.
    key: (usize, u64),
    is_over: Arc<AtomicBool>,
}

impl ThreadLog {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }
}

/// The state of the thread whose log was used last, 0 for none.
pub(super) static HOT_STATE: AtomicUsize = AtomicUsize::new(0);

/// How many threads with a log have ended.
static ENDED: AtomicUsize = AtomicUsize::new(0);

/// Tells that a thread has ended, from the thread's last breath. It holds no lock then, so it
/// touches nothing but atomics.
struct ThreadEnd {
    state: Cell<usize>,
    is_over: RefCell<Option<Arc<AtomicBool>>>,
}

impl ThreadEnd {
    fn note(&self) {
        if let Some(is_over) = self.is_over.take() {
            is_over.store(true, Ordering::Release);
            ENDED.fetch_add(1, Ordering::Release);
            // Another thread may have the same state by now; it then looks its log up once more.
            let _ = HOT_STATE.compare_exchange(
                self.state.get(),
                0,
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
        }
    }
}

impl Drop for ThreadEnd {
    fn drop(&mut self) {
        self.note();
    }
}

thread_local! {
    static THREAD_END: ThreadEnd = const {
        ThreadEnd { state: Cell::new(0), is_over: RefCell::new(None) }
    };
}

impl Engine {
    /// The log of the running thread.
    ///
    /// # Safety
    /// The thread is attached, and `state` is its state.
    #[inline]
    pub(super) unsafe fn log_of(&mut self, state: *mut ffi::PyThreadState) -> *mut ThreadLog {
        // SAFETY: the caller's.
        let thread = unsafe { thread_id(state) };
        if HOT_STATE.load(Ordering::Relaxed) == state as usize && self.hot_thread == thread {
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
        let log = self.by_state.get(&key).copied()?;
        // SAFETY: what is in the table is in `logs` as well.
        (!unsafe { (*log).is_over() }).then_some(log)
    }

    /// The log of the running thread, if it has recorded anything, for an event that may be another's.
    ///
    /// # Safety
    /// As for [`Engine::log_of`].
    #[inline]
    pub(super) unsafe fn log_with_calls(
        &mut self,
        state: *mut ffi::PyThreadState,
    ) -> Option<*mut ThreadLog> {
        // SAFETY: the caller's.
        let thread = unsafe { thread_id(state) };
        if HOT_STATE.load(Ordering::Relaxed) == state as usize && self.hot_thread == thread {
            return Some(self.hot_log);
        }
        // SAFETY: the caller's.
        unsafe { self.known_log(state) }?;
        Some(self.log_of_other(state as usize, thread))
    }

    #[cold]
    fn log_of_other(&mut self, state: usize, thread: u64) -> *mut ThreadLog {
        let known = self.by_state.get(&(state, thread)).copied();
        // SAFETY: what is in the table is in `logs` as well.
        let log = match known.filter(|log| !unsafe { (**log).is_over() }) {
            Some(log) => log,
            None => self.open_log(state, thread),
        };
        self.hot_log = log;
        self.hot_thread = thread;
        HOT_STATE.store(state, Ordering::Relaxed);
        log
    }

    fn open_log(&mut self, state: usize, thread: u64) -> *mut ThreadLog {
        let is_over = Arc::new(AtomicBool::new(false));
        // Without it, as in the thread's own last moments, the log is kept until the recording ends.
        let _ = THREAD_END.try_with(|end| {
            // A thread may come with another state each time it calls into Python.
            end.note();
            end.state.set(state);
            end.is_over.replace(Some(Arc::clone(&is_over)));
        });
        self.close_ended_logs();
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
        let mut log = Box::new(ThreadLog {
            log: self.session.open_log(self.threads),
            stack: Vec::new(),
            parked: Vec::new(),
            task: 0,
            task_bases: Vec::new(),
            exceptions: Exceptions::default(),
            loop_at: 0,
            loop_header: 0,
            loop_count: 0,
            creator: birth.creator,
            key: (state, thread),
            is_over,
        });
        self.threads += 1;
        let at = &raw mut *log;
        self.logs.push(log);
        self.by_state.insert((state, thread), at);
        at
    }

    /// Hands what ended threads have written to the writer, and forgets their logs.
    pub(super) fn close_ended_logs(&mut self) {
        let ended = ENDED.load(Ordering::Acquire);
        if ended == self.ended_seen {
            return;
        }
        self.ended_seen = ended;
        let mut index = 0;
        while let Some(log) = self.logs.get(index) {
            if !log.is_over() {
                index += 1;
                continue;
            }
            let mut log = self.logs.swap_remove(index);
            self.session.close_log(&mut log.log);
            if self.by_state.get(&log.key) == Some(&(&raw mut *log)) {
                self.by_state.remove(&log.key);
            }
            if std::ptr::eq(self.hot_log, &raw const *log) {
                self.hot_log = std::ptr::null_mut();
                HOT_STATE.store(0, Ordering::Relaxed);
            }
        }
    }
}

unsafe extern "C" {
    fn PyThread_get_thread_ident() -> std::ffi::c_ulong;
}

/// The number of the running Python thread.
///
/// # Safety
/// The thread is attached, and `state` is its state.
#[inline]
pub(super) unsafe fn thread_id(state: *mut ffi::PyThreadState) -> u64 {
    // SAFETY: a live thread state; the field is a plain number.
    unsafe {
        if !layout::is_sound() {
            return PyThread_get_thread_ident();
        }
        state
            .cast::<u8>()
            .add(layout::thread_state::THREAD_ID)
            .cast::<u64>()
            .read()
    }
}
