//! What two runs of a program did differently.
//!
//! Each call gets a number of 128 bits for all that it and the calls below it did:
//! functions, arguments, results, outcomes, in order. What is equal is skipped; the
//! rest is aligned from the outermost calls downwards. Lines of code do not count,
//! nor does the order of threads and tasks that run side by side.

mod align;
mod changes;
mod compare;
mod functions;
mod moves;
mod side;
mod strands;
mod volatile;
mod words;

#[cfg(test)]
mod tests;

use execmap_query::{
    CallNumber, Function, FunctionNumber, Losses, Trace, cut, shell_words, visible,
};
use serde::Serialize;

pub use align::lines_in_common;
use changes::{Changes, Frame, Group, place_of};
use compare::Compare;
use functions::Functions;
use side::{Lane, Side};
use words::{asked, notes, proposal, signature, verdict};

pub use changes::Kind;
pub use volatile::Volatile;

/// What is compared.
#[derive(Clone, Debug, Default)]
pub struct DiffQuery {
    /// Values that do not count.
    pub ignore: Vec<Volatile>,
}

/// What two runs did differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Version of this answer's shape.
    pub schema: u32,
    /// Whether both did the same.
    pub equal: bool,
    /// That in a sentence.
    pub verdict: String,
    /// The old run.
    pub old: ComparedRun,
    /// The new run.
    pub new: ComparedRun,
    /// Where they went apart.
    pub first: Option<Divergence>,
    /// All differences, those of one kind at one place together, in the order of the run.
    pub changes: Vec<Change>,
    /// Differences that are not listed, because there are too many.
    pub more_changes: u64,
    /// Values that were not compared.
    pub ignored: Vec<Volatile>,
    /// Differences that look like values which differ in every run.
    pub proposal: Option<Proposal>,
    /// What could not be compared.
    pub notes: Vec<String>,
}

/// One of the runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ComparedRun {
    /// Its file.
    pub trace: String,
    /// The command whose run it is.
    pub command: String,
    /// How many calls it has.
    pub calls: u64,
    /// What is missing from it.
    #[serde(flatten)]
    pub losses: Losses,
}

/// Where two runs went apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Divergence {
    /// From the outermost call to the change; the last call is the one that changed, or that made it.
    pub way: Vec<Waypoint>,
    /// Position of the change among all.
    pub change: usize,
}

/// Something on the way to a difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Waypoint {
    /// A call.
    Call(CallStep),
    /// An iteration of a loop.
    Loop {
        /// File of the loop.
        file: String,
        /// Line of its head.
        line: Option<u32>,
        /// Which iteration of the old run, from 1.
        old: u64,
        /// Which of the new one.
        new: u64,
    },
    /// What follows happened on a thread or task of its own.
    Lane {
        /// Its name in the old run.
        old: String,
        /// Its name in the new one.
        new: String,
        /// Whether it is a task.
        is_task: bool,
    },
    /// So many calls that are left out here.
    More {
        /// How many.
        calls: usize,
    },
}

/// A call on the way to a difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallStep {
    /// What was called.
    pub function: String,
    /// What it is drawn on.
    #[serde(skip)]
    pub participant: String,
    /// Its name there.
    #[serde(skip)]
    pub name: String,
    /// The same with its arguments in the new run.
    pub call: String,
    /// Its file in the new run.
    pub file: String,
    /// The line where it was called, in the new run.
    pub line: Option<u32>,
    /// The call in the old run.
    pub old: CallNumber,
    /// The call in the new run.
    pub new: CallNumber,
}

/// Differences of one kind at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// How they differ.
    pub kind: Kind,
    /// What was called; of a loop the function it is in.
    pub function: String,
    /// What that is drawn on.
    #[serde(skip)]
    pub participant: String,
    /// What called that, in the first of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// The argument, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub argument: Option<String>,
    /// How often.
    pub times: u64,
    /// Calls of the function in the new run, or in the old where the new has none.
    pub of: u64,
    /// Calls below those that were added or removed.
    #[serde(skip_serializing_if = "is_zero")]
    pub calls_inside: u64,
    /// The first different values, old and new.
    pub values: Vec<Values>,
    /// Whether there are more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub has_more_values: bool,
    /// The file of the function, or of the loop.
    pub file: String,
    /// The line of the call in its caller, or of the loop's head.
    pub line: Option<u32>,
    /// The first such call in the old run.
    pub old: Option<CallNumber>,
    /// The first such call in the new run.
    pub new: Option<CallNumber>,
    /// What all the values look like.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub looks_like: Vec<Volatile>,
    /// Calls that only one run has, in iterations that only one has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inside: Vec<Change>,
    /// The way to the first of them.
    #[serde(skip)]
    pub way: Vec<Waypoint>,
}

