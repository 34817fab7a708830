//! From the bytes of one file to the calls of one process.

use execmap_format::{
    CallId, Code, CodeKind, Definitions, Event, ExceptionId, LogId, ReadError, TraceReader,
    ValueRef, Values,
};
use rustc_hash::FxHashMap;

use crate::assemble::{Assembled, Assembler};
use crate::calls::{Begin, Calls, Outcome};
use crate::figures::Figures;
use crate::function::{Function, FunctionKind};
use crate::handles::{CallNumber, ProcessNumber};
use crate::open::{FileSource, Glance};
use crate::text::is_normal_end;
use crate::trace::{Lane, LeftOut, Run};

/// One file, read: a process of the run.
pub(crate) struct Part {
    pub(crate) run: Run,
    pub(crate) run_id: [u8; 16],
    pub(crate) functions: Vec<Function>,
    pub(crate) figures: Vec<Figures>,
    pub(crate) threads: Vec<Lane>,
    pub(crate) tasks: Vec<Lane>,
    pub(crate) calls: Calls,
    pub(crate) definitions: Definitions,
    pub(crate) values: Values,
    pub(crate) numbers: Numbers,
    /// From when times are counted, in nanoseconds of the monotonic clock.
    pub(crate) began_ns: u64,
}

/// Reads all events of a file; `name` is that of the file.
pub(crate) fn read(reader: TraceReader<FileSource>, name: String) -> Result<Part, ReadError> {
    let definitions = reader.definitions();
    let functions: Vec<Function> = definitions.codes.iter().map(function).collect();
    let (assembled, numbers, damaged) = assemble(&reader, &functions)?;
    let mut run = run(&reader, name, damaged);
    run.duration_ns = assembled.duration_ns;
    let lane = |name: &str, created_by: Option<CallId>| Lane {
        name: name.to_owned(),
        created_by: created_by
            .and_then(|call| numbers.short(call))
            .map(CallNumber),
        process: ProcessNumber(0),
    };
    let mut threads: Vec<Lane> = definitions
        .threads
        .iter()
        .map(|thread| lane(&thread.name, thread.created_by))
        .collect();
    let mut tasks: Vec<Lane> = definitions
        .tasks
        .iter()
        .map(|task| lane(&task.name, task.created_by))
        .collect();
    name_all(&mut threads, assembled.calls.thread_count());
    name_all(&mut tasks, assembled.calls.task_count());
    let summary = reader.summary();
    let (run_id, began_ns) = (summary.run_id, summary.began_ns);
    let (definitions, values) = reader.into_tables();
    Ok(Part {
        run,
        run_id,
        functions,
        figures: assembled.figures,
        threads,
        tasks,
        calls: assembled.calls,
        definitions,
        values,
        numbers,
        began_ns,
    })
}

/// What a trace is, without its events.
pub(crate) fn glance(reader: &TraceReader<FileSource>, name: String) -> Glance {
    Glance {
        run: run(reader, name, 0),
        calls: reader.summary().calls,
        threads: reader.definitions().threads.len() as u64,
        tasks: reader.definitions().tasks.len() as u64,
        functions: reader.definitions().codes.len() as u64,
        ended: reader.summary().ends.map(|(ended, _)| ended),
        is_checked: reader.summary().checked,
        children: 0,
        running: 0,
    }
}

/// Lanes whose definition was lost have no name.
fn name_all(lanes: &mut Vec<Lane>, count: usize) {
    if lanes.len() < count {
        lanes.resize(
            count,
            Lane {
                name: "?".into(),
                created_by: None,
                process: ProcessNumber(0),
            },
        );
    }
}

fn function(code: &Code) -> Function {
    Function {
        name: code.qualname.clone(),
        module: code.module.clone(),
        file: code.file.clone(),
        line: code.first_line,
        kind: match code.kind {
            CodeKind::Generator => FunctionKind::Generator,
            CodeKind::Coroutine => FunctionKind::Coroutine,
            CodeKind::AsyncGenerator => FunctionKind::AsyncGenerator,
            CodeKind::Module => FunctionKind::Module,
            CodeKind::Class => FunctionKind::Class,
            CodeKind::Function => FunctionKind::Function,
        },
        args: code.args.clone(),
        class_name: code.class_name.clone(),
    }
}

