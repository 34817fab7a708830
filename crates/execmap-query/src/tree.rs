//! The call tree as rows, from the first call downwards.
//!
//! Rows are a flat list with depths, because a chain of calls may be deeper
//! than any stack. Whatever is not shown is counted in the row where it is
//! missing.

use std::ops::ControlFlow;

use serde::Serialize;

use crate::calls::Outcome;
use crate::handles::{CallNumber, ProcessNumber, TaskNumber, ThreadNumber};
use crate::info::SCHEMA;
use crate::opening::{Bodies, Fold, Limits, Opening};
use crate::pattern::FunctionPattern;
use crate::rows::as_object;
use crate::trace::{Losses, Trace};
use crate::walk::{Place, Step, What, walk};

/// What of the tree is wanted.
#[derive(Default)]
pub struct TreeQuery {
    /// Only calls of functions that match, with the way to them and what is below them.
    pub functions: Option<FunctionPattern>,
    /// Only calls that took at least so long.
    pub at_least_ns: u64,
    /// Only so many levels.
    pub depth: Option<u32>,
    /// About so many rows, opened where it matters most.
    pub rows: Option<usize>,
    /// Whether equal neighbours share one row.
    pub fold: Fold,
    /// The call to begin with, in place of all outermost ones.
    pub root: Option<CallNumber>,
}

/// The call tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tree {
    /// Version of this answer's shape.
    pub schema: u32,
    /// What is missing from the trace.
    #[serde(flatten)]
    pub losses: Losses,
    /// Calls in the trace.
    pub calls: u64,
    /// Calls that were asked for: all but those that the query left out, or those below its root.
    pub asked_calls: u64,
    /// Calls that have a row, alone or with others.
    pub shown_calls: u64,
    /// Calls that the query left out.
    pub filtered_calls: u64,
    /// The rows, from top to bottom.
    pub rows: Vec<TreeRow>,
}

/// A row of the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TreeRow {
    /// A thread or task; what it did follows, one deeper.
    Lane(LaneRow),
    /// A call.
    Call(Box<CallRow>),
    /// Calls that are not shown.
    More(MoreRow),
}

/// The head of what a thread or task did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LaneRow {
    /// How deep the row stands.
    pub depth: u32,
    /// Whether no row of this depth follows below the same parent.
    pub last: bool,
    /// The thread.
    pub thread: ThreadNumber,
    /// The task, where the lane is one.
    pub task: Option<TaskNumber>,
    /// The name of the task, or of the thread, and of which process where there are several.
    pub name: String,
    /// The process.
    pub process: ProcessNumber,
    /// The call that started the thread or created the task.
    pub created_by: Option<CallNumber>,
    /// Name of the function of that call.
    pub creator: Option<String>,
}

/// A call, or neighbours that are alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says a thing of its own"
)]
pub struct CallRow {
    /// How deep the row stands.
    pub depth: u32,
    /// Whether no row of this depth follows below the same parent.
    pub last: bool,
    /// The call; the first of several.
    pub handle: CallNumber,
    /// How many equal neighbours the row stands for.
    pub times: u64,
    /// Qualified name of the function.
    pub function: String,
    /// `__name__` of the function's globals.
    pub module: String,
    /// The function's file.
    pub file: String,
    /// The line where the function begins.
    pub line: u32,
    /// The line of the parent in which it was called.
    pub call_line: Option<u32>,
    /// Names and values of its arguments, in signature order.
    #[serde(serialize_with = "as_object")]
    pub args: Vec<(String, String)>,
    /// What it returned.
    pub result: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// `Type: message` of the exception that left it.
    pub exception: Option<String>,
    /// When it began.
    pub start_ns: u64,
    /// From start to end, summed over equal neighbours.
    pub duration_ns: Option<u64>,
    /// How much of that it was suspended.
    pub suspended_ns: u64,
    /// Calls below it, those of all equal neighbours included.
    pub calls_inside: u64,
    /// Whether calls below it are there, but not shown.
    pub closed: bool,
    /// `module.function`, as people read it.
    #[serde(skip)]
    pub shown: String,
    /// Whether it failed: see [`Calls::has_failed`](crate::Calls::has_failed).
    #[serde(skip)]
    pub has_failed: bool,
    /// Whether it has arguments that were not recorded.
    #[serde(skip)]
    pub has_unknown_args: bool,
    /// Whether the first argument is the object it was called on.
    #[serde(skip)]
    pub has_receiver: bool,
}

