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
use crate::loops::Loops;
use crate::open::{FileSource, Glance};
use crate::text::{thousands, visible};
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
    let mut run = run(&reader, name, &damaged);
    run.duration_ns = assembled.duration_ns;
    let lane = |name: &str, created_by: Option<CallId>| Lane {
        name: name.to_owned(),
        created_by: created_by
            .and_then(|call| numbers.short(call))
            .map(CallNumber)
            .filter(|call| assembled.calls.contains(*call)),
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
        run: run(reader, name, &Damage::default()),
        calls: reader.summary().calls,
        threads: reader.definitions().threads.len() as u64,
        tasks: reader.definitions().tasks.len() as u64,
        functions: reader.definitions().codes.len() as u64,
        // Calls that began before what was kept ended in it, too.
        ended: reader
            .summary()
            .ends
            .filter(|_| reader.summary().dropped == 0)
            .map(|(ended, _)| ended),
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

/// Names are made visible once, here: they stand in every line of every answer. A program may name
/// its functions as it likes.
fn function(code: &Code) -> Function {
    let name = |text: &str| visible(text).into_owned();
    Function {
        name: name(&code.qualname),
        module: name(&code.module),
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
        args: code.args.iter().map(|arg| name(arg)).collect(),
        class_name: code.class_name.as_deref().map(name),
        loops: Loops::new(
            code.loops
                .iter()
                .map(|known| (known.header, known.end, known.is_recorded)),
            code.lines.runs(),
        ),
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
    /// So many calls, or other things that happened, are believed of a trace of this size.
    believed: u64,
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

/// No trace packs more calls than this into a byte: what is beyond is not believed.
const CALLS_PER_BYTE: u64 = 16;

/// What of the events cannot be read.
#[derive(Default)]
struct Damage {
    blocks: u32,
    /// Records that speak of functions, threads or calls that cannot be.
    records: u64,
}

/// One pass over the events, but for a trace whose numbers do not begin at 0: a part of a longer
/// recording. Also says what was damaged.
fn assemble(
    reader: &TraceReader<FileSource>,
    functions: &[Function],
) -> Result<(Assembled, Numbers, Damage), ReadError> {
    let summary = reader.summary();
    let believed = summary
        .bytes
        .saturating_mul(CALLS_PER_BYTE)
        .saturating_add(SLACK);
    let expected = summary.calls.min(summary.events).min(believed);
    let usual = Numbers {
        first: reader.first_call(),
        most: expected.saturating_add(SLACK),
        expected,
        believed,
    };
    let mut pass = Pass::new(reader, functions, usual);
    let mut blocks = reader.for_each_event(&mut |log, event| pass.event(log, event))?;
    if pass.goes_beyond {
        drop(pass);
        let numbers = counted_numbers(reader, believed)?;
        pass = Pass::new(reader, functions, numbers);
        blocks = reader.for_each_event(&mut |log, event| pass.event(log, event))?;
    }
    let numbers = pass.numbers;
    let damage = Damage {
        blocks,
        records: pass.strange,
    };
    Ok((pass.finish(), numbers, damage))
}

/// The numbers of the calls that are really there.
fn counted_numbers(reader: &TraceReader<FileSource>, believed: u64) -> Result<Numbers, ReadError> {
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
        most: range.min(count.min(believed).saturating_mul(8) + (SLACK << 4)),
        expected: count.min(believed),
        believed,
    })
}

/// Threads or tasks with a number beyond this are damage.
const MOST_LANES: u64 = 1 << 22;

/// Lanes that a trace of any size may have.
const SOME_LANES: u64 = 1 << 10;

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
    /// Lanes with a greater number are damage: none costs less than a byte.
    most_lanes: u32,
    has_values: bool,
    /// Whether a call had a number that is not believed.
    goes_beyond: bool,
    /// Records that speak of what cannot be.
    strange: u64,
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
            most_lanes: reader.summary().bytes.clamp(SOME_LANES, MOST_LANES) as u32,
            has_values: definitions.meta("values") != Some("false"),
            goes_beyond: false,
            strange: 0,
        }
    }

    fn event(&mut self, log: LogId, event: &Event<'_>) {
        if log.0 >= self.most_lanes {
            self.strange += 1;
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
                let key = (log.0, exception.0);
                let is_known = self.exceptions.contains_key(&key);
                let has_room = is_known || (self.exceptions.len() as u64) < self.numbers.believed;
                if value != ValueRef::NOT_RECORDED && has_room {
                    self.exceptions.insert(key, value.0);
                }
            }
            Event::Closed { at, call, .. } => self.end(log, at.0, call, Outcome::Closed, None),
            Event::Loop {
                call,
                header,
                entries,
            } => {
                if let Some(call) = call.and_then(|call| self.numbers.short(call)) {
                    self.assembler.enter_loop(call, header, entries);
                }
            }
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
            self.strange += 1;
            return;
        };
        let Some(call) = self.numbers.short(call) else {
            self.strange += 1;
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
            task: task
                .map(|task| task.0)
                .filter(|task| *task < self.most_lanes),
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
        if value.is_none() && (self.waiting.len() as u64) < self.numbers.believed {
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
        *self
            .exits
            .entry(value)
            .or_insert_with(|| reader.values().is_normal_end(ValueRef(value), definitions))
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

fn run(reader: &TraceReader<FileSource>, name: String, damaged: &Damage) -> Run {
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
        part_bytes: summary.part_bytes,
        waited_ns: number("waited_us").unwrap_or(0).saturating_mul(1_000),
        frames: text("frames"),
        is_complete: summary.complete,
        is_recovered: summary.recovered,
        left_out: left_out(reader, damaged),
        child_of: None,
    }
}

/// `at bytes 32 and 1,204`
fn places(offsets: &[u64]) -> String {
    let texts: Vec<String> = offsets.iter().map(|at| thousands(*at)).collect();
    match texts.as_slice() {
        [] => String::new(),
        [one] => format!("at byte {one}"),
        [some @ .., last] => format!("at bytes {} and {last}", some.join(", ")),
    }
}

/// Losses by reason, those included that only the reader sees.
fn left_out(reader: &TraceReader<FileSource>, damaged: &Damage) -> Vec<LeftOut> {
    let summary = reader.summary();
    let losses = reader.definitions().losses.iter();
    let mut all: Vec<(&str, u64, String)> = losses
        .map(|loss| (loss.reason.text(), loss.count, loss.detail.clone()))
        .collect();
    all.push((
        "calls dropped at the beginning",
        summary.dropped,
        "only the latest are kept (--ring)".to_owned(),
    ));
    let blocks = u64::from(summary.damaged_blocks.max(damaged.blocks));
    all.push(("blocks damaged", blocks, places(&summary.damaged_at)));
    all.push(("records damaged", damaged.records, String::new()));
    let bytes = summary.truncated_bytes;
    all.push(("bytes cut off at the end", bytes, String::new()));
    by_reason(all)
}

/// Details of one reason that are named.
const MOST_DETAILS: usize = 20;

fn by_reason(all: Vec<(&str, u64, String)>) -> Vec<LeftOut> {
    let mut found: Vec<(&str, Vec<(u64, String)>)> = Vec::new();
    for (reason, count, detail) in all.into_iter().filter(|(_, count, _)| *count > 0) {
        match found.iter_mut().find(|(other, _)| *other == reason) {
            Some((_, parts)) => parts.push((count, detail)),
            None => found.push((reason, vec![(count, detail)])),
        }
    }
    let left_out = |(reason, parts): (&str, Vec<(u64, String)>)| {
        let is_one = parts.len() == 1;
        let text = |(count, detail): &(u64, String)| match (is_one, detail.as_str()) {
            (_, "") => None,
            (true, detail) => Some(detail.to_owned()),
            (false, detail) => Some(format!("{} {detail}", thousands(*count))),
        };
        LeftOut {
            reason: reason.to_owned(),
            count: parts.iter().fold(0, |sum, part| sum.saturating_add(part.0)),
            detail: parts.iter().filter_map(text).take(MOST_DETAILS).collect(),
        }
    };
    found.into_iter().map(left_out).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_of_one_reason_are_one_with_their_parts() {
        let all = vec![
            ("values cut", 2, "long".to_owned()),
            ("values hidden", 1, "token".to_owned()),
            ("values cut", 1_000, "deep".to_owned()),
            ("blocks damaged", 0, "nowhere".to_owned()),
        ];
        let left_out = by_reason(all);
        let seen: Vec<_> = left_out
            .iter()
            .map(|left| (left.reason.as_str(), left.count, left.detail.join("; ")))
            .collect();
        assert_eq!(
            seen,
            [
                ("values cut", 1_002, "2 long; 1,000 deep".to_owned()),
                ("values hidden", 1, "token".to_owned())
            ]
        );
    }

    #[test]
    fn places_of_damage_are_named() {
        assert_eq!(places(&[32]), "at byte 32");
        assert_eq!(places(&[32, 64, 1_204]), "at bytes 32, 64 and 1,204");
    }
}
