//! Definitions: what the numbers in events and values stand for.
//!
//! On disk a definition is a kind (one byte), a length and its fields. Indices
//! are handed out in the order of appearance, so no definition carries its own.

use crate::ids::CallId;
use crate::process::{ChildDef, ParentDef};
use crate::segment::ClockPair;
use crate::varint::{put, put_bytes, put_signed, take, take_signed, take_sized};

/// What kind of code a code object is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CodeKind {
    /// A function, method or lambda.
    #[default]
    Function,
    /// A generator function or generator expression.
    Generator,
    /// A coroutine function.
    Coroutine,
    /// An asynchronous generator function.
    AsyncGenerator,
    /// The body of a module.
    Module,
    /// The body of a class.
    Class,
}

impl CodeKind {
    const ALL: [CodeKind; 6] = [
        CodeKind::Function,
        CodeKind::Generator,
        CodeKind::Coroutine,
        CodeKind::AsyncGenerator,
        CodeKind::Module,
        CodeKind::Class,
    ];

    fn byte(self) -> u8 {
        Self::ALL.iter().position(|kind| *kind == self).unwrap_or(0) as u8
    }
}

/// Which line each part of a code object's bytecode stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineTable {
    /// Byte offset at which a run begins, and its line.
    runs: Vec<(u32, Option<u32>)>,
}

impl LineTable {
    /// From the starts of runs, in ascending order of their byte offset.
    #[must_use]
    pub fn new(runs: Vec<(u32, Option<u32>)>) -> Self {
        LineTable { runs }
    }

    /// The line of the instruction at a byte offset.
    #[must_use]
    pub fn line_at(&self, site: u32) -> Option<u32> {
        let after = self.runs.partition_point(|(start, _)| *start <= site);
        self.runs.get(after.checked_sub(1)?)?.1
    }

    /// Byte offset at which each run begins, and its line.
    #[must_use]
    pub fn runs(&self) -> &[(u32, Option<u32>)] {
        &self.runs
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put(out, self.runs.len() as u64);
        let (mut offset, mut line) = (0u32, 0u32);
        for &(start, at) in &self.runs {
            put(
                out,
                u64::from(start.wrapping_sub(offset)) << 1 | u64::from(at.is_some()),
            );
            offset = start;
            if let Some(at) = at {
                put_signed(out, i64::from(at) - i64::from(line));
                line = at;
            }
        }
    }

    fn decode(input: &mut &[u8]) -> Option<Self> {
        let count = take(input)?;
        let mut runs = Vec::new();
        let (mut offset, mut line) = (0u32, 0u32);
        for _ in 0..count {
            let head = take(input)?;
            offset = offset.wrapping_add((head >> 1) as u32);
            let mut at = None;
            if head & 1 == 1 {
                line = u32::try_from(i64::from(line).checked_add(take_signed(input)?)?).ok()?;
                at = Some(line);
            }
            runs.push((offset, at));
        }
        Some(LineTable { runs })
    }
}

/// A loop of a code object, by byte offsets of its bytecode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopDef {
    /// Where the loop's header stands.
    pub header: u32,
    /// The last jump back to it.
    pub end: u32,
    /// Whether entries of the header are recorded.
    pub is_recorded: bool,
}

/// A code object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Code {
    /// Qualified name, `<module>` for a module's body.
    pub qualname: String,
    /// The `__name__` of its globals; empty when unknown.
    pub module: String,
    /// The file it was compiled from.
    pub file: String,
    /// Line of its `def`, or of its first decorator.
    pub first_line: u32,
    /// What it is.
    pub kind: CodeKind,
    /// Names of its parameters, in the order of the signature.
    pub args: Vec<String>,
    /// The class whose method it is.
    pub class_name: Option<String>,
    /// Lines of its bytecode.
    pub lines: LineTable,
    /// Its loops, by header.
    pub loops: Vec<LoopDef>,
}

impl Code {
    /// The line of the instruction at a byte offset.
    #[must_use]
    pub fn line_at(&self, site: u32) -> Option<u32> {
        self.lines.line_at(site)
    }
}

