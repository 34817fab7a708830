//! Any run that a recorder can write is told again by a reader, however it was cut into segments.

use proptest::prelude::*;

use super::values::{Tree, tree};
use crate::record::{NO_CALL, kind, pack, pack_counted};
use crate::{
    CallId, CodeId, Event, ExceptionId, FileHeader, Interner, LogTranscoder, PART_HEADER_LEN,
    PartHeader, SEGMENT_HEADER_LEN, SegmentHeader, TaskId, TraceReader, ValueRef, Values,
};

/// What a program does next. What cannot happen at that point is left out.
#[derive(Clone, Debug)]
enum Step {
    Start(u32, Option<u32>, Vec<Tree>),
    Return(Option<Tree>),
    Yield(Option<Tree>),
    Await,
    /// One of the suspended calls goes on, with an exception or without.
    Resume(prop::sample::Index, Option<u32>),
    Closed(prop::sample::Index, bool),
    Unwind(u32),
    /// Raised, raised again, or handled.
    Exception(u8, u32, Option<Tree>, Option<u32>),
    Loop(u32, u32),
    /// Another stack runs: a new one, or one of those left before.
    Switch(Option<prop::sample::Index>),
    Task(Option<u32>),
    CreatedBy(u64),
    /// Calls of other threads take numbers.
    SkipCalls(u64),
    Pause(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let small = 0u32..1 << 24;
    let value = || prop::option::of(tree());
    let site = || prop::option::of(0u32..1 << 30);
    let which = any::<prop::sample::Index>;
    prop_oneof![
        6 => (small.clone(), site(), prop::collection::vec(tree(), 0..4))
            .prop_map(|(code, site, args)| Step::Start(code, site, args)),
        4 => value().prop_map(Step::Return),
        1 => value().prop_map(Step::Yield),
        1 => Just(Step::Await),
        2 => (which(), prop::option::of(small.clone())).prop_map(|(call, error)| Step::Resume(call, error)),
        1 => (which(), any::<bool>()).prop_map(|(call, exact)| Step::Closed(call, exact)),
        1 => small.clone().prop_map(Step::Unwind),
        1 => (0u8..3, small.clone(), value(), site())
            .prop_map(|(how, id, value, site)| Step::Exception(how, id, value, site)),
        1 => (small, any::<u32>()).prop_map(|(header, count)| Step::Loop(header, count)),
        1 => prop::option::of(which()).prop_map(Step::Switch),
        1 => prop::option::of(0u32..1000).prop_map(Step::Task),
        1 => (0u64..1 << 40).prop_map(Step::CreatedBy),
        1 => (1u64..1 << 20).prop_map(Step::SkipCalls),
        1 => (0u64..1 << 40).prop_map(Step::Pause),
    ]
}

/// A recorder of one log, and what its reader must see.
#[derive(Default)]
struct Model {
    records: Vec<u8>,
    /// Where records begin.
    ends: Vec<usize>,
    story: Vec<String>,
    stack: Vec<u64>,
    parked: Vec<Vec<u64>>,
    suspended: Vec<u64>,
    next_call: u64,
    tick: u64,
    task: Option<u32>,
    created_by: Option<u64>,
    /// Number of the next call, tick and place before each record.
    states: Vec<(u64, u64)>,
}

impl Model {
    fn words(&mut self, words: &[u64], tokens: &[u8]) {
        for word in words {
            self.records.extend_from_slice(&word.to_le_bytes());
        }
        self.records.extend_from_slice(tokens);
        let whole = self.records.len().next_multiple_of(8);
        self.records.resize(whole, 0);
        self.ends.push(whole);
        self.states.push((self.next_call, self.tick));
    }

    fn value(value: Option<&Tree>) -> Vec<u8> {
        value.map_or_else(Vec::new, Tree::token)
    }

    fn tell(&mut self, what: std::fmt::Arguments<'_>) {
        self.story.push(format!("{} {what}", self.tick));
    }

