//! The call tree as rows, from the first call downwards.
//!
//! Rows are a flat list with depths, because a chain of calls may be deeper
//! than any stack. Whatever is not shown is counted in the row where it is
//! missing.

use serde::Serialize;

use crate::calls::Outcome;
use crate::handles::{CallNumber, TaskNumber, ThreadNumber};
use crate::info::SCHEMA;
use crate::opening::{Fold, Limits, Opening, Piece};
use crate::pattern::FunctionPattern;
use crate::rows::as_object;
use crate::trace::Trace;

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
    /// Calls in the trace.
    pub calls: u64,
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
    /// The name of the task, or of the thread.
    pub name: String,
    /// The call that started the thread or created the task.
    pub created_by: Option<CallNumber>,
    /// Name of the function of that call.
    pub creator: Option<String>,
}

/// A call, or neighbours that are alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
}

/// The call tree.
#[must_use]
pub fn tree(trace: &Trace, query: &TreeQuery) -> Tree {
    let keep = kept(trace, query);
    let filtered_calls = match &keep {
        Some(keep) => trace.calls().iter().filter(|call| !keep[call.index()]).count() as u64,
        None => 0,
    };
    let limits = Limits { depth: query.depth, rows: query.rows, fold: query.fold, root: query.root };
    let opening = Opening::new(trace, limits, keep);
    let mut walk = Walk { trace, opening: &opening, rows: Vec::new(), shown_calls: 0 };
    walk.all();
    Tree {
        schema: SCHEMA,
        calls: trace.calls().count(),
        shown_calls: walk.shown_calls,
        filtered_calls,
        rows: walk.rows,
    }
}

/// Which calls the query keeps; `None`: all.
fn kept(trace: &Trace, query: &TreeQuery) -> Option<Vec<bool>> {
    if query.functions.is_none() && query.at_least_ns == 0 {
        return None;
    }
    let calls = trace.calls();
    let is_match: Vec<bool> = match &query.functions {
        Some(pattern) => trace.functions().iter().map(|function| pattern.matches(function)).collect(),
        None => vec![true; trace.functions().len()],
    };
    let mut keep = vec![false; calls.rows()];
    for call in calls.iter() {
        keep[call.index()] = is_match[calls.function(call).index()]
            || calls.parent(call).is_some_and(|parent| keep[parent.index()]);
    }
    for call in calls.iter().rev() {
        if let Some(parent) = calls.parent(call)
            && keep[call.index()]
        {
            keep[parent.index()] = true;
        }
    }
    for call in calls.iter() {
        let is_long = calls.duration_ns(call).is_none_or(|nanos| nanos >= query.at_least_ns);
        let is_reached = calls.parent(call).is_none_or(|parent| keep[parent.index()]);
        keep[call.index()] &= is_long && is_reached;
    }
    Some(keep)
}

/// What a call belongs to: its thread, or its task.
type LaneKey = (ThreadNumber, Option<TaskNumber>);

/// A row that is still to be written.
enum Todo {
    Head { lane: LaneKey, depth: u32, is_last: bool },
    Piece { piece: Piece, depth: u32, level: u32, is_last: bool },
}

struct Walk<'a> {
    trace: &'a Trace,
    opening: &'a Opening<'a>,
    rows: Vec<TreeRow>,
    shown_calls: u64,
}

