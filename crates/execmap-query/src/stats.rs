//! Functions by calls, time and failures.

use serde::Serialize;

use crate::figures::Figures;
use crate::function::FunctionKind;
use crate::handles::{CallNumber, FunctionNumber};
use crate::info::SCHEMA;
use crate::pattern::FunctionPattern;
use crate::trace::{Losses, Trace};

/// What the functions are ordered by, the greatest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StatsSort {
    /// Time a function ran itself.
    #[default]
    SelfTime,
    /// Time a function ran, calls from it included.
    Total,
    /// Number of calls.
    Calls,
    /// Mean time of a call.
    Mean,
    /// Longest call.
    Slowest,
    /// Number of calls that failed.
    Failed,
}

/// Which functions, in which order.
#[derive(Default)]
pub struct StatsQuery {
    /// Only functions that match.
    pub functions: Option<FunctionPattern>,
    /// The order.
    pub sort: StatsSort,
    /// At most so many functions.
    pub limit: Option<usize>,
}

/// One function over all its calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FunctionStats {
    /// Qualified name.
    pub function: String,
    /// `__name__` of its globals.
    pub module: String,
    /// Its file.
    pub file: String,
    /// The line where it begins.
    pub line: u32,
    /// What it is.
    pub kind: FunctionKind,
    /// How often it was called.
    pub calls: u64,
    /// Time it ran, calls from it included, suspended time not; a function that calls itself
    /// counts once.
    pub total_ns: u64,
    /// Time it ran itself.
    pub self_ns: u64,
    /// Mean time an ended call ran, calls from it included.
    pub mean_ns: u64,
    /// The longest time one did.
    pub slowest_ns: u64,
    /// The call that took it.
    pub slowest: Option<CallNumber>,
    /// Time its calls were suspended.
    pub suspended_ns: u64,
    /// When it was first called.
    pub first_ns: u64,
    /// How many calls failed: were left by an exception, but for one that ends the program in order.
    pub failed: u64,
    /// Threads it was called on.
    pub threads: u32,
    /// Ended calls by the time they ran: bin n counts those of 4ⁿ ns or longer.
    pub spread: Vec<u32>,
    /// `module.function`, as people read it.
    #[serde(skip)]
    pub shown: String,
}

/// All functions that were asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Version of this answer's shape.
    pub schema: u32,
    /// What is missing from the trace.
    #[serde(flatten)]
    pub losses: Losses,
    /// Calls in the trace.
    pub calls: u64,
    /// From the first event to the last.
    pub duration_ns: u64,
    /// The functions, in the order that was asked for.
    pub functions: Vec<FunctionStats>,
    /// Functions that match beyond the limit.
    pub more_functions: u64,
    /// Calls of these.
    pub more_calls: u64,
}

/// Functions by calls, time and failures.
#[must_use]
pub fn stats(trace: &Trace, query: &StatsQuery) -> Stats {
    let chosen = (0..trace.functions().len() as u32)
        .map(FunctionNumber)
        .filter(|number| {
            let pattern = query.functions.as_ref();
            trace.figures(*number).calls > 0
                && pattern.is_none_or(|pattern| pattern.matches(trace.function(*number)))
        });
    let mut functions: Vec<FunctionNumber> = chosen.collect();
    functions.sort_by_key(|number| {
        std::cmp::Reverse((
            rank(trace.figures(*number), query.sort),
            std::cmp::Reverse(*number),
        ))
    });
    let kept = query.limit.unwrap_or(usize::MAX).min(functions.len());
    let more = functions.split_off(kept);
    Stats {
        schema: SCHEMA,
        losses: trace.run().losses(),
        calls: trace.calls().count(),
        duration_ns: trace.run().duration_ns,
        functions: functions
            .into_iter()
            .map(|number| of_function(trace, number))
            .collect(),
        more_functions: more.len() as u64,
        more_calls: more.iter().map(|number| trace.figures(*number).calls).sum(),
    }
}

/// The figures of one function.
#[must_use]
pub fn of_function(trace: &Trace, number: FunctionNumber) -> FunctionStats {
    let function = trace.function(number);
    let figures = trace.figures(number);
    FunctionStats {
        function: function.name.clone(),
        module: function.module.clone(),
        file: function.file.clone(),
        line: function.line,
        kind: function.kind,
        calls: figures.calls,
        total_ns: figures.total_ns,
        self_ns: figures.self_ns,
        mean_ns: mean(figures),
        slowest_ns: figures.slowest_ns,
        slowest: figures.slowest.map(CallNumber),
        suspended_ns: figures.suspended_ns,
        first_ns: figures.first_ns,
        failed: figures.failed,
        threads: figures.threads,
        spread: figures.spread.to_vec(),
        shown: function.shown_name(),
    }
}

fn mean(figures: &Figures) -> u64 {
    figures.ran_ns.checked_div(figures.ended).unwrap_or(0)
}

fn rank(figures: &Figures, sort: StatsSort) -> u64 {
    match sort {
        StatsSort::SelfTime => figures.self_ns,
        StatsSort::Total => figures.total_ns,
        StatsSort::Calls => figures.calls,
        StatsSort::Mean => mean(figures),
        StatsSort::Slowest => figures.slowest_ns,
        StatsSort::Failed => figures.failed,
    }
}
