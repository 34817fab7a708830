//! What differs, each change of one kind at one place counted once.

use execmap_query::{CallNumber, FunctionNumber};
use rustc_hash::FxHashMap;
use serde::Serialize;

use super::side::{Lane, Side};
use super::volatile::{Volatile, masked};

/// How two runs differ at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A call that only the new run has.
    Added,
    /// A call that only the old run has.
    Removed,
    /// An argument has another value.
    Argument,
    /// Another value was returned.
    Result,
    /// An exception of the same type says something else.
    Exception,
    /// It ended in another way: an exception in place of a result, or one of another type.
    Outcome,
    /// A call comes earlier or later.
    Order,
    /// A loop went round more or less often.
    Iterations,
    /// Another function was called in place of one.
    Function,
}

/// Something on the way to a change.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Frame {
    /// A call, in both runs.
    Call(u32, u32),
    /// An iteration of a loop, in both.
    Loop {
        headers: (u32, u32),
        rounds: (u64, u64),
    },
    /// A thread or task, in both.
    Lane(Lane, Lane),
    /// So many calls that are not kept.
    More(usize),
}

/// A change as it is found.
pub(crate) struct Event {
    kind: Kind,
    calls: (Option<u32>, Option<u32>),
    name: String,
    texts: (Option<String>, Option<String>),
    headers: (Option<u32>, Option<u32>),
    within: Option<usize>,
}

impl Event {
    pub(crate) fn new(kind: Kind, old: Option<u32>, new: Option<u32>) -> Self {
        Event {
            kind,
            calls: (old, new),
            name: String::new(),
            texts: (None, None),
            headers: (None, None),
            within: None,
        }
    }

    pub(crate) fn named(self, name: String) -> Self {
        Event { name, ..self }
    }

    pub(crate) fn texts(self, old: Option<String>, new: Option<String>) -> Self {
        let texts = (old, new);
        Event { texts, ..self }
    }

    pub(crate) fn at_loop(self, headers: (Option<u32>, Option<u32>)) -> Self {
        Event { headers, ..self }
    }

    pub(crate) fn within(self, within: Option<usize>) -> Self {
        Event { within, ..self }
    }
}

/// Changes of one kind at one place.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) kind: Kind,
    /// The first of the calls; of a loop the call it is in.
    pub(crate) calls: (Option<u32>, Option<u32>),
    /// The argument.
    pub(crate) name: String,
    pub(crate) headers: (Option<u32>, Option<u32>),
    /// The change of which this is a part.
    pub(crate) within: Option<usize>,
    pub(crate) times: u64,
    /// Calls below those that were added or removed.
    pub(crate) inside: u64,
    /// The first different values.
    pub(crate) examples: Vec<(Option<String>, Option<String>)>,
    pub(crate) has_more: bool,
    pub(crate) way: Vec<Frame>,
    /// What all the values look like that differ; `None` when one looks like nothing known.
    pub(crate) looks_like: Option<Vec<Volatile>>,
}

/// What makes changes the same: kind, function, caller, argument, loop, and what they are part of.
type Key = (Kind, u32, u32, String, u32, Option<usize>);

/// All changes.
pub(crate) struct Changes<'s, 't> {
    sides: [&'s Side<'t>; 2],
    pub(crate) groups: Vec<Group>,
    known: FxHashMap<Key, usize>,
    pub(crate) way: Vec<Frame>,
    /// The first change on each open thread, and where its way began.
    strands: Vec<(Option<First>, usize)>,
    /// The first of all.
    pub(crate) first: Option<First>,
    /// Changes that are not kept one by one.
    pub(crate) uncounted: u64,
}

/// The first change of a thread.
#[derive(Debug)]
pub(crate) struct First {
    at: u64,
    pub(crate) group: usize,
    pub(crate) way: Vec<Frame>,
}