/// Calls that are not shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MoreRow {
    /// How deep the row stands.
    pub depth: u32,
    /// Whether no row of this depth follows below the same parent.
    pub last: bool,
    /// How many calls.
    pub calls: u64,
    /// Calls below them.
    pub calls_inside: u64,
    /// Their function, where all have the same.
    pub function: Option<String>,
    /// Where all are bodies of imported modules or of classes: of what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bodies: Option<Bodies>,
}

/// The call tree.
#[must_use]
pub fn tree(trace: &Trace, query: &TreeQuery) -> Tree {
    let mut rows = Vec::new();
    let tree = tree_rows(trace, query, &mut |row| {
        rows.push(row);
        ControlFlow::Continue(())
    });
    Tree { rows, ..tree }
}

/// The call tree with its rows handed to `each` one by one, until that breaks off; for trees that
/// are larger than memory.
pub fn tree_rows(
    trace: &Trace,
    query: &TreeQuery,
    each: &mut dyn FnMut(TreeRow) -> ControlFlow<()>,
) -> Tree {
    let keep = kept(trace, query);
    let filtered_calls = keep.as_ref().map_or(0, |keep| {
        let is_filtered = |call: &CallNumber| !keep[call.index()];
        trace.calls().iter().filter(is_filtered).count() as u64
    });
    let limits = Limits {
        depth: query.depth,
        rows: query.rows,
        fold: query.fold,
        root: query.root,
    };
    let opening = Opening::new(trace, limits, keep);
    let mut writer = Writer {
        trace,
        times: Vec::new(),
        shown_calls: 0,
    };
    let _ = walk(trace, &opening, &mut |step| each(writer.row(step)));
    let calls = trace.calls().count();
    Tree {
        schema: SCHEMA,
        losses: trace.run().losses(),
        calls,
        asked_calls: query.root.map_or(calls - filtered_calls, |root| {
            u64::from(trace.subtree(root)) + 1
        }),
        shown_calls: writer.shown_calls,
        filtered_calls,
        rows: Vec::new(),
    }
}

/// Which calls the query keeps; `None`: all.
fn kept(trace: &Trace, query: &TreeQuery) -> Option<Vec<bool>> {
    if query.functions.is_none() && query.at_least_ns == 0 {
        return None;
    }
    let calls = trace.calls();
    let is_match: Vec<bool> = match &query.functions {
        Some(pattern) => trace
            .functions()
            .iter()
            .map(|function| pattern.matches(function))
            .collect(),
        None => vec![true; trace.functions().len()],
    };
    let mut keep = vec![false; calls.rows()];
    for call in calls.iter() {
        keep[call.index()] = is_match[calls.function(call).index()]
            || calls
                .parent(call)
                .is_some_and(|parent| keep[parent.index()]);
    }
    for call in calls.iter().rev() {
        if let Some(parent) = calls.parent(call)
            && keep[call.index()]
        {
            keep[parent.index()] = true;
        }
    }
    for call in calls.iter() {
        let is_long = calls
            .duration_ns(call)
            .is_none_or(|nanos| nanos >= query.at_least_ns);
        let is_reached = calls.parent(call).is_none_or(|parent| keep[parent.index()]);
        keep[call.index()] &= is_long && is_reached;
    }
    Some(keep)
}

/// Turns steps of the walk into rows.
struct Writer<'a> {
    trace: &'a Trace,
    /// How many calls each row above stands for.
    times: Vec<u64>,
    shown_calls: u64,
}

