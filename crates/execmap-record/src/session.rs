//! A recording in progress: logs, their segments, and the thread that writes.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use execmap_format::{Definition, Loss, LossReason, PartHeader, SegmentHeader, SegmentState};

use crate::names::may_overwrite;
use crate::os::{Cursor, Segment, clock_pair, reserve_memory, spawn_without_signals, ticks};
use crate::output::{Output, remove_leftover};
use crate::pool::{FirstSlab, Pool};
use crate::side_file::open_side_file;
use crate::writer::{Job, Shared, State, lock};

/// How often a program that waits looks whether the writer lives.
const WRITER_CHECK: Duration = Duration::from_millis(200);
/// No record is longer, values included.
pub const RECORD_MAX: usize = 12 << 10;

/// Why a recording could not begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The trace's file cannot be written.
    #[error("cannot write {path}: {source}")]
    Unwritable {
        /// The trace's file.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// There is a file of that name which no execmap wrote.
    #[error("{path} exists and is no trace: it is not overwritten; choose another name with -o")]
    Foreign {
        /// The file.
        path: String,
    },
    /// Another recording writes to it.
    #[error("{path} is in use by a run that goes on; choose another name with -o")]
    InUse {
        /// The trace's file.
        path: String,
    },
}

/// How large a trace may become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes at which the recording stops.
    pub max_size: Option<u64>,
    /// Bytes of the latest that are kept, about; the rest is dropped.
    pub ring: Option<u64>,
}

impl From<Option<u64>> for Limits {
    fn from(max_size: Option<u64>) -> Limits {
        Limits {
            max_size,
            ring: None,
        }
    }
}

/// Why no more is recorded although the program goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The file could not be written.
    NotWritten(String),
    /// The file reached its greatest size.
    SizeLimit(u64),
}

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Stopped::NotWritten(error) => {
                write!(
                    f,
                    "recording stopped: the trace could not be written: {error}"
                )
            }
            Stopped::SizeLimit(size) => {
                write!(f, "recording stopped at {size} bytes (--max-size)")
            }
        }
    }
}

/// A thread's log: where its records go.
#[derive(Default)]
pub struct Log {
    /// Where the next record goes.
    pub cursor: Cursor,
    /// The raw counter at the last record, so that a long gap is noticed.
    pub last_tick: u64,
    /// The number that the next call of this log has if no record says otherwise.
    pub next_call: u64,
    number: u32,
    sequence: u32,
    segment: Option<Segment>,
}

impl Log {
    /// The log's number.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }
}

/// A recording in progress.
pub struct Session {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
    definitions: Log,
    scratch: Vec<u8>,
    live_logs: usize,
    waited: Duration,
    path: PathBuf,
    /// That the recording stopped has been said where readers find it.
    is_stop_said: bool,
    is_refusal_said: bool,
    /// Its files and segments belong to the process that forked this one.
    is_abandoned: bool,
}

/// What came of a recording.
#[derive(Clone, Debug, Default)]
pub struct Finished {
    /// Bytes of the trace.
    pub bytes: u64,
    /// Calls in it.
    pub calls: u64,
    /// Calls that did not fit.
    pub refused: u64,
    /// Why it ended early, if it did.
    pub stopped: Option<Stopped>,
}

/// The side file of a trace.
#[must_use]
pub(crate) fn part_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

impl Session {
    /// Begins a trace at `path`, in place of an older trace. Where a side file cannot be had, the
    /// error says why, and the recording goes on without one.
    pub fn create(
        path: &Path,
        run_id: [u8; 16],
        limits: impl Into<Limits>,
    ) -> Result<(Session, Option<io::Error>), StartError> {
        Self::begin(path, run_id, limits.into(), FirstSlab::Usual)
    }

    /// The same for a child process, of which there may be many that do little: its side file begins
    /// small.
    pub fn create_for_child(
        path: &Path,
        run_id: [u8; 16],
        limits: impl Into<Limits>,
    ) -> Result<(Session, Option<io::Error>), StartError> {
        Self::begin(path, run_id, limits.into(), FirstSlab::Small)
    }

