//! Goes through two runs at once, wherever they are not equal.
//!
//! Calls that belong together are compared, then what they called is aligned, and
//! so on downwards. What is equal in all below it is never entered. No recursion
//! along calls: a chain of any depth is fine.

use std::collections::VecDeque;

use execmap_query::{CallNumber, Outcome};

use super::align::{Open, align};
use super::changes::{Changes, Event, Frame, Kind};
use super::moves::Moves;
use super::side::{Item, Mark, Rounds, Side, Strand, direct};

/// What is still to be done, the next last.
pub(super) enum Todo {
    /// Two calls that belong together and are not equal.
    Enter(u32, u32),
    /// How they ended.
    Leave(u32, u32),
    /// Two bodies, or parts of them.
    Items(Vec<Item>, Vec<Item>, Open),
    /// Two loops that belong together.
    Loop(Box<Rounds>, Box<Rounds>, Open),
    /// The way goes on through this.
    Push(Frame),
    /// The way goes back.
    Pop,
    /// Something that only one of the runs has; the change that says so, where one does.
    Only(usize, Item, Option<usize>),
    /// A call that comes earlier or later than it did.
    Moved {
        calls: (u32, u32),
        places: (String, String),
    },
    /// A loop went round more or less often: its iterations, and those that only one run has.
    Iterations(Box<Iterations>),
    /// Two threads or tasks that belong together.
    Strands(Strand, Strand),
    StrandsEnd,
}

pub(super) struct Iterations {
    counts: (u64, u64),
    headers: (Option<u32>, Option<u32>),
    is_exact: bool,
    /// Side, and what was called in the iteration.
    only: Vec<(usize, Vec<Item>)>,
}

/// Two runs on the way through both.
pub(crate) struct Compare<'s, 't> {
    pub(super) sides: [&'s Side<'t>; 2],
    pub(crate) changes: Changes<'s, 't>,
    pub(super) todo: Vec<Todo>,
    /// Calls behind the end of a recording that was cut, or before what it kept, of the other run.
    pub(crate) beyond: [u64; 2],
}

impl<'s, 't> Compare<'s, 't> {
    pub(crate) fn new(first: &'s Side<'t>, second: &'s Side<'t>) -> Self {
        Compare {
            sides: [first, second],
            changes: Changes::new([first, second]),
            todo: Vec::new(),
            beyond: [0; 2],
        }
    }

    pub(crate) fn run(&mut self) {
        let [first, second] = self.sides;
        if first.whole() == second.whole() {
            return;
        }
        self.bodies(None, None);
        while let Some(next) = self.todo.pop() {
            match next {
                Todo::Enter(one, other) => self.enter(one, other),
                Todo::Leave(one, other) => self.leave(one, other),
                Todo::Items(one, other, open) => self.align_items(one, other, open),
                Todo::Loop(one, other, open) => self.rounds(*one, *other, open),
                Todo::Push(frame) => self.changes.way.push(frame),
                Todo::Pop => {
                    self.changes.way.pop();
                }
                Todo::Only(side, item, within) => self.only(side, &item, within),
                Todo::Moved { calls, places } => {
                    let event = Event::new(Kind::Order, Some(calls.0), Some(calls.1));
                    self.changes
                        .add(event.texts(Some(places.0), Some(places.1)));
                }
                Todo::Iterations(iterations) => self.iterations(*iterations),
                Todo::Strands(one, other) => self.strands_of(&one, &other),
                Todo::StrandsEnd => self.changes.end_strand(),
            }
        }
        self.changes.end();
    }

    /// Which of two calls, or runs, ends where its recording was cut.
    fn open(&self, one: Option<u32>, other: Option<u32>) -> Open {
        let [first, second] = self.sides;
        match (
            first.is_open(one.map(CallNumber)),
            second.is_open(other.map(CallNumber)),
        ) {
            (true, false) => Open::First,
            (false, true) => Open::Second,
            _ => Open::None,
        }
    }