/// A value of both runs; nothing where one has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Values {
    /// That of the old run.
    pub old: Option<String>,
    /// That of the new run.
    pub new: Option<String>,
}

impl Values {
    /// Both, so that what differs is in sight: each in at most about `most` characters.
    #[must_use]
    pub fn shown(&self, most: usize) -> (Option<String>, Option<String>) {
        let (Some(old), Some(new)) = (&self.old, &self.new) else {
            let cut = |text: &Option<String>| {
                let text = text.as_ref()?;
                Some(cut(&visible(text), most).into_owned())
            };
            return (cut(&self.old), cut(&self.new));
        };
        let (old, new) = (visible(old), visible(new));
        let same = old
            .chars()
            .zip(new.chars())
            .take_while(|(one, other)| one == other);
        let same = same.count();
        let is_long = |text: &str| text.chars().count() > most;
        if same <= most / 2 || !(is_long(&old) || is_long(&new)) {
            return (
                Some(cut(&old, most).into_owned()),
                Some(cut(&new, most).into_owned()),
            );
        }
        let skipped = same - most / 3;
        let part = |text: &str| {
            let rest: String = text.chars().skip(skipped).collect();
            Some(format!("…{}", cut(&rest, most)))
        };
        (part(&old), part(&new))
    }
}

/// What could be ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proposal {
    /// At so many places.
    pub places: u64,
    /// What the values there look like.
    pub ignore: Vec<Volatile>,
    /// That in a sentence.
    pub text: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Compares two runs.
#[must_use]
pub fn diff(old: &Trace, new: &Trace, query: &DiffQuery) -> Difference {
    let functions = Functions::of(old, new);
    let has_values = old.run().has_values && new.run().has_values;
    let side =
        |trace, at: usize| Side::new(trace, &functions.numbers[at], has_values, &query.ignore);
    let (first, second) = std::thread::scope(|scope| {
        let other = std::thread::Builder::new().spawn_scoped(scope, || side(new, 1));
        let one = side(old, 0);
        let other = other.ok().and_then(|other| other.join().ok());
        (one, other.unwrap_or_else(|| side(new, 1)))
    });
    let sides = [&first, &second];
    let mut compare = Compare::new(sides[0], sides[1]);
    compare.run();
    let beyond = compare.beyond;
    answer(
        sides,
        &functions,
        compare.changes,
        beyond,
        query,
        has_values,
    )
}

