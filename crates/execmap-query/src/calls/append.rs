//! The calls of one more process, behind those that are there.

use super::{Calls, NO_END, ValueKey};
use crate::columns::NONE;

/// What the numbers of a process become among those of the run.
pub(crate) struct Moved<'a> {
    /// Its position, 1 or greater.
    pub(crate) process: u32,
    /// Added to its times.
    pub(crate) time_ns: u64,
    /// Its first thread and task.
    pub(crate) threads: u32,
    pub(crate) tasks: u32,
    /// Its functions.
    pub(crate) functions: &'a [u32],
}

impl Calls {
    /// Takes in the calls of another process. The first of them gets a number beyond all others; the
    /// sum must fit.
    pub(crate) fn append(&mut self, other: &Calls, moved: &Moved<'_>) {
        let first = self.function.len() as u32;
        let len = self.function.len() + other.function.len();
        let call = |number: u32| if number == NONE { NONE } else { first + number };
        let time = |at: u64| at.saturating_add(moved.time_ns);
        let function = |number: &u32| moved.functions.get(*number as usize).copied().unwrap_or(0);
        self.function.extend(other.function.iter().map(function));
        self.parent.extend(other.parent.iter().copied().map(call));
        self.start.extend(other.start.iter().copied().map(time));
        let end = |at: &u64| if *at == NO_END { NO_END } else { time(*at) };
        self.end.extend(other.end.iter().map(end));
        self.site.extend_from_slice(&other.site);
        self.outcome.extend_from_slice(&other.outcome);
        self.references.reopen();
        let mut short = |number: u32| {
            if number == NONE {
                return NONE;
            }
            let key = ValueKey::of(moved.process, other.references.lengthen(number));
            self.references.shorten(key.0)
        };
        self.left_with
            .extend(other.left_with.iter().map(|number| short(*number)));
        let args = self.args.len() as u32;
        self.args
            .extend(other.args.iter().map(|number| short(*number)));
        let start = |at: &u32| if *at == NONE { NONE } else { args + at };
        self.args_start.extend(other.args_start.iter().map(start));
        self.references.finish();
        self.thread.resize(len);
        self.task.resize(len);
        for (row, place) in (first as usize..len).enumerate() {
            self.thread
                .set(place, moved.threads + other.thread.get(row));
            let task = other.task.get(row);
            if task != NONE {
                self.task.set(place, moved.tasks + task);
            }
        }
        for &(number, nanos) in other.suspended.rows() {
            self.suspended.push(first + number, nanos);
        }
        for &(number, creator) in other.created_by.rows() {
            self.created_by.push(first + number, first + creator);
        }
        self.loops.append(&other.loops, first, len);
        self.exits
            .extend(other.exits.iter().map(|number| first + number));
        self.missing += other.missing;
    }
}