/// A thread with a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThreadDef {
    /// Its name in Python.
    pub name: String,
    /// The system's number for it.
    pub native_id: u64,
    /// The call that started it.
    pub created_by: Option<CallId>,
}

/// An asyncio task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskDef {
    /// Its name.
    pub name: String,
    /// The call that created it.
    pub created_by: Option<CallId>,
}

/// A Python type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypeDef {
    /// Name as shown on values.
    pub name: String,
    /// Module and qualified name.
    pub full_name: String,
}

/// Why something is missing from a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LossReason {
    /// A value hidden by redaction.
    Hidden,
    /// A value shown in part.
    Cut,
    /// A value that could not be read without running code, or at all.
    NotRecorded,
    /// Calls not recorded because a limit was reached.
    LimitReached,
    /// Events lost because the file could not be written.
    NotWritten,
    /// Threads, tasks or processes that are not followed.
    NotFollowed,
    /// A detail recorded in a poorer way than usual.
    Degraded,
    /// Blocks that could not be read.
    Damaged,
    /// A fault of the recorder itself.
    RecorderFault,
}

impl LossReason {
    const ALL: [(LossReason, &'static str); 9] = [
        (LossReason::Hidden, "values hidden"),
        (LossReason::Cut, "values cut"),
        (LossReason::NotRecorded, "values not recorded"),
        (LossReason::LimitReached, "early stop: limit reached"),
        (
            LossReason::NotWritten,
            "early stop: the file could not be written",
        ),
        (LossReason::NotFollowed, "not followed"),
        (LossReason::Degraded, "recorded in a poorer way"),
        (LossReason::Damaged, "blocks damaged"),
        (LossReason::RecorderFault, "faults of the recorder"),
    ];

    /// Every reason.
    pub fn all() -> impl Iterator<Item = LossReason> {
        Self::ALL.iter().map(|(reason, _)| *reason)
    }

    /// What is missing, in words.
    #[must_use]
    pub fn text(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// Something that is missing from a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Why.
    pub reason: LossReason,
    /// How often.
    pub count: u64,
    /// What exactly: names, a limit, an error.
    pub detail: String,
}

/// One definition.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each names what it defines")]
pub enum Definition {
    Meta(String, String),
    Symbol(String),
    Type(TypeDef),
    Code(Box<Code>),
    Thread(ThreadDef),
    /// Replaces the thread's definition; threads learn their names late.
    ThreadUpdate(u32, ThreadDef),
    Task(TaskDef),
    /// Replaces the task's definition.
    TaskUpdate(u32, TaskDef),
    /// A count so far; the last of a reason and detail holds.
    Loss(Loss),
    Clock(ClockPair),
    /// Only calls from `first` on and before `last` belong to this trace; time begins at `clock`.
    Window {
        first: u64,
        last: u64,
        clock: ClockPair,
    },
    /// The recording came to its end; nothing follows.
    End,
    /// A process was started.
    Child(ChildDef),
    /// This process was started by another one of the run.
    Parent(ParentDef),
    /// A process that was started has ended: its number and its exit code, negative for a signal.
    ChildEnd(u64, i64),
    /// How many definitions of each table came before: each block of definitions begins with it, so
    /// that a block that is lost does not give its names to others.
    Counts(DefinitionCounts),
}

/// How many definitions of each table there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DefinitionCounts {
    /// Symbols, types, code objects, threads, tasks.
    pub(crate) tables: [u64; 5],
    /// Bytes of all definitions, without counts.
    pub(crate) bytes: u64,
}

impl DefinitionCounts {
    /// The kinds that stand in a table.
    const KINDS: [u8; 5] = [2, 3, 4, 5, 6];

    /// How many definitions are missing where there are so many; `None` where there are more.
    pub(crate) fn missing(&self, there: [usize; 5]) -> Option<u64> {
        let missing = self.tables.iter().zip(there);
        let mut missing = missing.map(|(count, there)| count.checked_sub(there as u64));
        missing.try_fold(0u64, |sum, missing| sum.checked_add(missing?))
    }

