//! A recording in progress: logs, their segments, and the thread that writes.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use execmap_format::{Definition, Loss, LossReason, PartHeader, SegmentHeader, SegmentState};

use crate::os::{Cursor, Segment, clock_pair, spawn_without_signals, ticks, try_lock};
use crate::output::Output;
use crate::pool::Pool;

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
}

/// Why no more is recorded although the program goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The file could not be written.
    NotWritten(String),
    /// The file reached its greatest size.
    SizeLimit(u64),
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

struct State {
    pool: Pool,
    queue: VecDeque<Segment>,
    /// Segments of definitions, the last one still being written.
    definitions: VecDeque<Segment>,
    /// The writer is at work on a segment that it will give back.
    is_writing: bool,
    is_stopping: bool,
    stopped: Option<Stopped>,
}

struct Shared {
    state: Mutex<State>,
    output: Mutex<Output>,
    work: Condvar,
    room: Condvar,
    max_size: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
    part_path: Option<PathBuf>,
}

/// What came of a recording.
#[derive(Clone, Debug, Default)]
pub struct Finished {
    /// Bytes of the trace.
    pub bytes: u64,
    /// Calls in it.
    pub calls: u64,
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
        max_size: Option<u64>,
    ) -> Result<(Session, Option<io::Error>), StartError> {
        let unwritable = |source| StartError::Unwritable {
            path: path.display().to_string(),
            source,
        };
        if !crate::names::may_overwrite(path) {
            return Err(StartError::Foreign {
                path: path.display().to_string(),
            });
        }
        let part_path = part_path(path);
        let side = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&part_path);
        let (side, mut refused) = match side {
            Ok(file) => (Some(file), None),
            Err(error) => (None, Some(error)),
        };
        let is_locked = side.as_ref().is_some_and(try_lock);
        let file = File::create(path).map_err(unwritable)?;
        let output = Output::new(file, run_id).map_err(unwritable)?;
        let now = clock_pair();
        let header = PartHeader {
            run_id,
            pid: std::process::id(),
            first: now,
            latest: now,
        };
        let (pool, error) = Pool::new(side.filter(|_| is_locked), header).map_err(unwritable)?;
        if error.is_some() {
            refused = error;
            let _ = std::fs::remove_file(&part_path);
        }
        let part_path = refused.is_none().then_some(part_path);
        let state = State {
            pool,
            queue: VecDeque::new(),
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
            max_size: max_size.unwrap_or(u64::MAX),
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
            path: path.to_owned(),
            part_path,
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
        self.scratch.clear();
        definition.encode(&mut self.scratch);
        if !self.definitions.cursor.has_room(self.scratch.len()) {
            let mut state = lock(&self.shared.state);
            let Some(segment) = state.pool.take(1) else {
                return;
            };
            write_head(&segment, &self.definitions);
            state.definitions.push_back(segment);
            state.pool.note_clock(clock_pair());
            drop(state);
            self.definitions.sequence += 1;
            self.definitions.cursor = Cursor::new(segment);
            if !self.definitions.cursor.has_room(self.scratch.len()) {
                return;
            }
        }
        self.definitions.cursor.bytes(&self.scratch);
    }

    /// Keeps the newest clock reading where a reader of a dead run finds it.
    pub fn note_clock(&mut self) {
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
    pub fn make_room(&mut self, log: &mut Log, others: impl FnMut() -> Option<Segment>) -> bool {
        let state = lock(&self.shared.state);
        if state.stopped.is_some() {
            return false;
        }
        drop(state);
        if let Some(segment) = detach(log) {
            self.hand_over(segment);
        }
        let Some(segment) = self.take_segment(others) else {
            return false;
        };
        write_head(&segment, log);
        log.sequence += 1;
        log.last_tick = ticks();
        log.cursor = Cursor::new(segment);
        log.segment = Some(segment);
        true
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
                let Some(segment) = others() else { return None };
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
        lock(&self.shared.state).queue.push_back(segment);
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
        self.pause_writer();
        lock(&self.shared.state)
            .queue
            .extend(logs.filter_map(detach));
        self.define(&Definition::Clock(clock_pair()));
        self.shared.write_queue();
    }

    /// Writes what is left, and the end. The side file is removed unless something was lost.
    pub fn finish<'l>(
        &mut self,
        logs: impl Iterator<Item = &'l mut Log>,
        last: &[Definition],
    ) -> Finished {
        self.pause_writer();
        {
            let mut state = lock(&self.shared.state);
            state.queue.extend(logs.filter_map(detach));
        }
        if !self.waited.is_zero() {
            let count = self.waited.as_micros() as u64;
            self.define(&Definition::Meta("waited_us".to_owned(), count.to_string()));
        }
        self.define(&Definition::Clock(clock_pair()));
        for definition in last {
            self.define(definition);
        }
        self.shared.write_queue();
        let mut finished = self.shared.write_end();
        let is_whole = !matches!(finished.stopped, Some(Stopped::NotWritten(_)));
        if let Some(part) = self.part_path.take().filter(|_| is_whole) {
            let _ = std::fs::remove_file(part);
        }
        finished.calls = lock(&self.shared.output).starts;
        finished
    }

    /// In a forked child: forgets where the parent's definitions go. The session must be replaced
    /// before anything is defined.
    pub fn detach_definitions(&mut self) {
        self.definitions.cursor = Cursor::default();
    }
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

