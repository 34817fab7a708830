//! The processes of a run.

use serde::Serialize;

use crate::handles::{CallNumber, ProcessNumber};
use crate::rows::as_object;
use crate::trace::{LeftOut, Trace};

/// How the recording of a process stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessState {
    /// It came to its end.
    #[default]
    Ended,
    /// It goes on, as far as can be told.
    Running,
    /// The process ended before its recording did: it was killed, or ended itself at once. What it
    /// had recorded is there.
    Recovered,
    /// The process replaced itself by another program. What it had recorded is there.
    Replaced,
    /// The end is missing.
    CutShort,
}

impl ProcessState {
    /// The state in words.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            ProcessState::Ended => "ended",
            ProcessState::Running => "still runs",
            ProcessState::Recovered => "ended at once, recovered",
            ProcessState::Replaced => "replaced itself by another program",
            ProcessState::CutShort => "cut short",
        }
    }
}

/// A process of the run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// The system's number.
    pub pid: Option<u64>,
    /// Its file.
    pub trace: String,
    /// Its name in `multiprocessing`, or empty.
    pub name: String,
    /// Its command line.
    pub command: Vec<String>,
    /// The process that started it.
    pub parent: Option<ProcessNumber>,
    /// The call that was running when it was started.
    pub created_by: Option<CallNumber>,
    /// When its recording began, since the trace began.
    pub started_ns: u64,
    /// How long that went on.
    pub duration_ns: u64,
    /// How many calls it made.
    pub calls: u64,
    /// Threads that made them.
    pub threads: u64,
    /// How its recording stands.
    pub state: ProcessState,
    /// Its exit code, negative for a signal, where its parent learned it.
    pub exit_code: Option<i64>,
    /// What was left out of it.
    pub left_out: Vec<LeftOut>,
}

/// A process as answers say it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProcessRow {
    /// Its handle.
    pub handle: ProcessNumber,
    /// The system's number.
    pub pid: Option<u64>,
    /// Its name in `multiprocessing`, or empty.
    pub name: String,
    /// Its command line, word by word.
    pub argv: Vec<String>,
    /// The process that started it, where that is known.
    pub parent: Option<ProcessNumber>,
    /// The call that was running when it was started, where that is known.
    pub created_by: Option<CallNumber>,
    /// When its recording began, since the trace began.
    pub started_ns: u64,
    /// How long that went on.
    pub duration_ns: u64,
    /// How many calls it made.
    pub calls: u64,
    /// How many threads made them.
    pub threads: u64,
    /// How its recording stands.
    pub state: ProcessState,
    /// Its exit code, negative for a signal, where its parent learned it.
    pub exit_code: Option<i64>,
    /// What was left out of it: how often, by reason.
    #[serde(serialize_with = "as_object")]
    pub left_out: Vec<(String, u64)>,
    /// Its file.
    pub trace: String,
}

/// The processes of a trace, in order.
#[must_use]
pub fn process_rows(trace: &Trace) -> Vec<ProcessRow> {
    let row = |(process, number): (&Process, u32)| ProcessRow {
        handle: ProcessNumber(number),
        pid: process.pid,
        name: process.name.clone(),
        argv: process.command.clone(),
        parent: process.parent,
        created_by: process.created_by,
        started_ns: process.started_ns,
        duration_ns: process.duration_ns,
        calls: process.calls,
        threads: process.threads,
        state: process.state,
        exit_code: process.exit_code,
        left_out: process
            .left_out
            .iter()
            .map(|left| (left.reason.clone(), left.count))
            .collect(),
        trace: process.trace.clone(),
    };
    trace.processes().iter().zip(0..).map(row).collect()
}