impl Writer<'_> {
    fn row(&mut self, step: Step) -> TreeRow {
        let Step {
            place: Place { depth, level, last },
            what,
        } = step;
        match what {
            What::Lane { thread, task } => {
                TreeRow::Lane(lane_row(self.trace, thread, task, depth, last))
            }
            What::More {
                calls,
                inside,
                function,
                bodies,
            } => {
                let function = function.map(|function| self.trace.function(function).shown_name());
                TreeRow::More(MoreRow {
                    depth,
                    last,
                    calls,
                    calls_inside: inside,
                    function,
                    bodies,
                })
            }
            What::Calls {
                first,
                times,
                inside,
                closed,
            } => {
                self.times.truncate(level as usize);
                let stands_for = self.times.last().unwrap_or(&1) * times;
                self.times.push(stands_for);
                self.shown_calls += stands_for;
                let row = call_row(self.trace, first, times, inside);
                TreeRow::Call(Box::new(CallRow {
                    depth,
                    last,
                    closed,
                    ..row
                }))
            }
        }
    }
}

fn lane_row(
    trace: &Trace,
    thread: ThreadNumber,
    task: Option<TaskNumber>,
    depth: u32,
    last: bool,
) -> LaneRow {
    let lane = match task {
        Some(task) => trace.tasks().get(task.index()),
        None => trace.threads().get(thread.index()),
    };
    let created_by = lane
        .and_then(|lane| lane.created_by)
        .filter(|call| trace.calls().contains(*call));
    LaneRow {
        depth,
        last,
        thread,
        task,
        name: lane.map_or_else(String::new, |lane| trace.lane_name(lane).into_owned()),
        process: lane.map_or(ProcessNumber(0), |lane| lane.process),
        created_by,
        creator: created_by.map(|call| trace.function_of(call).shown_name()),
    }
}

/// The row of a call that stands for `times` equal neighbours.
fn call_row(trace: &Trace, first: CallNumber, times: u64, inside: u64) -> CallRow {
    let calls = trace.calls();
    let function = trace.function_of(first);
    let (duration_ns, suspended_ns) = sums(trace, first, times);
    CallRow {
        depth: 0,
        last: false,
        handle: first,
        times,
        function: function.name.clone(),
        module: function.module.clone(),
        file: function.file.clone(),
        line: function.line,
        call_line: trace.call_line(first),
        args: trace
            .args(first)
            .map(|(name, key)| (name.to_owned(), trace.value_text(key)))
            .collect(),
        result: trace.result_text(first),
        outcome: calls.outcome(first),
        exception: trace.failure_text(first),
        start_ns: calls.start_ns(first),
        duration_ns,
        suspended_ns,
        calls_inside: inside,
        closed: false,
        shown: function.shown_name(),
        has_failed: calls.has_failed(first),
        has_unknown_args: trace.has_unknown_args(first),
        has_receiver: !function.args.is_empty() && function.is_receiver(0),
    }
}

/// Duration and suspended time of a call and its equal neighbours.
fn sums(trace: &Trace, first: CallNumber, times: u64) -> (Option<u64>, u64) {
    let calls = trace.calls();
    let siblings = trace.children().of(calls.parent(first));
    let position = siblings.partition_point(|sibling| *sibling < first.0);
    let alike = siblings[position..]
        .iter()
        .map(|call| CallNumber(*call))
        .filter(|call| trace_alike(trace, first, *call, times));
    let mut duration = None;
    let mut suspended = 0;
    for call in alike.take(times as usize) {
        suspended = calls.suspended_ns(call).saturating_add(suspended);
        if let Some(nanos) = calls.duration_ns(call) {
            duration = Some(nanos.saturating_add(duration.unwrap_or(0)));
        }
    }
    (duration, suspended)
}

/// A single call needs no comparison, which would cost a pass over all calls.
fn trace_alike(trace: &Trace, first: CallNumber, call: CallNumber, times: u64) -> bool {
    times == 1 || trace.is_alike(first, call)
}