    fn bodies(&mut self, one: Option<u32>, other: Option<u32>) {
        let [first, second] = self.sides;
        let open = self.open(one, other);
        let (first_items, first_strands) = first.body(one.map(CallNumber));
        let (second_items, second_strands) = second.body(other.map(CallNumber));
        let beside = self.pair_strands(first_strands, second_strands, open);
        self.todo.extend(beside.into_iter().rev());
        if first.items(&first_items) != second.items(&second_items) {
            self.todo.push(Todo::Items(first_items, second_items, open));
        }
    }

    fn enter(&mut self, one: u32, other: u32) {
        self.changes.way.push(Frame::Call(one, other));
        self.args(one, other);
        self.todo.push(Todo::Leave(one, other));
        self.bodies(Some(one), Some(other));
    }

    fn args(&mut self, one: u32, other: u32) {
        let [first, second] = self.sides;
        if first.head(one) == second.head(other) {
            return;
        }
        let (old, new) = (CallNumber(one), CallNumber(other));
        if first.trace.has_unknown_args(old) || second.trace.has_unknown_args(new) {
            return;
        }
        let texts = |side: &Side<'_>, call| -> Vec<(String, String)> {
            let args = side.trace.args(call);
            args.map(|(name, key)| (name.to_owned(), side.text(key, name)))
                .collect()
        };
        let (old, mut new) = (texts(first, old), texts(second, new));
        let mut changed = Vec::new();
        for (name, value) in old {
            let partner = new.iter().position(|arg| arg.0 == name);
            let partner = partner.map(|at| new.remove(at).1);
            if partner.as_ref() != Some(&value) {
                changed.push((name, Some(value), partner));
            }
        }
        changed.extend(
            new.into_iter()
                .map(|(name, value)| (name, None, Some(value))),
        );
        for (name, old, new) in changed {
            let event = Event::new(Kind::Argument, Some(one), Some(other));
            self.changes.add(event.named(name).texts(old, new));
        }
    }

    fn leave(&mut self, one: u32, other: u32) {
        let ends = [self.end(0, one), self.end(1, other)];
        let open = self.sides[0].is_open(Some(CallNumber(one)))
            || self.sides[1].is_open(Some(CallNumber(other)));
        let [old, new] = ends;
        let event = |kind| Event::new(kind, Some(one), Some(other));
        if open {
            // Nobody knows how it would have ended.
        } else if old.outcome != new.outcome {
            let texts = (old.said(), new.said());
            self.changes
                .add(event(Kind::Outcome).texts(Some(texts.0), Some(texts.1)));
        } else if let (Some(old_text), Some(new_text)) = (old.text, new.text)
            && old_text != new_text
        {
            let kind_of = |text: &str| text.split([':', '(']).next().map(str::to_owned);
            let kind = match old.outcome {
                Outcome::Raised if kind_of(&old_text) != kind_of(&new_text) => Kind::Outcome,
                Outcome::Raised => Kind::Exception,
                _ => Kind::Result,
            };
            self.changes
                .add(event(kind).texts(Some(old_text), Some(new_text)));
        }
        self.changes.way.pop();
    }

    fn end(&self, side: usize, call: u32) -> End {
        let side = self.sides[side];
        let calls = side.trace.calls();
        let call = CallNumber(call);
        let name = &side.trace.function_of(call).name;
        End {
            outcome: calls.outcome(call),
            text: calls
                .result(call)
                .map(|key| side.text(key, name))
                .or_else(|| calls.exception(call).map(|key| side.exception(key))),
        }
    }

    fn align_items(&mut self, one: Vec<Item>, other: Vec<Item>, open: Open) {
        let [first, second] = self.sides;
        let keys = |key: fn(&Side<'_>, &Item) -> Mark| {
            (
                one.iter().map(|item| key(first, item)).collect::<Vec<_>>(),
                other
                    .iter()
                    .map(|item| key(second, item))
                    .collect::<Vec<_>>(),
            )
        };
        let levels = [
            keys(by_all),
            keys(by_head),
            keys(by_function),
            keys(by_kind),
        ];
        let is_outermost = matches!(self.changes.way[..], [] | [Frame::Lane(..)]);
        let pairs = align(&levels, open);
        let whole = &levels[0];
        let moved = self.moved(&one, &other, whole, &pairs);
        let mut then: Vec<Todo> = Vec::new();
        let (mut one, mut other): (VecDeque<_>, VecDeque<_>) = (one.into(), other.into());
        let mut at = (0, 0);
        let lengths = (one.len(), other.len());
        for pair in pairs.iter().copied().map(Some).chain([None]) {
            let to = pair.unwrap_or(lengths);
            let old: Vec<Item> = one.drain(..to.0 - at.0).collect();
            let mut new: Vec<Item> = other.drain(..to.1 - at.1).collect();
            let mut old = old;
            if pair.is_none() {
                match open {
                    Open::First if old.is_empty() => self.count_beyond(1, &mut new),
                    Open::Second if new.is_empty() => self.count_beyond(0, &mut old),
                    _ => {}
                }
            } else if at == (0, 0) && is_outermost {
                // What one of them dropped, the other may have.
                if first.is_late && old.is_empty() {
                    self.count_beyond(1, &mut new);
                } else if second.is_late && new.is_empty() {
                    self.count_beyond(0, &mut old);
                }
            }
            Self::gap(old, new, &moved, &mut then);
            if let Some((i, j)) = pair {
                let (Some(item), Some(partner)) = (one.pop_front(), other.pop_front()) else {
                    break;
                };
                // The recording may have been cut in the last that belong together.
                let is_last = (i + 1, j + 1) == lengths
                    || open == Open::First && i + 1 == lengths.0
                    || open == Open::Second && j + 1 == lengths.1;
                if whole.0[i] != whole.1[j] {
                    match (item, partner) {
                        (Item::Call(one), Item::Call(other)) => then.push(Todo::Enter(one, other)),
                        (Item::Loop(one), Item::Loop(other)) => {
                            let open = if is_last { open } else { Open::None };
                            then.push(Todo::Loop(one, other, open));
                        }
                        // Marks of both kinds are never equal.
                        _ => {}
                    }
                }
                at = (i + 1, j + 1);
            }
        }
        self.todo.extend(then.into_iter().rev());
    }

    /// What stands between two pairs.
    fn gap(old: Vec<Item>, new: Vec<Item>, moved: &Moves, then: &mut Vec<Todo>) {
        let has_moved = |item: &Item| match item {
            Item::Call(call) => moved.new.get(call).map(|(from, places)| Todo::Moved {
                calls: (*from, *call),
                places: places.clone(),
            }),
            Item::Loop(_) => None,
        };
        let stays = |item: &Item| !matches!(item, Item::Call(call) if moved.old.contains_key(call));
        let old: Vec<Item> = old.into_iter().filter(stays).collect();
        let has_loop = |items: &[Item]| items.iter().any(|item| matches!(item, Item::Loop(_)));
        if !old.is_empty() && !new.is_empty() && (has_loop(&old) || has_loop(&new)) {
            then.extend(new.iter().filter_map(has_moved));
            let new: Vec<Item> = new
                .into_iter()
                .filter(|item| has_moved(item).is_none())
                .collect();
            let flat = |items: &[Item]| {
                let mut calls = Vec::new();
                direct(items, &mut |call| calls.push(Item::Call(call)));
                calls
            };
            then.push(Todo::Items(flat(&old), flat(&new), Open::None));
            return;
        }
        then.extend(old.into_iter().map(|item| Todo::Only(0, item, None)));
        for item in new {
            let todo = has_moved(&item);
            then.push(todo.unwrap_or(Todo::Only(1, item, None)));
        }
    }

    pub(super) fn count_beyond(&mut self, side: usize, items: &mut Vec<Item>) {
        let trace = self.sides[side].trace;
        direct(items, &mut |call| {
            self.beyond[side] += 1 + u64::from(trace.subtree(CallNumber(call)));
        });
        items.clear();
    }

    fn rounds(&mut self, one: Rounds, other: Rounds, open: Open) {
        let [first, second] = self.sides;
        let keys = |key: fn(&Side<'_>, &[Item]) -> Mark| {
            let marks = |side: &Side<'_>, rounds: &Rounds| -> Vec<Mark> {
                rounds
                    .list
                    .iter()
                    .map(|round| key(side, &round.1))
                    .collect()
            };
            (marks(first, &one), marks(second, &other))
        };
        let levels = [
            keys(rounds_by_items),
            keys(rounds_by_item_heads),
            keys(rounds_by_item_functions),
        ];
        let mut pairs = align(&levels, open);
        let lengths = (one.list.len(), other.list.len());
        fill(&mut pairs, lengths);
        let headers = (one.header, other.header);
        let mut beyond = [Vec::new(), Vec::new()];
        let mut then = Vec::new();
        let mut only: Vec<(usize, u64, Vec<Item>)> = Vec::new();
        let (counts, is_exact) = ((one.total, other.total), one.is_exact && other.is_exact);
        let mut one = one.list.into_iter().enumerate().peekable();
        let mut other = other.list.into_iter().enumerate().peekable();
        let last = pairs.last().copied();
        let mut first_only = None;
        for pair in pairs.into_iter().map(Some).chain([None]) {
            let to = pair.unwrap_or(lengths);
            while let Some((_, (round, items))) = one.next_if(|next| next.0 < to.0) {
                if pair.is_none() && open == Open::Second {
                    beyond[0].extend(items);
                    continue;
                }
                first_only.get_or_insert(then.len());
                only.push((0, round, items));
            }
            while let Some((_, (round, items))) = other.next_if(|next| next.0 < to.1) {
                if pair.is_none() && open == Open::First {
                    beyond[1].extend(items);
                    continue;
                }
                first_only.get_or_insert(then.len());
                only.push((1, round, items));
            }
            let (Some((i, j)), Some((_, old)), Some((_, new))) = (
                pair,
                pair.and_then(|_| one.next()),
                pair.and_then(|_| other.next()),
            ) else {
                continue;
            };
            if levels[0].0[i] == levels[0].1[j] {
                continue;
            }
            then.push(Todo::Push(Frame::Loop {
                headers,
                rounds: (old.0, new.0),
            }));
            let open = if last == Some((i, j)) {
                open
            } else {
                Open::None
            };
            then.push(Todo::Items(old.1, new.1, open));
            then.push(Todo::Pop);
        }
        for (side, mut items) in beyond.into_iter().enumerate() {
            self.count_beyond(side, &mut items);
        }
        if let Some(place) = first_only {
            let todo = if counts.0 == counts.1 || open != Open::None {
                only_rounds(headers, only)
            } else {
                let only = only.into_iter().map(|(side, _, items)| (side, items));
                vec![Todo::Iterations(Box::new(Iterations {
                    counts,
                    headers: (Some(headers.0), Some(headers.1)),
                    is_exact,
                    only: only.collect(),
                }))]
            };
            then.splice(place..place, todo);
        }
        self.todo.extend(then.into_iter().rev());
    }

    fn iterations(&mut self, iterations: Iterations) {
        let Iterations {
            counts,
            headers,
            is_exact,
            only,
        } = iterations;
        let at_least = if is_exact { "" } else { "at least " };
        let event = Event::new(Kind::Iterations, None, None).at_loop(headers);
        let text = |count: u64| Some(format!("{at_least}{}", execmap_query::thousands(count)));
        let texts = (text(counts.0), text(counts.1));
        let group = self.changes.add(event.texts(texts.0, texts.1));
        for (side, items) in only {
            for item in items {
                self.only(side, &item, group);
            }
        }
    }

    /// Something that only one of the runs has.
    fn only(&mut self, side: usize, item: &Item, within: Option<usize>) {
        match item {
            Item::Call(call) => {
                let (kind, calls) = match side {
                    0 => (Kind::Removed, (Some(*call), None)),
                    _ => (Kind::Added, (None, Some(*call))),
                };
                self.changes
                    .add(Event::new(kind, calls.0, calls.1).within(within));
            }
            Item::Loop(rounds) if within.is_none() => {
                let (counts, headers) = match side {
                    0 => ((rounds.total, 0), (Some(rounds.header), None)),
                    _ => ((0, rounds.total), (None, Some(rounds.header))),
                };
                let only = rounds.list.iter().map(|round| (side, round.1.clone()));
                self.iterations(Iterations {
                    counts,
                    headers,
                    is_exact: rounds.is_exact,
                    only: only.collect(),
                });
            }
            Item::Loop(rounds) => {
                for (_, items) in &rounds.list {
                    for item in items {
                        self.only(side, item, within);
                    }
                }
            }
        }
    }
}