    fn begin(
        path: &Path,
        run_id: [u8; 16],
        limits: Limits,
        first_slab: FirstSlab,
    ) -> Result<(Session, Option<io::Error>), StartError> {
        reserve_memory();
        let shown = || path.display().to_string();
        let unwritable = |source| StartError::Unwritable {
            path: shown(),
            source,
        };
        if !may_overwrite(path) {
            return Err(StartError::Foreign { path: shown() });
        }
        let (side, mut refused) = match open_side_file(&part_path(path)) {
            Ok(Some(side)) => (Some(side), None),
            Ok(None) => return Err(StartError::InUse { path: shown() }),
            Err(error) => (None, Some(error)),
        };
        let mut options = File::options();
        let options = options.read(true).write(true).create(true).truncate(true);
        let file = options.open(path).map_err(unwritable)?;
        let max_size = limits.max_size.unwrap_or(u64::MAX);
        remove_leftover(path);
        let output = Output::new(file, path, run_id, limits).map_err(unwritable)?;
        let now = clock_pair();
        let header = PartHeader {
            run_id,
            pid: std::process::id(),
            first: now,
            latest: now,
        };
        let (mut pool, error) = Pool::new(side, header, first_slab).map_err(unwritable)?;
        pool.suit_size(limits.ring.unwrap_or(max_size));
        if error.is_some() {
            refused = error;
        }
        let state = State {
            pool,
            queue: VecDeque::new(),
            ended: Vec::new(),
            definitions: VecDeque::new(),
            is_writing: false,
            is_stopping: false,
            stopped: None,
        };
        let shared = Shared {
            state: Mutex::new(state),
            output: Mutex::new(output),
            work: Condvar::new(),
            room: Condvar::new(),
            max_size,
            begin_due: AtomicBool::new(false),
        };
        let mut session = Session {
            shared: Arc::new(shared),
            writer: None,
            definitions: Log {
                number: SegmentHeader::DEFINITIONS,
                ..Log::default()
            },
            scratch: Vec::new(),
            live_logs: 0,
            waited: Duration::ZERO,
            path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
            is_stop_said: false,
            is_refusal_said: false,
            is_abandoned: false,
        };
        session.define(&Definition::Clock(now));
        Ok((session, refused))
    }

    /// The trace's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Why no more is recorded, if so.
    #[must_use]
    pub fn stopped(&self) -> Option<Stopped> {
        lock(&self.shared.state).stopped.clone()
    }

    /// How long the program waited for the writer so far.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// Appends a definition. It is on its way to the disk before any later record.
    pub fn define(&mut self, definition: &Definition) {
        if self.is_abandoned {
            return;
        }
        self.scratch.clear();
        definition.encode(&mut self.scratch);
        let len = self.scratch.len();
        if self.definitions.cursor.has_room(len) || self.take_definitions_segment(len) {
            self.definitions.cursor.bytes(&self.scratch);
        } else {
            // None may be missing: those after it would go by its number. They go to another
            // segment, as one holds definitions without a gap.
            self.shared.write_definition(&self.scratch);
            self.definitions.cursor = Cursor::default();
        }
        self.definitions.next_call += len as u64;
    }

    /// Makes room for a definition. False when there is no segment that is free and long enough.
    fn take_definitions_segment(&mut self, len: usize) -> bool {
        let mut state = lock(&self.shared.state);
        let Some(segment) = state.pool.take(1) else {
            return false;
        };
        let cursor = Cursor::new(segment);
        if !cursor.has_room(len) {
            state.pool.give_back(segment);
            return false;
        }
        write_head(&segment, &self.definitions);
        state.definitions.push_back(segment);
        state.pool.note_clock(clock_pair());
        self.definitions.sequence += 1;
        self.definitions.cursor = cursor;
        true
    }