/// The numbers that a trace's calls may have.
#[derive(Clone, Copy)]
pub(crate) struct Numbers {
    /// The number of its first call, which becomes 0.
    first: u64,
    /// Numbers beyond so many are not believed.
    most: u64,
    /// How many calls there are, about.
    expected: u64,
}

impl Numbers {
    /// A call's number as columns hold it.
    pub(crate) fn short(self, call: CallId) -> Option<u32> {
        let number = call
            .0
            .checked_sub(self.first)
            .filter(|number| *number < self.most)?;
        u32::try_from(number)
            .ok()
            .filter(|number| *number != u32::MAX)
    }
}

/// Calls lost with damaged blocks, and calls that a damaged head does not count.
const SLACK: u64 = 1 << 16;

/// No trace packs more calls than this into a byte; one that says so is read twice.
const CALLS_PER_BYTE: u64 = 64;

/// One pass over the events, but for a trace whose numbers do not begin at 0: a part of a longer
/// recording. Also says how many blocks were damaged.
fn assemble(
    reader: &TraceReader<FileSource>,
    functions: &[Function],
) -> Result<(Assembled, Numbers, u32), ReadError> {
    let summary = reader.summary();
    let expected = summary
        .calls
        .min(summary.events)
        .min(summary.bytes.saturating_mul(CALLS_PER_BYTE));
    let usual = Numbers {
        first: 0,
        most: expected + SLACK,
        expected,
    };
    let mut pass = Pass::new(reader, functions, usual);
    let mut damaged = reader.for_each_event(&mut |log, event| pass.event(log, event))?;
    if pass.goes_beyond {
        drop(pass);
        pass = Pass::new(reader, functions, counted_numbers(reader)?);
        damaged = reader.for_each_event(&mut |log, event| pass.event(log, event))?;
    }
    let numbers = pass.numbers;
    Ok((pass.finish(), numbers, damaged))
}

/// The numbers of the calls that are really there.
fn counted_numbers(reader: &TraceReader<FileSource>) -> Result<Numbers, ReadError> {
    let (mut first, mut last, mut count) = (u64::MAX, 0, 0u64);
    reader.for_each_event(&mut |_, event| {
        if let Event::Start { call, .. } = event {
            first = first.min(call.0);
            last = last.max(call.0);
            count += 1;
        }
    })?;
    let range = last.saturating_sub(first).saturating_add(1);
    Ok(Numbers {
        first,
        most: range.min(count.saturating_mul(8) + (SLACK << 4)),
        expected: count,
    })
}

/// Threads or tasks with a number beyond this are damage.
const MOST_LANES: u32 = 1 << 22;

/// The pass over the events.
struct Pass<'t> {
    assembler: Assembler,
    functions: &'t [Function],
    definitions: &'t Definitions,
    reader: &'t TraceReader<FileSource>,
    /// The value of each exception that was seen, by log: numbers of exceptions come round, and a
    /// thread's own are never far apart.
    exceptions: FxHashMap<(u32, u32), u64>,
    /// Calls left by exceptions that were first seen on a thread that is read later.
    waiting: Vec<(u32, (u32, u32))>,
    /// Whether the value of an exception is a normal end.
    exits: FxHashMap<u64, bool>,
    /// Exceptions thrown into suspended calls.
    thrown: FxHashMap<u32, ExceptionId>,
    args: Vec<u64>,
    numbers: Numbers,
    has_values: bool,
    /// Whether a call had a number that is not believed.
    goes_beyond: bool,
}