impl Shared {
    fn write_until_stopped(&self) {
        let mut state = lock(&self.state);
        loop {
            if let Some(segment) = state.queue.pop_front() {
                state.is_writing = true;
                drop(state);
                self.write(&segment);
                state = lock(&self.state);
                state.is_writing = false;
                state.pool.give_back(segment);
                self.room.notify_one();
            } else if state.is_stopping {
                return;
            } else {
                state = self
                    .work
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn write_queue(&self) {
        loop {
            let Some(segment) = lock(&self.state).queue.pop_front() else {
                break;
            };
            self.write(&segment);
            lock(&self.state).pool.give_back(segment);
        }
        self.write_definitions(&mut lock(&self.output))
            .unwrap_or_else(|error| self.fail(&error));
    }

    fn write(&self, segment: &Segment) {
        let mut output = lock(&self.output);
        if matches!(lock(&self.state).stopped, Some(Stopped::NotWritten(_))) {
            return;
        }
        let done = self
            .write_definitions(&mut output)
            .and_then(|()| output.segment(segment));
        if let Err(error) = done {
            self.fail(&error);
        } else if output.len() > self.max_size {
            lock(&self.state)
                .stopped
                .get_or_insert(Stopped::SizeLimit(self.max_size));
        }
    }

    fn fail(&self, error: &io::Error) {
        lock(&self.state).stopped = Some(Stopped::NotWritten(error.to_string()));
    }

    /// Writes the definitions that are not in the trace yet; what comes after may name them.
    fn write_definitions(&self, output: &mut Output) -> io::Result<()> {
        loop {
            let state = lock(&self.state);
            let Some(segment) = state.definitions.front().copied() else {
                return Ok(());
            };
            let is_last = state.definitions.len() == 1;
            drop(state);
            let from = segment.drained();
            let records = segment.records(from);
            if !records.is_empty() {
                output.definitions(records)?;
                segment.set_drained(from + records.len());
            }
            if is_last {
                return Ok(());
            }
            let mut state = lock(&self.state);
            state.definitions.pop_front();
            state.pool.give_back(segment);
        }
    }

    fn write_end(&self) -> Finished {
        let mut output = lock(&self.output);
        let mut state = lock(&self.state);
        if state.stopped.is_none() || matches!(state.stopped, Some(Stopped::SizeLimit(_))) {
            let damaged = output.damaged;
            let mut end = || {
                if damaged > 0 {
                    let detail = "records that could not be read back".to_owned();
                    output.define(&Definition::Loss(Loss {
                        reason: LossReason::RecorderFault,
                        count: damaged,
                        detail,
                    }))?;
                }
                output.define(&Definition::End)
            };
            if let Err(error) = end() {
                state.stopped = Some(Stopped::NotWritten(error.to_string()));
            }
        }
        Finished {
            bytes: output.len(),
            calls: output.starts,
            stopped: state.stopped.clone(),
        }
    }
}