impl Walk<'_> {
    fn all(&mut self) {
        let mut todo = Vec::new();
        self.plan_roots(&mut todo);
        while let Some(next) = todo.pop() {
            match next {
                Todo::Head { lane, depth, is_last } => self.head(lane, depth, is_last),
                Todo::Piece { piece, depth, level, is_last } => {
                    self.piece(piece, depth, level, is_last, &mut todo);
                }
            }
        }
    }

    /// Outermost calls under the thread or task they belong to, where there is more than the main
    /// thread.
    fn plan_roots(&self, todo: &mut Vec<Todo>) {
        let mut lanes: Vec<(LaneKey, Vec<Piece>)> = Vec::new();
        for piece in self.opening.roots() {
            match self.lane_of(piece) {
                Some(lane) => match lanes.iter_mut().find(|other| other.0 == lane) {
                    Some(known) => known.1.push(piece),
                    None => lanes.push((lane, vec![piece])),
                },
                // Only after the last row for which there was room.
                None => lanes.last_mut().into_iter().for_each(|last| last.1.push(piece)),
            }
        }
        let plain = (ThreadNumber(0), None);
        let home = (lanes.len() == 1 && lanes[0].0 == plain).then_some(plain);
        plan(&lanes, home, 0, 0, todo);
    }

    fn lane_of(&self, piece: Piece) -> Option<LaneKey> {
        match piece {
            Piece::Calls { first, .. } => Some((self.trace.calls().thread(first), self.trace.calls().task(first))),
            Piece::More { .. } => None,
        }
    }

    fn head(&mut self, (thread, task): LaneKey, depth: u32, last: bool) {
        let trace = self.trace;
        let lane = match task {
            Some(task) => trace.tasks().get(task.index()),
            None => trace.threads().get(thread.index()),
        };
        let created_by = lane.and_then(|lane| lane.created_by).filter(|call| trace.calls().contains(*call));
        self.rows.push(TreeRow::Lane(LaneRow {
            depth,
            last,
            thread,
            task,
            name: lane.map_or_else(String::new, |lane| lane.name.clone()),
            created_by,
            creator: created_by.map(|call| trace.function_of(call).full_name()),
        }));
    }

    fn piece(&mut self, piece: Piece, depth: u32, level: u32, last: bool, todo: &mut Vec<Todo>) {
        let (first, times, inside) = match piece {
            Piece::Calls { first, times, inside } => (first, times, inside),
            Piece::More { calls, inside } => {
                self.rows.push(TreeRow::More(MoreRow { depth, last, calls, calls_inside: inside }));
                return;
            }
        };
        self.shown_calls += times;
        let below = self.opening.inside(first, level);
        let mut row = call_row(self.trace, first, times, inside);
        row.depth = depth;
        row.last = last;
        row.closed = below.is_none();
        self.rows.push(TreeRow::Call(Box::new(row)));
        if let Some(pieces) = below {
            let home = self.lane_of(piece);
            let mut lanes: Vec<(LaneKey, Vec<Piece>)> = Vec::new();
            for piece in pieces {
                let before = lanes.last().map(|last| last.0);
                let Some(lane) = self.lane_of(piece).or(before).or(home) else { continue };
                match lanes.last_mut() {
                    Some(last) if last.0 == lane => last.1.push(piece),
                    _ => lanes.push((lane, vec![piece])),
                }
            }
            plan(&lanes, home, depth + 1, level + 1, todo);
        }
    }
}

/// Puts rows on the stack, the first on top; those of another lane than `home` go under a head.
fn plan(lanes: &[(LaneKey, Vec<Piece>)], home: Option<LaneKey>, depth: u32, level: u32, todo: &mut Vec<Todo>) {
    let mut is_last = true;
    for (lane, pieces) in lanes.iter().rev() {
        let is_home = home == Some(*lane);
        let own_depth = depth + u32::from(!is_home);
        let mut is_last_here = if is_home { is_last } else { true };
        for &piece in pieces.iter().rev() {
            todo.push(Todo::Piece { piece, depth: own_depth, level, is_last: is_last_here });
            is_last_here = false;
        }
        if !is_home {
            todo.push(Todo::Head { lane: *lane, depth, is_last });
        }
        is_last = false;
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
        args: trace.args(first).map(|(name, key)| (name.to_owned(), trace.value_text(key))).collect(),
        result: trace.result_text(first),
        outcome: calls.outcome(first),
        exception: trace.failure_text(first),
        start_ns: calls.start_ns(first),
        duration_ns,
        suspended_ns,
        calls_inside: inside,
        closed: false,
        shown: function.full_name(),
        has_receiver: !function.args.is_empty() && function.is_receiver(0),
    }
}

/// Duration and suspended time of a call and its equal neighbours.
fn sums(trace: &Trace, first: CallNumber, times: u64) -> (Option<u64>, u64) {
    let calls = trace.calls();
    let siblings = trace.children().of(calls.parent(first));
    let position = siblings.partition_point(|sibling| *sibling < first.0);
    let alike = siblings[position..].iter().map(|call| CallNumber(*call)).filter(|call| trace_alike(trace, first, *call, times));
    let mut duration = None;
    let mut suspended = 0;
    for call in alike.take(times as usize) {
        suspended += calls.suspended_ns(call);
        if let Some(nanos) = calls.duration_ns(call) {
            duration = Some(duration.unwrap_or(0) + nanos);
        }
    }
    (duration, suspended)
}

/// A single call needs no comparison, which would cost a pass over all calls.
fn trace_alike(trace: &Trace, first: CallNumber, call: CallNumber, times: u64) -> bool {
    times == 1 || trace.is_alike(first, call)
}
