//! One call as a row: the line of ndjson, the row of the table in Python.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::calls::Outcome;
use crate::handles::{CallNumber, ProcessNumber, TaskNumber, ThreadNumber};
use crate::trace::Trace;

/// All that is recorded of one call, values as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row<'t> {
    /// Its handle.
    pub handle: CallNumber,
    /// The nearest recorded call it was made from.
    pub parent: Option<CallNumber>,
    /// The call that created its thread or task or submitted its job; only on the first of it.
    pub created_by: Option<CallNumber>,
    /// Its process.
    pub process: ProcessNumber,
    /// The thread it began on.
    pub thread: ThreadNumber,
    /// The task it began in.
    pub task: Option<TaskNumber>,
    /// Qualified name of the function.
    pub function: &'t str,
    /// `__name__` of the function's globals.
    pub module: &'t str,
    /// The function's file.
    pub file: &'t str,
    /// The line where the function begins.
    pub line: u32,
    /// The line of the parent in which it was called.
    pub call_line: Option<u32>,
    /// When it began, since the trace began.
    pub start_ns: u64,
    /// When it ended.
    pub end_ns: Option<u64>,
    /// How long it was suspended.
    pub suspended_ns: u64,
    /// Names and values of its arguments, in signature order.
    #[serde(serialize_with = "as_object")]
    pub args: Vec<(&'t str, String)>,
    /// What it returned.
    pub result: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// `Type: message` of the exception that left it.
    pub exception: Option<String>,
}

/// Pairs as an object, in their order.
pub(crate) fn as_object<S: Serializer, K: Serialize, V: Serialize>(
    pairs: &[(K, V)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(pairs.len()))?;
    for (name, value) in pairs {
        map.serialize_entry(name, value)?;
    }
    map.end()
}

/// The row of one call.
#[must_use]
pub fn row(trace: &Trace, call: CallNumber) -> Row<'_> {
    let calls = trace.calls();
    let function = trace.function_of(call);
    Row {
        handle: call,
        parent: calls.parent(call),
        created_by: calls.created_by(call),
        process: trace.process_of(call),
        thread: calls.thread(call),
        task: calls.task(call),
        function: &function.name,
        module: &function.module,
        file: &function.file,
        line: function.line,
        call_line: trace.call_line(call),
        start_ns: calls.start_ns(call),
        end_ns: calls.end_ns(call),
        suspended_ns: calls.suspended_ns(call),
        args: trace
            .args(call)
            .map(|(name, key)| (name, trace.value_text(key)))
            .collect(),
        result: trace.result_text(call),
        outcome: calls.outcome(call),
        exception: trace.failure_text(call),
    }
}

/// The rows of all calls, in order of start, made one by one.
pub fn rows(trace: &Trace) -> impl Iterator<Item = Row<'_>> {
    trace.calls().iter().map(|call| row(trace, call))
}