/// How a call ended.
struct End {
    outcome: Outcome,
    text: Option<String>,
}

impl End {
    fn said(self) -> String {
        let text = self.text.unwrap_or_default();
        let word = match self.outcome {
            Outcome::Returned => "returned",
            Outcome::Raised => "raised",
            Outcome::Closed => "closed",
            Outcome::Unfinished => "did not return",
        };
        if text.is_empty() {
            word.to_owned()
        } else {
            format!("{word} {text}")
        }
    }
}

fn by_all(side: &Side<'_>, item: &Item) -> Mark {
    match item {
        Item::Call(call) => side.of(*call),
        Item::Loop(_) => LOOP.then(side.items(std::slice::from_ref(item))),
    }
}

fn by_head(side: &Side<'_>, item: &Item) -> Mark {
    match item {
        Item::Call(call) => Mark::of(1, side.head(*call)),
        Item::Loop(_) => LOOP.then(side.item_heads(std::slice::from_ref(item))),
    }
}

fn by_function(side: &Side<'_>, item: &Item) -> Mark {
    match item {
        Item::Call(call) => Mark::of(2, u64::from(side.function(*call))),
        Item::Loop(rounds) => {
            let first = rounds.list.first().map(|round| &round.1[..]);
            LOOP.then(side.item_functions(first.unwrap_or_default()))
        }
    }
}

