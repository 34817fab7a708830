//! The calls of a trace as columns, one row per call in order of start.
//!
//! A row costs 37 bytes and four for each argument; threads, tasks, suspended
//! times, creators and entries of loops cost nothing where there are none.

mod append;

use rustc_hash::FxHashSet;
use serde::Serialize;

use crate::columns::{NONE, References, Sparse, Uniform};
use crate::handles::{CallNumber, FunctionNumber, TaskNumber, ThreadNumber};
use crate::loops::{Entries, LoopEntries};

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Outcome {
    /// It returned a value.
    Returned = 0,
    /// It was left by an exception.
    Raised = 1,
    /// A generator or coroutine that was closed or dropped while suspended.
    Closed = 2,
    /// It had not ended when the recording ended.
    Unfinished = 3,
}

impl Outcome {
    /// The outcome as ndjson names it.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Outcome::Returned => "returned",
            Outcome::Raised => "raised",
            Outcome::Closed => "closed",
            Outcome::Unfinished => "unfinished",
        }
    }
}

/// Calls that columns of 32 bits can hold; the greatest number stands for none.
pub(crate) const MOST_CALLS: u32 = u32::MAX - 1;

/// Stands in the column of outcomes for a call whose beginning was not recorded.
const MISSING: u8 = u8::MAX;

/// A value in the trace; equal keys are equal values, the same value may have several keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ValueKey(pub(crate) u64);

pub(crate) use append::Moved;

/// What is known when a call begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begin<'a> {
    pub(crate) call: u32,
    pub(crate) at: u64,
    pub(crate) function: u32,
    pub(crate) parent: Option<u32>,
    pub(crate) site: Option<u32>,
    pub(crate) thread: u32,
    pub(crate) task: Option<u32>,
    pub(crate) created_by: Option<u32>,
    /// Empty: not recorded.
    pub(crate) args: &'a [u64],
}

/// The calls of a run, those of one process after another.
#[derive(Debug)]
pub struct Calls {
    function: Vec<u32>,
    parent: Vec<u32>,
    start: Vec<u64>,
    end: Vec<u64>,
    site: Vec<u32>,
    outcome: Vec<u8>,
    /// The result, or the exception of a call that raised.
    left_with: Vec<u32>,
    args_start: Vec<u32>,
    args: Vec<u32>,
    thread: Uniform,
    task: Uniform,
    suspended: Sparse<u64>,
    created_by: Sparse<u32>,
    references: References,
    loops: LoopEntries,
    /// Calls left by an exception that ends the program in order.
    exits: FxHashSet<u32>,
    missing: u64,
}

impl Default for Calls {
    fn default() -> Self {
        Calls {
            function: Vec::new(),
            parent: Vec::new(),
            start: Vec::new(),
            end: Vec::new(),
            site: Vec::new(),
            outcome: Vec::new(),
            left_with: Vec::new(),
            args_start: Vec::new(),
            args: Vec::new(),
            thread: Uniform::new(0),
            task: Uniform::new(NONE),
            suspended: Sparse::default(),
            created_by: Sparse::default(),
            references: References::default(),
            loops: LoopEntries::default(),
            exits: FxHashSet::default(),
            missing: 0,
        }
    }
}

/// Stands in the column of ends for a call that has none.
const NO_END: u64 = u64::MAX;

/// Writing, for the pass over the events.
impl Calls {
    pub(crate) fn with_capacity(calls: usize) -> Self {
        let mut columns = Calls::default();
        for column in [
            &mut columns.function,
            &mut columns.parent,
            &mut columns.site,
            &mut columns.left_with,
            &mut columns.args_start,
        ] {
            column.reserve_exact(calls);
        }
        columns.start.reserve_exact(calls);
        columns.end.reserve_exact(calls);
        columns.outcome.reserve_exact(calls);
        columns
    }

    pub(crate) fn begin(&mut self, begin: &Begin<'_>) {
        let row = begin.call as usize;
        if row >= self.function.len() {
            self.grow(row + 1);
        }
        self.function[row] = begin.function;
        self.parent[row] = begin
            .parent
            .filter(|parent| *parent < begin.call)
            .unwrap_or(NONE);
        self.start[row] = begin.at;
        self.site[row] = begin.site.unwrap_or(NONE);
        self.outcome[row] = Outcome::Unfinished as u8;
        self.thread.set(row, begin.thread);
        self.task.set(row, begin.task.unwrap_or(NONE));
        if let Some(creator) = begin.created_by {
            self.created_by.push(begin.call, creator);
        }
        self.loops
            .begin(begin.call, self.function.len(), self.parent_of(row));
        let has_room = self.args.len() + begin.args.len() < NONE as usize;
        if !begin.args.is_empty() && has_room {
            self.args_start[row] = self.args.len() as u32;
            for &reference in begin.args {
                let short = self.references.shorten(reference);
                self.args.push(short);
            }
        }
    }