impl<'t> Pass<'t> {
    fn new(
        reader: &'t TraceReader<FileSource>,
        functions: &'t [Function],
        numbers: Numbers,
    ) -> Self {
        let definitions = reader.definitions();
        Pass {
            assembler: Assembler::new(numbers.expected as usize),
            functions,
            definitions,
            reader,
            exceptions: FxHashMap::default(),
            waiting: Vec::new(),
            exits: FxHashMap::default(),
            thrown: FxHashMap::default(),
            args: Vec::new(),
            numbers,
            has_values: definitions.meta("values") != Some("false"),
            goes_beyond: false,
        }
    }

    fn event(&mut self, log: LogId, event: &Event<'_>) {
        if log.0 >= MOST_LANES {
            return;
        }
        match *event {
            Event::Start { .. } => self.start(log, event),
            Event::Return { at, call, value } => {
                let value = self.has_values.then_some(value.0);
                self.end(log, at.0, call, Outcome::Returned, value);
            }
            Event::Yield { at, call, .. } | Event::Await { at, call } => {
                if let Some(call) = self.numbers.short(call) {
                    self.assembler.suspend(log.0, at.0, call);
                }
            }
            Event::Resume { at, call, .. } => self.resume(log, at.0, call),
            Event::Throw {
                at,
                call,
                exception,
            } => {
                self.resume(log, at.0, call);
                if let Some(call) = self.numbers.short(call) {
                    self.thrown.insert(call, exception);
                }
            }
            Event::Unwind {
                at,
                call,
                exception,
            } => self.unwind(log, at.0, call, exception),
            Event::Raise {
                exception, value, ..
            }
            | Event::Reraise {
                exception, value, ..
            }
            | Event::Handled {
                exception, value, ..
            } => {
                if value != ValueRef::NOT_RECORDED {
                    self.exceptions.insert((log.0, exception.0), value.0);
                }
            }
            Event::Closed { at, call, .. } => self.end(log, at.0, call, Outcome::Closed, None),
            Event::Loop { .. } => {}
        }
    }

    fn start(&mut self, log: LogId, event: &Event<'_>) {
        let Event::Start {
            at,
            call,
            parent,
            code,
            site,
            task,
            created_by,
            args,
        } = *event
        else {
            return;
        };
        let Some(function) = self.functions.get(code.index()) else {
            return;
        };
        let Some(call) = self.numbers.short(call) else {
            self.goes_beyond = true;
            return;
        };
        self.args.clear();
        if !args.is_empty() {
            self.args.extend(args.iter().map(|value| value.0));
            self.args
                .resize(function.args.len(), ValueRef::NOT_RECORDED.0);
        }
        self.assembler.begin(&Begin {
            call,
            at: at.0,
            function: code.0,
            parent: parent.and_then(|call| self.numbers.short(call)),
            site,
            thread: log.0,
            task: task.map(|task| task.0).filter(|task| *task < MOST_LANES),
            created_by: created_by.and_then(|call| self.numbers.short(call)),
            args: &self.args,
        });
    }

    fn resume(&mut self, log: LogId, at: u64, call: CallId) {
        if let Some(call) = self.numbers.short(call) {
            self.assembler.resume(log.0, at, call);
        }
    }

    fn end(&mut self, log: LogId, at: u64, call: CallId, outcome: Outcome, left_with: Option<u64>) {
        if let Some(call) = self.numbers.short(call) {
            self.assembler.end(log.0, at, call, outcome, left_with);
        }
    }

    /// An exception that leaves is a failure, but for the one that closes a generator.
    fn unwind(&mut self, log: LogId, at: u64, call: CallId, exception: ExceptionId) {
        let value = self.exceptions.get(&(log.0, exception.0)).copied();
        let was_thrown = !self.thrown.is_empty()
            && self
                .numbers
                .short(call)
                .and_then(|call| self.thrown.remove(&call))
                == Some(exception);
        if was_thrown && value.is_some_and(|value| self.is_generator_exit(value)) {
            self.end(log, at, call, Outcome::Closed, None);
            return;
        }
        if let Some(number) = self.numbers.short(call)
            && value.is_some_and(|value| self.is_exit(value))
        {
            self.assembler.set_exit(number);
        }
        self.end(log, at, call, Outcome::Raised, value);
        if value.is_none() {
            self.waiting.extend(
                self.numbers
                    .short(call)
                    .map(|call| (call, (log.0, exception.0))),
            );
        }
    }

