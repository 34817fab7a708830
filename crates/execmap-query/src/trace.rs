//! A trace that was read: its calls, functions, threads, tasks and values.

use std::borrow::Cow;
use std::sync::OnceLock;

use serde::Serialize;

use crate::calls::{Calls, ValueKey};
use crate::figures::Figures;
use crate::function::{Function, FunctionKind};
use crate::handles::{CallNumber, FunctionNumber, ProcessNumber, TaskNumber, ThreadNumber};
use crate::process::Process;
use crate::rows::as_object;
use crate::shape::{self, Children};
use crate::text::thousands;
use crate::values::Texts;

/// A thread or a task of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Its name in Python.
    pub name: String,
    /// The call that started the thread or created the task.
    pub created_by: Option<CallNumber>,
    /// The process it belongs to.
    pub process: ProcessNumber,
}

/// Something that was not recorded, or not wholly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Why, in words.
    pub reason: String,
    /// How often.
    pub count: u64,
    /// What exactly: names, limits.
    pub detail: Vec<String>,
}

/// What is missing from a trace, as every answer says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Losses {
    /// Whether the recording came to its end.
    pub complete: bool,
    /// What was left out: how often, by reason.
    #[serde(serialize_with = "as_object")]
    pub left_out: Vec<(String, u64)>,
}

/// What is known of the run as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Name of the trace's file, empty for a trace that was never in one.
    pub trace: String,
    /// The command line as it was typed.
    pub command: Vec<String>,
    /// Version of the Python that ran.
    pub python: String,
    /// Path of the Python that ran.
    pub executable: String,
    /// The working directory.
    pub folder: String,
    /// System and machine.
    pub platform: String,
    /// Version of the execmap that recorded.
    pub execmap: String,
    /// When the recording began, in nanoseconds since 1970.
    pub started_unix_ns: Option<u64>,
    /// Number of the process.
    pub pid: Option<u64>,
    /// `calls` or `statements`.
    pub detail: String,
    /// Whether values were recorded.
    pub has_values: bool,
    /// From the first event to the last.
    pub duration_ns: u64,
    /// Size of the trace, its side file included.
    pub bytes: u64,
    /// Size of the side file, where something was taken from it.
    pub part_bytes: u64,
    /// How long the program waited for what it had recorded to be written.
    pub waited_ns: u64,
    /// How frames were read: `in place`, or through the `public API` because they do not lie where
    /// they should.
    pub frames: String,
    /// Whether the recording came to its end.
    pub is_complete: bool,
    /// Whether something was taken from the side file of a run that did not end.
    pub is_recovered: bool,
    /// What was left out.
    pub left_out: Vec<LeftOut>,
    /// Of a child process that was opened alone: the file of the run it belongs to.
    pub child_of: Option<String>,
}

impl Run {
    /// What is missing from the trace.
    #[must_use]
    pub fn losses(&self) -> Losses {
        let left_out = self
            .left_out
            .iter()
            .map(|left| (left.reason.clone(), left.count));
        Losses {
            complete: self.is_complete,
            left_out: left_out.collect(),
        }
    }
}

impl Losses {
    /// What is missing, in words; `None` where nothing is.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let mut parts = Vec::new();
        if !self.complete {
            parts.push("the recording did not come to its end".to_owned());
        }
        if !self.left_out.is_empty() {
            let counts = self
                .left_out
                .iter()
                .map(|(reason, count)| format!("{} {reason}", thousands(*count)));
            parts.push(format!(
                "left out: {}",
                counts.collect::<Vec<_>>().join(", ")
            ));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// A trace, read and indexed.
pub struct Trace {
    pub(crate) run: Run,
    pub(crate) functions: Vec<Function>,
    pub(crate) figures: Vec<Figures>,
    pub(crate) threads: Vec<Lane>,
    pub(crate) tasks: Vec<Lane>,
    /// By number; the first is the one whose file was opened.
    pub(crate) processes: Vec<Process>,
    pub(crate) calls: Calls,
    pub(crate) texts: Texts,
    pub(crate) derived: Derived,
}

/// What follows from the columns, made when it is first asked for.
#[derive(Default)]
pub(crate) struct Derived {
    children: OnceLock<Children>,
    subtrees: OnceLock<Vec<u32>>,
    failing: OnceLock<Vec<bool>>,
    behaviours: OnceLock<Vec<u64>>,
}

impl Trace {
    /// What is known of the run.
    #[must_use]
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// The calls.
    #[must_use]
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Every function that was called.
    #[must_use]
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// One of them.
    #[must_use]
    pub fn function(&self, number: FunctionNumber) -> &Function {
        &self.functions[number.index()]
    }

    /// The function of a call.
    #[must_use]
    pub fn function_of(&self, call: CallNumber) -> &Function {
        self.function(self.calls.function(call))
    }

    /// Exact figures of a function over all calls.
    #[must_use]
    pub fn figures(&self, number: FunctionNumber) -> &Figures {
        &self.figures[number.index()]
    }

    /// The threads, by number.
    #[must_use]
    pub fn threads(&self) -> &[Lane] {
        &self.threads
    }

    /// The tasks, by number.
    #[must_use]
    pub fn tasks(&self) -> &[Lane] {
        &self.tasks
    }

    /// The processes, by number; the first is the one whose file was opened.
    #[must_use]
    pub fn processes(&self) -> &[Process] {
        &self.processes
    }

    /// The process of a call.
    #[must_use]
    pub fn process_of(&self, call: CallNumber) -> ProcessNumber {
        self.threads
            .get(self.calls.thread(call).index())
            .map_or(ProcessNumber(0), |lane| lane.process)
    }

    /// A thread's name, and of which process it is where there are several.
    #[must_use]
    pub fn thread_name(&self, number: ThreadNumber) -> Cow<'_, str> {
        let lane = self.threads.get(number.index());
        lane.map_or(Cow::default(), |lane| self.lane_name(lane))
    }

    /// A task's name, and of which process it is where there are several.
    #[must_use]
    pub fn task_name(&self, number: TaskNumber) -> Cow<'_, str> {
        let lane = self.tasks.get(number.index());
        lane.map_or(Cow::default(), |lane| self.lane_name(lane))
    }

