//! The map of a trace: who called whom, with which values, in which order, in
//! as many messages as a person reads.
//!
//! [`Folded`] is the call tree with each distinct part kept once, and [`fold_map`]
//! opens as much of it as fits a budget: loops, variants and recursion are blocks,
//! and what stays closed is counted where it is missing. The same calls in the same
//! order give the same map; no time decides anything. [`outline`] is the same map
//! together with what is closed in it.

#![forbid(unsafe_code)]

mod arena;
mod diff;
mod fold;
mod labels;
mod merge;
mod message;
mod order;
mod participants;
mod plan;
mod recursion;
mod structure;
mod unfold;
mod values;
mod view;

#[cfg(test)]
mod tests;

use execmap_query::{
    Bodies, CallNumber, FunctionPattern, Losses, Outcome, TaskNumber, ThreadNumber,
};
use serde::Serialize;

pub use arena::{
    Arena, Elem, End, NO_SITE, Node, NodeId, Repeat, RepeatId, RepeatKind, SeqId, Totals,
};
pub use diff::{
    CallStep, Change, ComparedRun, DiffQuery, Difference, Divergence, Kind, Proposal, Values,
    Volatile, Waypoint, diff, lines_in_common,
};
pub use fold::{Filter, Folded};
pub use participants::{GroupBy, Participant};
pub use unfold::{Unfold, Unfolded};
pub use view::{MapError, OutlineRow, fold_map, outline};

/// How many messages a map has unless said otherwise: about one screen.
pub const MESSAGES: usize = 60;

/// How many participants a map has at most, unless said otherwise.
pub const PARTICIPANTS: usize = 12;

/// What map is wanted.
#[derive(Clone, Debug)]
pub struct MapQuery {
    /// At most so many messages, returns included; `None`: all.
    pub messages: Option<usize>,
    /// At most so many levels of calls.
    pub depth: Option<u32>,
    /// The call to begin with, in place of all outermost ones.
    pub root: Option<CallNumber>,
    /// Functions to begin with, in place of all outermost calls.
    pub focus: Option<FunctionPattern>,
    /// At most so many participants; the least used are merged into their packages.
    pub participants: usize,
    /// What calls are drawn on.
    pub group_by: GroupBy,
}

impl Default for MapQuery {
    fn default() -> Self {
        MapQuery {
            messages: Some(MESSAGES),
            depth: None,
            root: None,
            focus: None,
            participants: PARTICIPANTS,
            group_by: GroupBy::default(),
        }
    }
}

/// A map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Map {
    /// Version of this answer's shape.
    pub schema: u32,
    /// What is missing from the trace.
    #[serde(flatten)]
    pub losses: Losses,
    /// The command whose run this is.
    pub command: String,
    /// Calls in the trace.
    pub calls: u64,
    /// Calls that have a message of their own.
    pub shown_calls: u64,
    /// Classes and modules, in order of first appearance.
    pub participants: Vec<Participant>,
    /// The rows, from top to bottom.
    pub rows: Vec<MapRow>,
}

impl Map {
    /// How many arrows it has: a call and its return are two, a call that did not return is one.
    #[must_use]
    pub fn messages(&self) -> usize {
        let arrows = self.rows.iter().map(|row| match row {
            MapRow::Call(message) if message.outcome == Outcome::Unfinished => 1,
            MapRow::Call(_) => 2,
            _ => 0,
        });
        arrows.sum()
    }
}

/// A row of the map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MapRow {
    /// What follows happens on this thread or task.
    Lane(LaneNote),
    /// A call and its return.
    Call(Box<Message>),
    /// Calls that are not shown.
    More(MoreNote),
    /// A block begins.
    Block(Block),
    /// The block goes on with another of its sections.
    Section(Section),
    /// The block ends.
    End(BlockEnd),
}

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockKind {
    /// A loop, or calls from one place again and again.
    Loop,
    /// Several ways to go on, a section each.
    Alternatives,
    /// What happened in some of the iterations only.
    Optional,
    /// A function that comes back to itself: its body, merged over all its calls.
    Recursion,
    /// Threads and tasks side by side, a section each.
    Parallel,
}

/// A block of rows, up to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Block {
    /// How many shown calls are above it.
    pub level: u32,
    /// What it is.
    pub block: BlockKind,
    /// How often what stands in it happened, in its first section: iterations, calls of a recursion;
    /// 1 where iterations stand one after the other.
    pub times: u64,
    /// What it says at its head, that of its first section included.
    pub text: String,
}

/// A further section of a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// How many shown calls are above it.
    pub level: u32,
    /// How often it was gone through.
    pub times: u64,
    /// What it says at its head.
    pub text: String,
}

/// The end of the innermost open block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BlockEnd {
    /// How many shown calls are above it.
    pub level: u32,
}

/// What follows happens on this thread or task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LaneNote {
    /// How many shown calls are above it.
    pub level: u32,
    /// The thread.
    pub thread: ThreadNumber,
    /// The task, where the lane is one.
    pub task: Option<TaskNumber>,
    /// The name of the task, or of the thread, and of which process where there are several.
    pub name: String,
}

/// A call and its return, or many of them at once. Calls from it follow, one level deeper.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// How many shown calls are above it.
    pub level: u32,
    /// How many calls it stands for; values are those of all of them.
    pub times: u64,
    /// The first of them.
    pub handle: CallNumber,
    /// The participant that calls, or that created the thread; `None`: outside of what was recorded.
    pub from: Option<usize>,
    /// The participant that is called.
    pub to: usize,
    /// The function's name on its participant.
    pub name: String,
    /// The arguments, without the object the method was called on.
    pub args: Vec<(String, String)>,
    /// Whether it has arguments that were not recorded.
    pub has_unknown_args: bool,
    /// What it returned.
    pub result: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// `Type: message` of the exception that left it.
    pub exception: Option<String>,
    /// Whether it failed; an exception that ends the program in order is no failure.
    #[serde(skip)]
    pub has_failed: bool,
    /// Calls below it.
    pub calls_inside: u64,
    /// Whether these are there, but not shown.
    pub closed: bool,
    /// Whether it goes on where its recursion is drawn.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// Position of its function in the trace.
    pub function: u32,
}

/// Calls that are not shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MoreNote {
    /// How many shown calls are above it.
    pub level: u32,
    /// The participant that makes them.
    pub from: Option<usize>,
    /// How many.
    pub calls: u64,
    /// Calls below them.
    pub calls_inside: u64,
    /// Their function, where all have the same.
    pub function: Option<String>,
    /// Where all are bodies of imported modules or of classes: of what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bodies: Option<Bodies>,
}
