//! Questions on an execmap trace, as plain functions.
//!
//! [`open`] turns a path into a [`Trace`] and is the only thing here that reads
//! files. Everything else is a function from a trace and a query to an answer
//! that is plain data: [`info`], [`tree`], [`stats`], [`rows`]. Answers name
//! calls, threads and tasks by short handles that never change.
//!
//! No question recurses along calls, so a chain of any depth is fine, and each
//! is linear in the number of calls.

#![forbid(unsafe_code)]

mod assemble;
mod calls;
mod columns;
mod family;
mod figures;
mod function;
mod handles;
mod info;
mod loops;
mod memory;
mod merge;
mod open;
mod opening;
mod pattern;
mod process;
mod read;
mod rows;
mod shape;
mod stats;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod text;
mod trace;
mod tree;
mod values;
mod verdict;
mod walk;

#[cfg(test)]
mod tests;

pub use calls::{Calls, Outcome, ValueKey};
pub use figures::{Figures, SPREAD_BINS};
pub use function::{Function, FunctionKind};
pub use handles::{
    CallNumber, FunctionNumber, NotAHandle, ProcessNumber, TaskNumber, ThreadNumber,
};
pub use info::{Info, info, rfc3339, shell_words};
pub use loops::{Entries, Loop, Loops};
pub use open::{Glance, OpenError, facts, glance, newest, open};
pub use opening::{Bodies, Fold};
pub use pattern::{BadPattern, FunctionPattern};
pub use process::{Process, ProcessRow, ProcessState, process_rows};
pub use rows::{Row, row, rows};
pub use shape::Children;
pub use stats::{FunctionStats, Stats, StatsQuery, StatsSort, of_function, stats};
pub use text::{bytes, counted, cut, duration, thousands, visible};
pub use trace::{Lane, LeftOut, Losses, Run, Trace};
pub use tree::{CallRow, LaneRow, MoreRow, Tree, TreeQuery, TreeRow, tree, tree_rows};
pub use verdict::{State, advice, left_out_line};