fn answer(
    sides: [&Side<'_>; 2],
    functions: &Functions,
    found: Changes<'_, '_>,
    beyond: [u64; 2],
    query: &DiffQuery,
    has_values: bool,
) -> Difference {
    let [old, new] = [sides[0].trace, sides[1].trace];
    let writer = Writer { sides };
    let mut changes: Vec<Change> = Vec::new();
    // The place of each group among the changes.
    let mut places: Vec<usize> = Vec::with_capacity(found.groups.len());
    for group in &found.groups {
        let change = writer.change(group);
        if let Some(within) = group.within {
            places.push(places[within]);
            changes[places[within]].inside.push(change);
        } else {
            places.push(changes.len());
            changes.push(change);
        }
    }
    let first = found.first.map(|first| Divergence {
        way: writer.way(&first.way),
        change: places[first.group],
    });
    for &(one, other) in &functions.replaced {
        changes.push(writer.replaced(one, other));
    }
    let notes = notes([old, new], beyond, has_values);
    let equal = changes.is_empty();
    Difference {
        schema: 1,
        equal,
        verdict: verdict([old, new], &changes, found.uncounted, beyond, !has_values),
        old: compared(old),
        new: compared(new),
        first,
        proposal: proposal(&changes, &query.ignore),
        changes,
        more_changes: found.uncounted,
        ignored: query.ignore.clone(),
        notes,
    }
}

fn compared(trace: &Trace) -> ComparedRun {
    ComparedRun {
        trace: trace.run().trace.clone(),
        command: shell_words(&trace.run().command),
        calls: trace.calls().count(),
        losses: trace.run().losses(),
    }
}

struct Writer<'s, 't> {
    sides: [&'s Side<'t>; 2],
}

impl Writer<'_, '_> {
    fn change(&self, group: &Group) -> Change {
        let [old, new] = self.sides;
        let (side, call) = match group.calls {
            (_, Some(call)) => (new, Some(call)),
            (call, None) => (old, call),
        };
        let function = call.map(|call| side.trace.function_of(CallNumber(call)));
        let of = call.map_or(1, |call| {
            let number = side.trace.calls().function(CallNumber(call));
            side.trace.figures(number).calls
        });
        let (file, line) = if group.kind == Kind::Iterations {
            let place = group.loop_line(self.sides);
            place.map_or((String::new(), None), |(file, line)| (file, Some(line)))
        } else {
            let line = call.and_then(|call| side.trace.call_line(CallNumber(call)));
            (
                function.map_or(String::new(), |function| function.file.clone()),
                line,
            )
        };
        let said = |side: &Side<'_>, call| Some(signature(side.trace, CallNumber(call)));
        let values = match (group.kind, group.calls) {
            (Kind::Added, (_, Some(call))) => vec![Values {
                old: None,
                new: said(new, call),
            }],
            (Kind::Removed, (Some(call), _)) => vec![Values {
                old: said(old, call),
                new: None,
            }],
            _ => group
                .examples
                .iter()
                .map(|(old, new)| Values {
                    old: old.clone(),
                    new: new.clone(),
                })
                .collect(),
        };
        Change {
            kind: group.kind,
            function: function.map_or(String::new(), Function::shown_name),
            participant: function.map_or(String::new(), |f| f.participant().to_owned()),
            caller: self.caller(group),
            argument: (group.kind == Kind::Argument).then(|| group.name.clone()),
            times: group.times,
            of: of.max(group.times),
            calls_inside: group.inside,
            values,
            has_more_values: group.has_more,
            file,
            line,
            old: group.calls.0.map(CallNumber),
            new: group.calls.1.map(CallNumber),
            looks_like: group.looks_like.clone().unwrap_or_default(),
            inside: Vec::new(),
            way: self.way(&group.way),
        }
    }

    /// The way to a change of a call ends with that call, and to another with what called it.
    fn caller(&self, group: &Group) -> Option<String> {
        let skipped = match group.kind {
            Kind::Added | Kind::Removed | Kind::Order => 0,
            _ => 1,
        };
        let mut calls = group.way.iter().rev().filter_map(|frame| match frame {
            Frame::Call(_, call) => Some(CallNumber(*call)),
            _ => None,
        });
        let caller = calls.nth(skipped)?;
        Some(self.sides[1].trace.function_of(caller).shown_name())
    }

    fn way(&self, way: &[Frame]) -> Vec<Waypoint> {
        let [_, new] = self.sides;
        let mut steps = Vec::with_capacity(way.len());
        let mut innermost = None;
        for frame in way {
            steps.push(match *frame {
                Frame::Call(one, other) => {
                    innermost = Some(other);
                    let call = CallNumber(other);
                    let function = new.trace.function_of(call);
                    Waypoint::Call(CallStep {
                        function: function.shown_name(),
                        participant: function.participant().to_owned(),
                        name: function.short_name().into_owned(),
                        call: asked(new.trace, call),
                        file: function.file.clone(),
                        line: new.trace.call_line(call),
                        old: CallNumber(one),
                        new: call,
                    })
                }
                Frame::Loop { headers, rounds } => {
                    let place = innermost.and_then(|call| place_of(new, call, headers.1));
                    let file = place.as_ref().map_or("", |place| &place.0);
                    Waypoint::Loop {
                        file: file.to_owned(),
                        line: place.as_ref().map(|place| place.1),
                        old: rounds.0,
                        new: rounds.1,
                    }
                }
                Frame::Lane(one, other) => Waypoint::Lane {
                    old: self.lane(0, one),
                    new: self.lane(1, other),
                    is_task: other.1.is_some(),
                },
                Frame::More(calls) => Waypoint::More { calls },
            });
        }
        steps
    }

    fn lane(&self, side: usize, (thread, task): Lane) -> String {
        let trace = self.sides[side].trace;
        let name = task.map_or_else(|| trace.thread_name(thread), |task| trace.task_name(task));
        name.into_owned()
    }

    /// A function that was called in place of another.
    fn replaced(&self, one: u32, other: u32) -> Change {
        let [old, new] = self.sides.map(|side| side.trace);
        let (from, to) = (
            &old.functions()[one as usize],
            &new.functions()[other as usize],
        );
        let number = FunctionNumber(other);
        let calls = new.figures(number).calls;
        Change {
            kind: Kind::Function,
            function: to.shown_name(),
            participant: to.participant().to_owned(),
            caller: None,
            argument: None,
            times: calls,
            of: calls,
            calls_inside: 0,
            values: vec![Values {
                old: Some(from.shown_name()),
                new: Some(to.shown_name()),
            }],
            has_more_values: false,
            file: to.file.clone(),
            line: Some(to.line),
            old: None,
            new: None,
            looks_like: Vec::new(),
            inside: Vec::new(),
            way: Vec::new(),
        }
    }
}