    fn step(&mut self, step: &Step) {
        self.tick += 3;
        let tick = self.tick;
        match step {
            Step::Start(code, site, args) => self.start(*code, *site, args),
            Step::Task(task) => {
                self.task = *task;
                let raw = task.map_or(0, |task| task + 1);
                self.words(&[pack_counted(kind::TASK, 0, raw)], &[]);
            }
            Step::CreatedBy(call) => {
                self.created_by = Some(*call);
                self.words(&[pack(kind::CREATED_BY, 0, tick), *call], &[]);
            }
            Step::SkipCalls(count) => {
                self.next_call += count;
                self.words(&[pack(kind::NEXT_CALL, 0, tick), self.next_call], &[]);
            }
            Step::Pause(ticks) => {
                self.tick += ticks;
                self.words(&[pack(kind::TICK, 0, self.tick), self.tick], &[]);
            }
            Step::Resume(which, error) if !self.suspended.is_empty() => {
                let call = self
                    .suspended
                    .swap_remove(which.index(self.suspended.len()));
                let record = error.map_or(kind::RESUME, |_| kind::THROW);
                self.words(&[pack(record, error.unwrap_or(0), tick), call], &[]);
                self.stack.push(call);
                let task = self.task;
                match error {
                    Some(error) => self.tell(format_args!("throw {call} {error}")),
                    None => self.tell(format_args!("resume {call} in {task:?}")),
                }
            }
            Step::Closed(which, exact) if !self.suspended.is_empty() => {
                let call = self
                    .suspended
                    .swap_remove(which.index(self.suspended.len()));
                self.words(&[pack(kind::CLOSED, u32::from(*exact), tick), call], &[]);
                self.tell(format_args!("closed {call} {exact}"));
            }
            Step::Exception(how, id, value, site) => {
                self.exception(*how, *id, value.as_ref(), *site);
            }
            Step::Loop(header, count) => {
                self.words(&[pack_counted(kind::LOOP, *header, *count)], &[]);
                let running = self.stack.last().copied();
                self.story
                    .push(format!("loop {running:?} {header} {count}"));
            }
            Step::Switch(which) => self.switch(*which),
            _ => self.end(step),
        }
    }

    fn start(&mut self, code: u32, site: Option<u32>, args: &[Tree]) {
        let tokens: Vec<u8> = args.iter().flat_map(Tree::token).collect();
        let word = u64::from(site.map_or(0, |site| site + 1))
            | (tokens.len() as u64) << 32
            | (args.len() as u64) << 56;
        let head = pack(kind::START, code, self.tick);
        let (call, parent) = (self.next_call, self.stack.last().copied());
        self.next_call += 1;
        self.words(&[head, word], &tokens);
        self.stack.push(call);
        let (task, creator) = (self.task, self.created_by.take());
        self.tell(format_args!(
            "start {call} in {parent:?} code {code} site {site:?} task {task:?} by {creator:?} {args:?}"
        ));
    }

    /// The running call ends or is suspended.
    fn end(&mut self, step: &Step) {
        let Some(&call) = self.stack.last() else {
            return;
        };
        let tick = self.tick;
        match step {
            Step::Return(value) | Step::Yield(value) => {
                let is_return = matches!(step, Step::Return(_));
                let record = if is_return { kind::RETURN } else { kind::YIELD };
                let token = Self::value(value.as_ref());
                self.words(&[pack(record, token.len() as u32, tick)], &token);
                let how = if is_return { "return" } else { "yield" };
                let shown = value.clone().unwrap_or(Tree::Constant(0));
                self.tell(format_args!("{how} {call} {shown:?}"));
            }
            Step::Await => {
                self.words(&[pack(kind::AWAIT, 0, tick)], &[]);
                self.tell(format_args!("await {call}"));
            }
            Step::Unwind(error) => {
                self.words(&[pack(kind::UNWIND, *error, tick)], &[]);
                self.tell(format_args!("unwind {call} {error}"));
            }
            _ => return,
        }
        self.stack.pop();
        if matches!(step, Step::Yield(_) | Step::Await) {
            self.suspended.push(call);
        }
    }

    fn exception(&mut self, how: u8, id: u32, value: Option<&Tree>, site: Option<u32>) {
        let token = Self::value(value);
        let record = [kind::RAISE, kind::RERAISE, kind::HANDLED][usize::from(how)];
        let word = u64::from(site.map_or(0, |site| site + 1)) | (token.len() as u64) << 32;
        self.words(&[pack(record, id, self.tick), word], &token);
        let running = self.stack.last().copied();
        let shown = value.cloned().unwrap_or(Tree::Constant(0));
        self.tell(format_args!(
            "exception {how} in {running:?} {id} {site:?} {shown:?}"
        ));
    }

