//! What the writer does: segments in their order, definitions before the events that name them.

use std::collections::VecDeque;
use std::fmt::Write;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use execmap_format::{Definition, Loss, LossReason};

use crate::os::{Segment, is_memory_short, take_torn};
use crate::output::Output;
use crate::pool::Pool;
use crate::session::{Finished, Stopped, not_written};

/// What the writer is given to do.
#[derive(Clone, Copy)]
pub(crate) enum Job {
    /// A segment that is full.
    Segment(Segment),
    /// A new part of the trace begins.
    Begin,
}

/// What the program's threads and the writer share, under one lock that is held for moments.
pub(crate) struct State {
    pub(crate) pool: Pool,
    pub(crate) queue: VecDeque<Job>,
    /// Logs whose last segment is in the queue or written.
    pub(crate) ended: Vec<u32>,
    /// Segments of definitions, the last one still being written.
    pub(crate) definitions: VecDeque<Segment>,
    /// The writer is at work on a segment that it will give back.
    pub(crate) is_writing: bool,
    pub(crate) is_stopping: bool,
    pub(crate) stopped: Option<Stopped>,
}

/// What belongs to the recording and its writer alike.
pub(crate) struct Shared {
    pub(crate) state: Mutex<State>,
    pub(crate) output: Mutex<Output>,
    pub(crate) work: Condvar,
    pub(crate) room: Condvar,
    pub(crate) max_size: u64,
    /// A new part of the trace is to begin at the next segment.
    pub(crate) begin_due: AtomicBool,
}

/// A lock that no panic of ours makes unusable.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn write_until_stopped(&self) {
        let mut state = lock(&self.state);
        loop {
            if let Some(job) = state.queue.pop_front() {
                state.is_writing = true;
                drop(state);
                let done = self.carry_out(job);
                state = lock(&self.state);
                state.is_writing = false;
                if let Some(segment) = done {
                    state.pool.give_back(segment);
                }
                self.room.notify_one();
            } else if state.is_stopping {
                return;
            } else if !state.ended.is_empty() {
                drop(state);
                self.forget_ended();
                state = lock(&self.state);
            } else {
                state = self
                    .work
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    pub(crate) fn write_queue(&self) {
        loop {
            let Some(job) = lock(&self.state).queue.pop_front() else {
                break;
            };
            if let Some(segment) = self.carry_out(job) {
                lock(&self.state).pool.give_back(segment);
            }
        }
        self.forget_ended();
        self.write_definitions(&mut lock(&self.output))
            .unwrap_or_else(|error| self.fail(&error));
    }

    /// Gives a segment that can be used again.
    fn carry_out(&self, job: Job) -> Option<Segment> {
        match job {
            Job::Segment(segment) => self.write(&segment).then_some(segment),
            Job::Begin => {
                self.begin();
                None
            }
        }
    }

    fn begin(&self) {
        let mut output = lock(&self.output);
        if matches!(lock(&self.state).stopped, Some(Stopped::NotWritten(_))) {
            return;
        }
        let done = self
            .write_definitions(&mut output)
            .and_then(|()| output.begin());
        if let Err(error) = done {
            self.fail(&error);
        }
    }

    /// Writes a segment. False when it could not be: it then stays in the side file, for readers.
    fn write(&self, segment: &Segment) -> bool {
        let mut output = lock(&self.output);
        if matches!(lock(&self.state).stopped, Some(Stopped::NotWritten(_))) {
            return false;
        }
        let done = self
            .write_definitions(&mut output)
            .and_then(|()| output.segment(segment));
        if let Err(error) = &done {
            self.fail(error);
        } else if output.wants_begin() {
            self.begin_due.store(true, Ordering::Relaxed);
        } else if output.is_full() {
            lock(&self.state)
                .stopped
                .get_or_insert(Stopped::SizeLimit(self.max_size));
        }
        done.is_ok()
    }

    /// Writes a definition for which there is no segment.
    pub(crate) fn write_definition(&self, bytes: &[u8]) {
        let mut output = lock(&self.output);
        let done = self
            .write_definitions(&mut output)
            .and_then(|()| output.definitions(bytes));
        if let Err(error) = done {
            self.fail(&error);
        }
    }

    /// Forgets what was kept for logs that have ended and are written.
    fn forget_ended(&self) {
        let mut output = lock(&self.output);
        for log in std::mem::take(&mut lock(&self.state).ended) {
            output.forget(log);
        }
    }

    fn fail(&self, error: &io::Error) {
        self.fail_with(&error.to_string());
    }

    /// Nothing more is recorded. The first reason holds.
    pub(crate) fn fail_with(&self, why: &str) {
        let mut state = lock(&self.state);
        if !matches!(state.stopped, Some(Stopped::NotWritten(_))) {
            state.stopped = Some(Stopped::NotWritten(why.to_owned()));
        }
    }

    /// Ends the recording when something happened that nobody returned as an error.
    pub(crate) fn look_for_trouble(&self) {
        if take_torn() {
            self.fail_with("the side file was cut short while it was in use");
        }
        if is_memory_short() {
            self.fail_with("there is no memory left");
        }
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

    pub(crate) fn write_end(&self) -> Finished {
        self.look_for_trouble();
        let mut output = lock(&self.output);
        let is_not_written = || match &lock(&self.state).stopped {
            Some(Stopped::NotWritten(why)) => Some(why.clone()),
            _ => None,
        };
        if is_not_written().is_none() {
            let losses = self.last_losses(&output);
            let end = || -> io::Result<()> {
                for loss in losses {
                    output.define(&Definition::Loss(loss))?;
                }
                output.end()
            };
            if let Err(error) = end() {
                self.fail(&error);
            }
        }
        if let Err(error) = output.restore() {
            self.fail(&error);
        }
        if let Some(why) = is_not_written() {
            // Where the trace takes no more, it is in the side file alone. Definitions keep their order.
            let _ = self
                .write_definitions(&mut output)
                .and_then(|()| output.define(&not_written(why)));
        }
        Finished {
            bytes: output.len(),
            calls: output.starts,
            refused: output.refused,
            stopped: lock(&self.state).stopped.clone(),
        }
    }

    /// What only the writer knows to be missing.
    fn last_losses(&self, output: &Output) -> Vec<Loss> {
        let mut losses = Vec::new();
        if output.damaged > 0 {
            losses.push(Loss {
                reason: LossReason::RecorderFault,
                count: output.damaged,
                detail: "records that could not be read back".to_owned(),
            });
        }
        if output.is_full() {
            let mut detail = Stopped::SizeLimit(self.max_size).to_string();
            if output.refused > 0 {
                let refused = output.refused;
                let _ = write!(detail, "; the last {refused} calls before did not fit");
            }
            losses.push(Loss {
                reason: LossReason::LimitReached,
                count: 1,
                detail,
            });
        }
        losses
    }
}