    /// Keeps the newest clock reading where a reader of a dead run finds it.
    pub fn note_clock(&mut self) {
        if self.is_abandoned {
            return;
        }
        lock(&self.shared.state).pool.note_clock(clock_pair());
    }

    /// Begins a thread's log.
    #[must_use]
    pub fn open_log(&mut self, number: u32) -> Log {
        self.live_logs += 1;
        Log {
            number,
            ..Log::default()
        }
    }

    /// Gives the log room for a record: hands its full segment to the writer and takes another,
    /// waiting for one when all are in use. `others` gives up a segment when the writer has none to
    /// give back. False when nothing more can be recorded.
    pub fn make_room(
        &mut self,
        log: &mut Log,
        mut others: impl FnMut() -> Option<Segment>,
    ) -> bool {
        if self.is_abandoned {
            return false;
        }
        self.shared.look_for_trouble();
        if self.stopped().is_some() {
            self.say_stop();
            return false;
        }
        if let Some(segment) = detach(log) {
            self.hand_over(segment);
        }
        if self.shared.begin_due.swap(false, Ordering::Relaxed) {
            // Every call that has begun goes to the file before the part begins that may be the
            // first one kept.
            while let Some(segment) = others() {
                self.hand_over(segment);
            }
            self.give_work(Job::Begin);
        }
        let taken = self.take_segment(others);
        self.say_refusal();
        let Some(segment) = taken else {
            self.shared.fail_with("there is no room for more records");
            self.say_stop();
            return false;
        };
        write_head(&segment, log);
        log.sequence += 1;
        log.last_tick = ticks();
        log.cursor = Cursor::new(segment);
        log.segment = Some(segment);
        true
    }

    /// Says in the trace that no more is recorded, at once: the process may not come to its end.
    fn say_stop(&mut self) {
        if self.is_stop_said {
            return;
        }
        // Of a limit the writer says more at the end.
        let Some(Stopped::NotWritten(why)) = self.stopped() else {
            return;
        };
        self.define(&not_written(why));
        self.is_stop_said = true;
    }

    /// Says in the trace that the side file could not grow.
    fn say_refusal(&mut self) {
        if self.is_refusal_said {
            return;
        }
        let refused = lock(&self.shared.state).pool.refused();
        if let Some(why) = refused {
            self.is_refusal_said = true;
            self.define(&Definition::Loss(Loss {
                reason: LossReason::Degraded,
                count: 1,
                detail: format!(
                    "the side file could not grow ({why}); after a kill the last calls are missing"
                ),
            }));
        }
    }