    fn switch(&mut self, which: Option<prop::sample::Index>) {
        let to = which.filter(|_| !self.parked.is_empty());
        let next = to.map(|which| self.parked.swap_remove(which.index(self.parked.len())));
        let before = std::mem::replace(&mut self.stack, next.unwrap_or_default());
        if !before.is_empty() {
            self.parked.push(before);
        }
        let call = self.stack.last().copied().unwrap_or(NO_CALL);
        self.words(&[pack(kind::SWITCH, 0, self.tick), call], &[]);
    }
}

/// The story that a reader tells.
fn story(main: &[u8], part: Option<&[u8]>) -> Vec<String> {
    let trace = TraceReader::open(main, part).expect("the trace is sound");
    let shown = |value: ValueRef| Tree::read(trace.values(), value).expect("the value is there");
    let number = |call: Option<CallId>| call.map(|call| call.0);
    let mut lines = Vec::new();
    let damaged = trace.for_each_event(&mut |_, event| {
        let mut tell = |at: crate::Nanos, what: String| lines.push(format!("{} {what}", at.0));
        match *event {
            Event::Start { at, call, parent, code: CodeId(code), site, task, created_by, args } => {
                let args: Vec<Tree> = args.iter().map(|value| shown(*value)).collect();
                let (parent, by) = (number(parent), number(created_by));
                let task = task.map(|TaskId(task)| task);
                tell(at, format!("start {} in {parent:?} code {code} site {site:?} task {task:?} by {by:?} {args:?}", call.0));
            }
            Event::Return { at, call, value } => tell(at, format!("return {} {:?}", call.0, shown(value))),
            Event::Yield { at, call, value } => tell(at, format!("yield {} {:?}", call.0, shown(value))),
            Event::Await { at, call } => tell(at, format!("await {}", call.0)),
            Event::Resume { at, call, task } => {
                let task = task.map(|TaskId(task)| task);
                tell(at, format!("resume {} in {task:?}", call.0));
            }
            Event::Throw { at, call, exception } => tell(at, format!("throw {} {}", call.0, exception.0)),
            Event::Unwind { at, call, exception } => tell(at, format!("unwind {} {}", call.0, exception.0)),
            Event::Raise { at, call, exception, value, site }
            | Event::Reraise { at, call, exception, value, site }
            | Event::Handled { at, call, exception, value, site } => {
                let how = match event {
                    Event::Raise { .. } => 0,
                    Event::Reraise { .. } => 1,
                    _ => 2,
                };
                let (running, ExceptionId(id), value) = (number(call), exception, shown(value));
                tell(at, format!("exception {how} in {running:?} {id} {site:?} {value:?}"));
            }
            Event::Closed { at, call, exact } => tell(at, format!("closed {} {exact}", call.0)),
            Event::Loop { call, header, entries } => lines.push(format!("loop {:?} {header} {entries}", number(call))),
        }
    });
    assert_eq!(damaged.expect("slices can be read"), 0);
    lines
}

/// The model's records in segments that end where `cuts` say, each with its head.
fn segments<'m>(model: &'m Model, cuts: &[prop::sample::Index]) -> Vec<(SegmentHeader, &'m [u8])> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(model.ends.len())).collect();
    places.push(model.ends.len());
    places.sort_unstable();
    places.dedup();
    let (mut first, mut from, mut found) = ((0, 1), 0, Vec::new());
    for place in places.into_iter().filter(|place| *place > 0) {
        let to = model.ends[place - 1];
        let head = SegmentHeader {
            sequence: found.len() as u32,
            next_call: first.0,
            ..super::segment_head(to - from, first.1)
        };
        found.push((head, &model.records[from..to]));
        (first, from) = (model.states[place - 1], to);
    }
    found
}

proptest! {
    #[test]
    fn runs_read_back(steps in prop::collection::vec(step(), 1..80), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4), written in any::<prop::sample::Index>()) {
        let mut model = Model { tick: 1, ..Model::default() };
        for step in &steps {
            model.step(step);
        }
        prop_assume!(!model.ends.is_empty());
        let segments = segments(&model, &cuts);
        // The first segments are in the trace, the others still in the side file.
        let written = written.index(segments.len() + 1);
        let mut main = FileHeader { version: 1, run_id: [7; 16] }.encode().to_vec();
        let head = PartHeader { run_id: [7; 16], pid: 1, first: super::clock(1), latest: super::clock(model.tick) };
        let mut part = head.encode().to_vec();
        part.resize(PART_HEADER_LEN, 0);
        let (mut interner, mut log) = (Interner::new(0), LogTranscoder::default());
        for (index, (head, records)) in segments.iter().enumerate() {
            if index >= written {
                let capacity = (SEGMENT_HEADER_LEN + records.len()) as u32;
                part.extend_from_slice(&SegmentHeader { capacity, ..*head }.encode());
                part.extend_from_slice(records);
                continue;
            }
            let (mut events, mut values) = (Vec::new(), Vec::new());
            let done = log.segment(head, records, &mut interner, &mut events);
            prop_assert_eq!(done.damaged, 0);
            interner.take_fresh(&mut values);
            main.extend_from_slice(&super::file_of(&[], &values, &events)[crate::FILE_HEADER_LEN..]);
        }
        let expected: Vec<String> = model.story.iter().map(|line| relative(line)).collect();
        prop_assert_eq!(expected, story(&main, Some(&part)));
        prop_assert!(Values::default().is_empty());
    }
}

/// A line of the story with its time counted from the first tick.
fn relative(line: &str) -> String {
    match line.split_once(' ') {
        Some((tick, rest)) if tick != "loop" => {
            let tick: u64 = tick.parse().expect("a line begins with its tick");
            format!("{} {rest}", tick - 1)
        }
        _ => line.to_owned(),
    }
}