/// So many places are told apart.
const MOST_GROUPS: usize = 5_000;
/// So many values of a place are shown.
const EXAMPLES: usize = 2;
/// So many values of a place are looked at.
const MOST_LOOKS: u64 = 10_000;
/// So much of the way is kept at its beginning and at its end.
const WAY: usize = 32;

const NO_CALLER: u32 = u32::MAX;

impl<'s, 't> Changes<'s, 't> {
    pub(crate) fn new(sides: [&'s Side<'t>; 2]) -> Self {
        Changes {
            sides,
            groups: Vec::new(),
            known: FxHashMap::default(),
            way: Vec::new(),
            strands: vec![(None, 0)],
            first: None,
            uncounted: 0,
        }
    }

    /// Counts a change. Gives its place among the groups.
    pub(crate) fn add(&mut self, event: Event) -> Option<usize> {
        let [old, new] = self.sides;
        let around = self.way.iter().rev().find_map(|frame| match frame {
            Frame::Call(one, other) => Some((*one, *other)),
            _ => None,
        });
        let is_own = !matches!(event.kind, Kind::Added | Kind::Removed | Kind::Order);
        let calls = match event.kind {
            Kind::Iterations => (around.map(|calls| calls.0), around.map(|calls| calls.1)),
            _ => event.calls,
        };
        let function = match calls {
            (_, Some(call)) => new.function(call),
            (Some(call), None) => old.function(call),
            (None, None) => NO_CALLER,
        };
        let caller = if is_own {
            self.caller_of_innermost()
        } else {
            around.map_or(NO_CALLER, |calls| new.function(calls.1))
        };
        let header = event.headers.1.or(event.headers.0).unwrap_or(u32::MAX);
        let key = (
            event.kind,
            function,
            caller,
            event.name.clone(),
            header,
            event.within,
        );
        let index = match self.known.get(&key) {
            Some(known) => *known,
            None if self.groups.len() == MOST_GROUPS => {
                self.uncounted += 1;
                return None;
            }
            None => {
                self.groups.push(Group {
                    kind: event.kind,
                    calls,
                    name: event.name,
                    headers: event.headers,
                    within: event.within,
                    times: 0,
                    inside: 0,
                    examples: Vec::new(),
                    has_more: false,
                    way: self.kept_way(),
                    looks_like: Some(Vec::new()),
                });
                self.known.insert(key, self.groups.len() - 1);
                self.groups.len() - 1
            }
        };
        self.note_first(index, event.kind, calls);
        let inside = match event.calls {
            (None, Some(call)) => u64::from(new.trace.subtree(CallNumber(call))),
            (Some(call), None) => u64::from(old.trace.subtree(CallNumber(call))),
            _ => 0,
        };
        let named = match calls {
            (_, Some(call)) if event.kind == Kind::Result => {
                new.trace.function_of(CallNumber(call)).name.clone()
            }
            _ => self.groups[index].name.clone(),
        };
        let group = &mut self.groups[index];
        group.times += 1;
        group.inside += inside;
        group.look(event.texts, &named);
        Some(index)
    }

    fn caller_of_innermost(&self) -> u32 {
        let mut calls = self.way.iter().rev().filter_map(|frame| match frame {
            Frame::Call(_, other) => Some(*other),
            _ => None,
        });
        calls.next();
        calls
            .next()
            .map_or(NO_CALLER, |call| self.sides[1].function(call))
    }

    fn note_first(&mut self, group: usize, kind: Kind, calls: (Option<u32>, Option<u32>)) {
        let is_first = self.strands.last().is_some_and(|strand| strand.0.is_none());
        if !is_first {
            return;
        }
        let is_end = matches!(kind, Kind::Result | Kind::Outcome | Kind::Exception);
        let at = |side: usize, call: u32| {
            let calls = self.sides[side].trace.calls();
            let call = CallNumber(call);
            let end = calls.end_ns(call).filter(|_| is_end);
            end.unwrap_or_else(|| calls.start_ns(call))
        };
        let at = match calls {
            (_, Some(call)) => at(1, call),
            (Some(call), None) => at(0, call),
            (None, None) => 0,
        };
        let way = self.kept_way();
        if let Some(strand) = self.strands.last_mut() {
            strand.0 = Some(First { at, group, way });
        }
    }