    /// Counts a run of definitions.
    pub fn add(&mut self, mut bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        while let Some((&kind, rest)) = bytes.split_first() {
            bytes = rest;
            if take_sized(&mut bytes).is_none() {
                return;
            }
            if let Some(table) = Self::KINDS.iter().position(|known| *known == kind) {
                self.tables[table] += 1;
            }
        }
    }
}

pub(crate) fn put_call(out: &mut Vec<u8>, call: Option<CallId>) {
    put(out, call.map_or(0, |call| call.0 + 1));
}

#[expect(
    clippy::option_option,
    reason = "the bytes are cut short, or there is no call"
)]
pub(crate) fn take_call(input: &mut &[u8]) -> Option<Option<CallId>> {
    Some(take(input)?.checked_sub(1).map(CallId))
}

pub(crate) fn take_text(input: &mut &[u8]) -> Option<String> {
    take_sized(input).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// Names are shown again and again; one that is longer than this is damage, and shown in part.
const LONGEST_NAME: usize = 1 << 16;

fn take_name(input: &mut &[u8]) -> Option<String> {
    let bytes = take_sized(input)?;
    let kept = &bytes[..bytes.len().min(LONGEST_NAME)];
    let mut name = String::from_utf8_lossy(kept).into_owned();
    if kept.len() < bytes.len() {
        name.push('…');
    }
    Some(name)
}

impl Definition {
    /// Appends kind, length and fields.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut body = Vec::new();
        let kind = self.encode_body(&mut body);
        out.push(kind);
        put_bytes(out, &body);
    }

    fn encode_body(&self, out: &mut Vec<u8>) -> u8 {
        match self {
            Definition::Meta(key, value) => {
                put_bytes(out, key.as_bytes());
                put_bytes(out, value.as_bytes());
                1
            }
            Definition::Symbol(text) => {
                put_bytes(out, text.as_bytes());
                2
            }
            Definition::Type(def) => {
                put_bytes(out, def.name.as_bytes());
                put_bytes(out, def.full_name.as_bytes());
                3
            }
            Definition::Code(code) => {
                encode_code(code, out);
                4
            }
            Definition::Thread(def) => {
                encode_thread(def, out);
                5
            }
            Definition::Task(def) => {
                put_bytes(out, def.name.as_bytes());
                put_call(out, def.created_by);
                6
            }
            Definition::Loss(loss) => {
                out.push(loss.reason as u8);
                put(out, loss.count);
                put_bytes(out, loss.detail.as_bytes());
                7
            }
            Definition::Clock(pair) => {
                put(out, pair.tick);
                put(out, pair.monotonic_ns);
                8
            }
            Definition::End => 9,
            Definition::Counts(counts) => {
                for number in counts.tables {
                    put(out, number);
                }
                put(out, counts.bytes);
                13
            }
            Definition::Window { first, last, clock } => {
                for number in [*first, *last, clock.tick, clock.monotonic_ns] {
                    put(out, number);
                }
                12
            }
            Definition::Child(def) => {
                def.encode(out);
                14
            }
            Definition::Parent(def) => {
                def.encode(out);
                15
            }
            Definition::ChildEnd(pid, code) => {
                put(out, *pid);
                put_signed(out, *code);
                16
            }
            Definition::ThreadUpdate(index, def) => {
                put(out, u64::from(*index));
                encode_thread(def, out);
                10
            }
            Definition::TaskUpdate(index, def) => {
                put(out, u64::from(*index));
                put_bytes(out, def.name.as_bytes());
                put_call(out, def.created_by);
                11
            }
        }
    }

    /// Takes one definition; `Some(None)` for a kind that this version does not know.
    pub fn take(input: &mut &[u8]) -> Option<Option<Definition>> {
        let (&kind, rest) = input.split_first()?;
        *input = rest;
        let mut body = take_sized(input)?;
        if kind == 0 || kind > 16 {
            return Some(None);
        }
        Self::decode_body(kind, &mut body).map(Some)
    }

    fn decode_body(kind: u8, body: &mut &[u8]) -> Option<Definition> {
        Some(match kind {
            1 => Definition::Meta(take_name(body)?, take_text(body)?),
            2 => Definition::Symbol(take_name(body)?),
            3 => Definition::Type(TypeDef {
                name: take_name(body)?,
                full_name: take_name(body)?,
            }),
            4 => Definition::Code(Box::new(decode_code(body)?)),
            5 => Definition::Thread(decode_thread(body)?),
            6 => Definition::Task(TaskDef {
                name: take_name(body)?,
                created_by: take_call(body)?,
            }),
            7 => {
                let (&reason, rest) = body.split_first()?;
                *body = rest;
                let (reason, _) = *LossReason::ALL.get(usize::from(reason))?;
                Definition::Loss(Loss {
                    reason,
                    count: take(body)?,
                    detail: take_name(body)?,
                })
            }
            8 => Definition::Clock(ClockPair {
                tick: take(body)?,
                monotonic_ns: take(body)?,
            }),
            9 => Definition::End,
            10 => Definition::ThreadUpdate(u32::try_from(take(body)?).ok()?, decode_thread(body)?),
            12 => Definition::Window {
                first: take(body)?,
                last: take(body)?,
                clock: ClockPair {
                    tick: take(body)?,
                    monotonic_ns: take(body)?,
                },
            },
            11 => Definition::TaskUpdate(
                u32::try_from(take(body)?).ok()?,
                TaskDef {
                    name: take_name(body)?,
                    created_by: take_call(body)?,
                },
            ),
            13 => {
                let mut counts = DefinitionCounts::default();
                for number in &mut counts.tables {
                    *number = take(body)?;
                }
                counts.bytes = take(body)?;
                Definition::Counts(counts)
            }
            14 => Definition::Child(ChildDef::decode(body)?),
            15 => Definition::Parent(ParentDef::decode(body)?),
            16 => Definition::ChildEnd(take(body)?, take_signed(body)?),
            _ => return None,
        })
    }
}