    fn is_generator_exit(&self, value: u64) -> bool {
        let text = self
            .reader
            .values()
            .exception_text(ValueRef(value), self.definitions);
        text.split(':').next() == Some("GeneratorExit")
    }

    /// Whether an exception is the normal end of a program or a generator.
    fn is_exit(&mut self, value: u64) -> bool {
        let (reader, definitions) = (self.reader, self.definitions);
        *self.exits.entry(value).or_insert_with(|| {
            let values = reader.values();
            is_normal_end(&values.exception_text(ValueRef(value), definitions))
        })
    }

    fn finish(mut self) -> Assembled {
        for (call, exception) in std::mem::take(&mut self.waiting) {
            if let Some(value) = self.exceptions.get(&exception) {
                let value = *value;
                self.assembler.set_exception(call, value);
                if self.is_exit(value) {
                    self.assembler.set_exit(call);
                }
            }
        }
        let numbers = self.numbers;
        let creator = |created_by: Option<CallId>| created_by.and_then(|call| numbers.short(call));
        self.assembler.finish(
            self.functions.len(),
            self.reader.summary().duration_ns,
            self.definitions
                .threads
                .iter()
                .map(|thread| creator(thread.created_by)),
            self.definitions
                .tasks
                .iter()
                .map(|task| creator(task.created_by)),
        )
    }
}

fn run(reader: &TraceReader<FileSource>, name: String, damaged: u32) -> Run {
    let (definitions, summary) = (reader.definitions(), reader.summary());
    let text = |key: &str| definitions.meta(key).unwrap_or_default().to_owned();
    let number = |key: &str| definitions.meta(key).and_then(|text| text.parse().ok());
    let command = definitions
        .meta("command")
        .map(|json| serde_json::from_str(json).unwrap_or_else(|_| vec![json.to_owned()]));
    Run {
        trace: name,
        command: command.unwrap_or_default(),
        python: text("python"),
        executable: text("executable"),
        folder: text("cwd"),
        platform: text("platform"),
        execmap: text("execmap"),
        started_unix_ns: number("started_unix_ns"),
        pid: number("pid"),
        detail: definitions.meta("detail").unwrap_or("calls").to_owned(),
        has_values: definitions.meta("values") != Some("false"),
        duration_ns: summary.duration_ns,
        bytes: summary.bytes,
        is_complete: summary.complete,
        is_recovered: summary.recovered,
        left_out: left_out(reader, damaged),
        child_of: None,
    }
}

/// Losses by reason, those included that only the reader sees.
fn left_out(reader: &TraceReader<FileSource>, damaged: u32) -> Vec<LeftOut> {
    let mut by_reason: Vec<LeftOut> = Vec::new();
    let mut add = |reason: &str, count: u64, detail: &str| {
        if count == 0 {
            return;
        }
        let position = by_reason
            .iter()
            .position(|left| left.reason == reason)
            .unwrap_or_else(|| {
                by_reason.push(LeftOut {
                    reason: reason.to_owned(),
                    count: 0,
                    detail: Vec::new(),
                });
                by_reason.len() - 1
            });
        let left = &mut by_reason[position];
        left.count += count;
        if !detail.is_empty() {
            left.detail.push(detail.to_owned());
        }
    };
    for loss in &reader.definitions().losses {
        add(loss.reason.text(), loss.count, &loss.detail);
    }
    let summary = reader.summary();
    add(
        "blocks damaged",
        u64::from(summary.damaged_blocks.max(damaged)),
        "",
    );
    add("bytes cut off at the end", summary.truncated_bytes, "");
    by_reason
}