    fn grow(&mut self, len: usize) {
        self.function.resize(len, 0);
        self.parent.resize(len, NONE);
        self.start.resize(len, 0);
        self.end.resize(len, NO_END);
        self.site.resize(len, NONE);
        self.outcome.resize(len, MISSING);
        self.left_with.resize(len, NONE);
        self.args_start.resize(len, NONE);
        self.thread.resize(len);
        self.task.resize(len);
    }

    /// Whether the beginning of a call was recorded.
    pub(crate) fn has_begun(&self, call: u32) -> bool {
        self.outcome
            .get(call as usize)
            .is_some_and(|outcome| *outcome != MISSING)
    }

    pub(crate) fn end(&mut self, call: u32, at: u64, outcome: Outcome, left_with: Option<u64>) {
        let row = call as usize;
        self.loops.end(call);
        self.end[row] = at;
        self.outcome[row] = outcome as u8;
        if let Some(reference) = left_with {
            self.left_with[row] = self.references.shorten(reference);
        }
    }

    pub(crate) fn enter_loop(&mut self, call: u32, header: u32, entries: u32) {
        self.loops.enter(call, header, entries);
    }

    fn parent_of(&self, row: usize) -> Option<u32> {
        Some(self.parent[row]).filter(|parent| *parent != NONE)
    }

    pub(crate) fn set_left_with(&mut self, call: u32, reference: u64) {
        self.left_with[call as usize] = self.references.shorten(reference);
    }

    /// The exception that leaves the call is no failure.
    pub(crate) fn set_exit(&mut self, call: u32) {
        self.exits.insert(call);
    }

    pub(crate) fn set_suspended(&mut self, call: u32, nanos: u64) {
        self.suspended.push(call, nanos);
    }

    pub(crate) fn finish(&mut self) {
        self.suspended.finish();
        let outcome = &self.outcome;
        let has_begun = |call: u32| outcome.get(call as usize).is_some_and(|o| *o != MISSING);
        self.created_by.retain(|creator| has_begun(*creator));
        for parent in &mut self.parent {
            // Its beginning was lost: whatever it called would be nowhere.
            if *parent != NONE && !has_begun(*parent) {
                *parent = NONE;
            }
        }
        self.created_by.finish();
        self.references.finish();
        self.loops.finish();
        self.args.shrink_to_fit();
        let is_missing = |outcome: &u8| u64::from(*outcome == MISSING);
        self.missing = self.outcome.iter().map(is_missing).sum();
    }

    /// Adds creators of calls that have none yet; of several for one call the first counts.
    pub(crate) fn set_creators(&mut self, creators: &[(u32, u32)]) {
        let mut known = rustc_hash::FxHashSet::default();
        let is_new = |row: &&(u32, u32)| {
            self.has_begun(row.1) && known.insert(row.0) && self.created_by.get(row.0).is_none()
        };
        let added: Vec<_> = creators.iter().filter(is_new).copied().collect();
        for (call, creator) in added {
            self.created_by.push(call, creator);
        }
        self.created_by.finish();
    }
}