    /// The name of a thread or task, and of which process it is where there are several. By the
    /// process's handle: the system's number is another one in each run.
    #[must_use]
    pub fn lane_name<'t>(&'t self, lane: &'t Lane) -> Cow<'t, str> {
        let is_of_first = |lane: &Lane| lane.process == ProcessNumber(0);
        if self.threads.last().is_none_or(is_of_first) {
            return Cow::Borrowed(&lane.name);
        }
        let process = self.processes.get(lane.process.index());
        let name = process.map_or("", |process| &process.name);
        let space = if name.is_empty() { "" } else { " " };
        Cow::Owned(format!("{} of {name}{space}{}", lane.name, lane.process))
    }

    /// The text of a value.
    #[must_use]
    pub fn value_text(&self, key: ValueKey) -> String {
        self.texts.value(key)
    }

    /// A value that is a small whole number.
    #[must_use]
    pub fn whole_number(&self, key: ValueKey) -> Option<i64> {
        self.texts.whole_number(key)
    }

    /// `Type: message` of an exception.
    #[must_use]
    pub fn exception_text(&self, key: ValueKey) -> String {
        self.texts.exception(key)
    }

    /// Names and values of a call's arguments; none when they were not recorded.
    pub fn args(&self, call: CallNumber) -> impl Iterator<Item = (&str, ValueKey)> {
        let names = &self.function_of(call).args;
        let keys = self.calls.args(call, names.len()).into_iter().flatten();
        names.iter().map(String::as_str).zip(keys)
    }

    /// Whether a call has arguments that were not recorded.
    #[must_use]
    pub fn has_unknown_args(&self, call: CallNumber) -> bool {
        let count = self.function_of(call).args.len();
        count > 0 && self.calls.args(call, count).is_none()
    }

    /// The text of what a call returned.
    #[must_use]
    pub fn result_text(&self, call: CallNumber) -> Option<String> {
        self.calls.result(call).map(|key| self.value_text(key))
    }

    /// The text of the exception that left a call.
    #[must_use]
    pub fn failure_text(&self, call: CallNumber) -> Option<String> {
        self.calls
            .exception(call)
            .map(|key| self.exception_text(key))
    }

    /// The line of the parent in which a call was made.
    #[must_use]
    pub fn call_line(&self, call: CallNumber) -> Option<u32> {
        let parent = self.calls.parent(call)?;
        let site = self.calls.site(call)?;
        self.texts.line(self.calls.function(parent), site)
    }

    /// The line of an offset in a function's bytecode.
    #[must_use]
    pub fn line(&self, function: FunctionNumber, offset: u32) -> Option<u32> {
        self.texts.line(function, offset)
    }

    /// The calls that each call made.
    #[must_use]
    pub fn children(&self) -> &Children {
        self.derived
            .children
            .get_or_init(|| Children::new(&self.calls))
    }

    /// How many calls are below a call.
    #[must_use]
    pub fn subtree(&self, call: CallNumber) -> u32 {
        self.subtrees()[call.index()]
    }

    /// How many calls are below each call, by number.
    #[must_use]
    pub fn subtrees(&self) -> &[u32] {
        self.derived
            .subtrees
            .get_or_init(|| shape::subtrees(&self.calls))
    }

    /// Whether a call or one below it failed.
    #[must_use]
    pub fn is_failing(&self, call: CallNumber) -> bool {
        self.derived
            .failing
            .get_or_init(|| shape::failing(&self.calls))[call.index()]
    }

    /// Whether a call is the body of an imported module or of a class in which nothing failed. What
    /// the program does begins after them.
    #[must_use]
    pub fn is_quiet_body(&self, call: CallNumber) -> bool {
        let function = self.function_of(call);
        let is_body = match function.kind {
            FunctionKind::Class => true,
            FunctionKind::Module => function.module != "__main__" && !self.is_script(call),
            _ => false,
        };
        is_body && !self.is_failing(call)
    }

    /// Whether the first outermost call stands for the script, because no other does.
    fn is_script(&self, call: CallNumber) -> bool {
        if self.children().of(None).first() != Some(&call.0) {
            return false;
        }
        let is_main = |function: &Function| {
            function.kind == FunctionKind::Module && function.module == "__main__"
        };
        !self.functions.iter().any(is_main)
    }

    /// Whether two calls, and all that is below them, did the same with the same values.
    #[must_use]
    pub fn is_alike(&self, one: CallNumber, other: CallNumber) -> bool {
        let make = || shape::behaviours(&self.calls, &self.functions);
        let behaviours = self.derived.behaviours.get_or_init(make);
        behaviours[one.index()] == behaviours[other.index()]
    }
}