    fn kept_way(&self) -> Vec<Frame> {
        if self.way.len() <= 2 * WAY + 1 {
            return self.way.clone();
        }
        let mut way = self.way[..WAY].to_vec();
        let skipped = &self.way[WAY..self.way.len() - WAY];
        let is_call = |frame: &&Frame| matches!(frame, Frame::Call(..));
        way.push(Frame::More(skipped.iter().filter(is_call).count()));
        way.extend_from_slice(&self.way[self.way.len() - WAY..]);
        way
    }

    /// What follows happened on another thread or task.
    pub(crate) fn begin_strand(&mut self, frame: Frame) {
        self.strands.push((None, self.way.len()));
        self.way.push(frame);
    }

    pub(crate) fn end_strand(&mut self) {
        if let Some((first, length)) = self.strands.pop() {
            self.way.truncate(length);
            self.offer(first);
        }
    }

    pub(crate) fn end(&mut self) {
        while let Some((first, _)) = self.strands.pop() {
            self.offer(first);
        }
    }

    fn offer(&mut self, first: Option<First>) {
        let Some(first) = first else { return };
        if self.first.as_ref().is_none_or(|known| first.at < known.at) {
            self.first = Some(first);
        }
    }
}

impl Group {
    fn look(&mut self, texts: (Option<String>, Option<String>), named: &str) {
        let (old, new) = &texts;
        if self.times <= MOST_LOOKS {
            let found = match (old, new, &mut self.looks_like) {
                (Some(old), Some(new), Some(_)) => looks_like(old, new, named),
                _ => None,
            };
            match (found, &mut self.looks_like) {
                (Some(found), Some(known)) => {
                    known.extend(found);
                    known.sort_unstable();
                    known.dedup();
                }
                _ => self.looks_like = None,
            }
        }
        if old.is_none() && new.is_none() || self.examples.contains(&texts) {
            return;
        }
        if self.examples.len() < EXAMPLES {
            self.examples.push(texts);
        } else {
            self.has_more = true;
        }
    }
}

/// The kinds of value of which both texts differ in nothing else.
fn looks_like(old: &str, new: &str, name: &str) -> Option<Vec<Volatile>> {
    let is_same = |kinds: &[Volatile]| masked(old, name, kinds) == masked(new, name, kinds);
    let one = Volatile::ALL.into_iter().find(|kind| is_same(&[*kind]));
    if let Some(kind) = one {
        return Some(vec![kind]);
    }
    is_same(&Volatile::ALL).then(|| {
        let is_needed = |kind: &Volatile| {
            let others: Vec<Volatile> = Volatile::ALL
                .into_iter()
                .filter(|other| other != kind)
                .collect();
            !is_same(&others)
        };
        Volatile::ALL.into_iter().filter(is_needed).collect()
    })
}

impl Group {
    /// The line of a loop's header, by its caller.
    pub(crate) fn loop_line(&self, sides: [&Side<'_>; 2]) -> Option<(String, u32)> {
        let (side, call, header) = match (self.calls, self.headers) {
            ((_, Some(call)), (_, Some(header))) => (1, call, header),
            ((Some(call), _), (Some(header), _)) => (0, call, header),
            _ => return None,
        };
        place_of(sides[side], call, header)
    }
}

/// File and line of an offset in the function of a call.
pub(crate) fn place_of(side: &Side<'_>, call: u32, offset: u32) -> Option<(String, u32)> {
    let trace = side.trace;
    let number: FunctionNumber = trace.calls().function(CallNumber(call));
    let line = trace.line(number, offset)?;
    Some((trace.function(number).file.clone(), line))
}