/// Reading.
impl Calls {
    /// Numbers given to calls, those included whose beginning was lost.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.function.len()
    }

    /// How many calls there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.function.len() as u64 - self.missing
    }

    /// All calls, in order of start.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = CallNumber> + '_ {
        let is_there = |row: &u32| self.missing == 0 || self.has_begun(*row);
        (0..self.function.len() as u32)
            .filter(is_there)
            .map(CallNumber)
    }

    /// Whether there is such a call.
    #[must_use]
    pub fn contains(&self, call: CallNumber) -> bool {
        self.has_begun(call.0)
    }

    /// What was called.
    #[must_use]
    pub fn function(&self, call: CallNumber) -> FunctionNumber {
        FunctionNumber(self.function[call.index()])
    }

    /// The nearest recorded call it was made from.
    #[must_use]
    pub fn parent(&self, call: CallNumber) -> Option<CallNumber> {
        Some(self.parent[call.index()])
            .filter(|parent| *parent != NONE)
            .map(CallNumber)
    }

    /// The call that created its thread or task or submitted its job; only on the first of it.
    #[must_use]
    pub fn created_by(&self, call: CallNumber) -> Option<CallNumber> {
        self.created_by.get(call.0).map(CallNumber)
    }

    /// When it began.
    #[must_use]
    pub fn start_ns(&self, call: CallNumber) -> u64 {
        self.start[call.index()]
    }

    /// When it ended.
    #[must_use]
    pub fn end_ns(&self, call: CallNumber) -> Option<u64> {
        Some(self.end[call.index()]).filter(|end| *end != NO_END)
    }

    /// From start to end, suspended time included.
    #[must_use]
    pub fn duration_ns(&self, call: CallNumber) -> Option<u64> {
        Some(self.end_ns(call)?.saturating_sub(self.start_ns(call)))
    }

    /// How long it was suspended.
    #[must_use]
    pub fn suspended_ns(&self, call: CallNumber) -> u64 {
        self.suspended.get(call.0).unwrap_or(0)
    }

    /// The thread it began on.
    #[must_use]
    pub fn thread(&self, call: CallNumber) -> ThreadNumber {
        ThreadNumber(self.thread.get(call.index()))
    }

    /// The task it began in.
    #[must_use]
    pub fn task(&self, call: CallNumber) -> Option<TaskNumber> {
        Some(self.task.get(call.index()))
            .filter(|task| *task != NONE)
            .map(TaskNumber)
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(&self, call: CallNumber) -> Outcome {
        match self.outcome[call.index()] {
            0 => Outcome::Returned,
            1 => Outcome::Raised,
            2 => Outcome::Closed,
            _ => Outcome::Unfinished,
        }
    }

    /// Whether it was left by an exception that says that something went wrong: not by the one that
    /// ends the program in order, or closes a generator.
    #[must_use]
    pub fn has_failed(&self, call: CallNumber) -> bool {
        self.outcome[call.index()] == Outcome::Raised as u8 && !self.exits.contains(&call.0)
    }

    /// Threads that calls belong to, numbers that were lost included.
    pub(crate) fn thread_count(&self) -> usize {
        self.thread
            .greatest(NONE)
            .map_or(0, |thread| thread as usize + 1)
    }

    /// Tasks that calls belong to, numbers that were lost included.
    pub(crate) fn task_count(&self) -> usize {
        self.task.greatest(NONE).map_or(0, |task| task as usize + 1)
    }

    /// Byte offset in the parent's bytecode where it was called.
    #[must_use]
    pub fn site(&self, call: CallNumber) -> Option<u32> {
        Some(self.site[call.index()]).filter(|site| *site != NONE)
    }

    /// How often loops of its caller were entered again since the caller's call before it.
    #[must_use]
    pub fn entries_before(&self, call: CallNumber) -> &Entries {
        self.loops.before(call)
    }

    /// How often its own loops were entered again after its last call.
    #[must_use]
    pub fn entries_after(&self, call: CallNumber) -> &Entries {
        self.loops.after(call)
    }

    /// What it returned.
    #[must_use]
    pub fn result(&self, call: CallNumber) -> Option<ValueKey> {
        self.left_with(call, Outcome::Returned)
    }

    /// The exception that left it.
    #[must_use]
    pub fn exception(&self, call: CallNumber) -> Option<ValueKey> {
        self.left_with(call, Outcome::Raised)
    }

    fn left_with(&self, call: CallNumber, outcome: Outcome) -> Option<ValueKey> {
        let short = self.left_with[call.index()];
        (self.outcome(call) == outcome && short != NONE)
            .then(|| ValueKey(self.references.lengthen(short)))
    }

    /// Its first `count` arguments, those of its function; `None` when they were not recorded.
    #[must_use]
    pub fn args(
        &self,
        call: CallNumber,
        count: usize,
    ) -> Option<impl Iterator<Item = ValueKey> + '_> {
        let start = self.args_start[call.index()];
        if start == NONE {
            return None;
        }
        let all = self.args.get(start as usize..start as usize + count)?;
        Some(
            all.iter()
                .map(|short| ValueKey(self.references.lengthen(*short))),
        )
    }

    /// Equal for calls that did the same by what is known of them alone.
    pub(crate) fn likeness(
        &self,
        call: CallNumber,
        arg_count: usize,
    ) -> impl Iterator<Item = u32> + '_ {
        let row = call.index();
        let args = match self.args_start[row] {
            NONE => &[][..],
            start => self
                .args
                .get(start as usize..start as usize + arg_count)
                .unwrap_or_default(),
        };
        let own = [
            self.function[row],
            u32::from(self.outcome[row]),
            self.left_with[row],
            self.task.get(row),
            self.thread.get(row),
        ];
        own.into_iter().chain(args.iter().copied())
    }
}