fn encode_thread(def: &ThreadDef, out: &mut Vec<u8>) {
    put_bytes(out, def.name.as_bytes());
    put(out, def.native_id);
    put_call(out, def.created_by);
}

fn decode_thread(body: &mut &[u8]) -> Option<ThreadDef> {
    Some(ThreadDef {
        name: take_name(body)?,
        native_id: take(body)?,
        created_by: take_call(body)?,
    })
}

fn encode_code(code: &Code, out: &mut Vec<u8>) {
    put_bytes(out, code.qualname.as_bytes());
    put_bytes(out, code.module.as_bytes());
    put_bytes(out, code.file.as_bytes());
    put(out, u64::from(code.first_line));
    out.push(code.kind.byte());
    put(out, code.args.len() as u64);
    for arg in &code.args {
        put_bytes(out, arg.as_bytes());
    }
    put_bytes(out, code.class_name.as_deref().unwrap_or("").as_bytes());
    code.lines.encode(out);
    put(out, code.loops.len() as u64);
    for def in &code.loops {
        put(out, u64::from(def.header));
        put(out, u64::from(def.end));
        out.push(u8::from(def.is_recorded));
    }
}

fn decode_code(body: &mut &[u8]) -> Option<Code> {
    let mut code = Code {
        qualname: take_name(body)?,
        module: take_name(body)?,
        file: take_name(body)?,
        first_line: u32::try_from(take(body)?).ok()?,
        ..Code::default()
    };
    let (&kind, rest) = body.split_first()?;
    *body = rest;
    code.kind = *CodeKind::ALL.get(usize::from(kind))?;
    for _ in 0..take(body)? {
        code.args.push(take_name(body)?);
    }
    code.class_name = Some(take_name(body)?).filter(|name| !name.is_empty());
    code.lines = LineTable::decode(body)?;
    for _ in 0..take(body)? {
        let (header, end) = (
            u32::try_from(take(body)?).ok()?,
            u32::try_from(take(body)?).ok()?,
        );
        let (&is_recorded, rest) = body.split_first()?;
        *body = rest;
        code.loops.push(LoopDef {
            header,
            end,
            is_recorded: is_recorded != 0,
        });
    }
    Some(code)
}