    /// A free segment; waits for one while the writer has some to give back, makes more when it has
    /// none, and takes one from another log when there may be no more.
    fn take_segment(&mut self, mut others: impl FnMut() -> Option<Segment>) -> Option<Segment> {
        let shared = Arc::clone(&self.shared);
        let mut since = None;
        let mut state = lock(&shared.state);
        let found = loop {
            if let Some(segment) = state.pool.take(self.live_logs) {
                break Some(segment);
            }
            if state.stopped.is_some() {
                break None;
            }
            if state.queue.is_empty() && !state.is_writing {
                if let Some(segment) = state.pool.take_more(self.live_logs) {
                    break Some(segment);
                }
                drop(state);
                let segment = others()?;
                self.hand_over(segment);
                state = lock(&shared.state);
                continue;
            }
            if self.writer.as_ref().is_none_or(JoinHandle::is_finished) {
                break None;
            }
            since.get_or_insert_with(|| clock_pair().monotonic_ns);
            // The limit is for a writer that has died without a word.
            let waited = shared.room.wait_timeout(state, WRITER_CHECK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        };
        drop(state);
        if let Some(since) = since {
            self.waited += Duration::from_nanos(clock_pair().monotonic_ns.saturating_sub(since));
        }
        found
    }

    /// Gives a full or abandoned segment to the writer, which is started when it does not run.
    fn hand_over(&mut self, segment: Segment) {
        self.give_work(Job::Segment(segment));
    }

    fn give_work(&mut self, job: Job) {
        lock(&self.shared.state).queue.push_back(job);
        if self.writer.is_none() {
            let shared = Arc::clone(&self.shared);
            self.writer =
                spawn_without_signals("execmap-writer", move || shared.write_until_stopped()).ok();
            if self.writer.is_none() {
                // No thread to be had: the program's own does the work.
                self.shared.write_queue();
                return;
            }
        }
        self.shared.work.notify_one();
    }

    /// Takes a log's segment away, with what is in it; the log gets another at its next record.
    pub fn yield_segment(log: &mut Log) -> Option<Segment> {
        detach(log)
    }

    /// Ends a thread's log.
    pub fn close_log(&mut self, log: &mut Log) {
        self.live_logs = self.live_logs.saturating_sub(1);
        lock(&self.shared.state).ended.push(log.number);
        if let Some(segment) = detach(log) {
            self.hand_over(segment);
        }
    }

    /// Stops the writer once it has written what it was given. It starts again when it is needed.
    pub fn pause_writer(&mut self) {
        let Some(writer) = self.writer.take() else {
            return;
        };
        lock(&self.shared.state).is_stopping = true;
        self.shared.work.notify_one();
        let _ = writer.join();
        lock(&self.shared.state).is_stopping = false;
    }

    /// Writes everything recorded so far; the recording goes on.
    pub fn flush<'l>(&mut self, logs: impl Iterator<Item = &'l mut Log>) {
        if self.is_abandoned {
            return;
        }
        self.pause_writer();
        lock(&self.shared.state)
            .queue
            .extend(logs.filter_map(detach).map(Job::Segment));
        self.define(&Definition::Clock(clock_pair()));
        self.shared.write_queue();
    }

    /// Writes what is left, and the end. The side file is removed unless something was lost.
    pub fn finish<'l>(
        &mut self,
        logs: impl Iterator<Item = &'l mut Log>,
        last: &[Definition],
    ) -> Finished {
        if self.is_abandoned {
            return Finished::default();
        }
        self.pause_writer();
        {
            let mut state = lock(&self.shared.state);
            state
                .queue
                .extend(logs.filter_map(detach).map(Job::Segment));
        }
        if !self.waited.is_zero() {
            let count = self.waited.as_micros() as u64;
            self.define(&Definition::Meta("waited_us".to_owned(), count.to_string()));
        }
        self.shared.look_for_trouble();
        self.say_stop();
        self.define(&Definition::Clock(clock_pair()));
        for definition in last {
            self.define(definition);
        }
        self.shared.write_queue();
        let mut finished = self.shared.write_end();
        let is_whole = !matches!(finished.stopped, Some(Stopped::NotWritten(_)));
        lock(&self.shared.state).pool.remove_file(is_whole);
        finished.calls = lock(&self.shared.output).starts;
        finished
    }

    /// In a forked child: the files and segments are the parent's, and nothing is written to them
    /// from here on.
    pub fn abandon(&mut self) {
        self.definitions.cursor = Cursor::default();
        self.is_abandoned = true;
        // Another thread of the parent may have held a lock; it does not exist here.
        if let Ok(mut state) = self.shared.state.try_lock() {
            state.pool.close_file();
        }
        if let Ok(mut output) = self.shared.output.try_lock() {
            output.close();
        }
    }
}

/// That the trace could not be written, for readers.
pub(crate) fn not_written(why: String) -> Definition {
    Definition::Loss(Loss {
        reason: LossReason::NotWritten,
        count: 1,
        detail: why,
    })
}

fn detach(log: &mut Log) -> Option<Segment> {
    log.cursor = Cursor::default();
    log.segment.take()
}

fn write_head(segment: &Segment, log: &Log) {
    segment.write_head(&SegmentHeader {
        capacity: segment.capacity() as u32,
        state: SegmentState::InUse,
        log: log.number,
        sequence: log.sequence,
        published: 0,
        clock: clock_pair(),
        next_call: log.next_call,
        drained: 0,
    });
}