fn by_kind(side: &Side<'_>, item: &Item) -> Mark {
    match item {
        Item::Call(call) => Mark::of(2, u64::from(side.function(*call))),
        Item::Loop(_) => LOOP,
    }
}

fn rounds_by_items(side: &Side<'_>, items: &[Item]) -> Mark {
    side.items(items)
}

fn rounds_by_item_heads(side: &Side<'_>, items: &[Item]) -> Mark {
    side.item_heads(items)
}

fn rounds_by_item_functions(side: &Side<'_>, items: &[Item]) -> Mark {
    side.item_functions(items)
}

const LOOP: Mark = Mark::of(4, 0);

/// What is left between pairs belongs together in order, as far as there are two of it.
fn fill(pairs: &mut Vec<(usize, usize)>, lengths: (usize, usize)) {
    let mut filled = Vec::with_capacity(pairs.len());
    let mut from = (0, 0);
    for end in pairs.iter().copied().chain([lengths]) {
        let both = (end.0 - from.0).min(end.1 - from.1);
        filled.extend((0..both).map(|at| (from.0 + at, from.1 + at)));
        if end != lengths {
            filled.push(end);
        }
        from = (end.0 + 1, end.1 + 1);
    }
    *pairs = filled;
}

/// Iterations in which only one of the runs called something.
fn only_rounds(headers: (u32, u32), only: Vec<(usize, u64, Vec<Item>)>) -> Vec<Todo> {
    let mut todo = Vec::new();
    for (side, round, items) in only {
        let rounds = (round, round);
        todo.push(Todo::Push(Frame::Loop { headers, rounds }));
        todo.extend(items.into_iter().map(|item| Todo::Only(side, item, None)));
        todo.push(Todo::Pop);
    }
    todo
}
