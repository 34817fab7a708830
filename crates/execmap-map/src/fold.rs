//! From the calls of a trace to the folded tree, in one pass.
//!
//! Calls come in order of start. A call is folded when all its calls are, so
//! what is held at a time are the calls that are open, and what is distinct.

use std::collections::VecDeque;

use execmap_query::{CallNumber, Function, FunctionPattern, Loops, Outcome, Trace, ValueKey};
use rustc_hash::FxHashMap;

use crate::arena::{Arena, Elem, End, NO_SITE, Node, NodeId, SeqId};
use crate::merge::CallKey;
use crate::order::{Order, Stretch};
use crate::structure::Builder;
use crate::values::{EdgeValues, Edges};

/// The calls of a trace, folded.
#[derive(Debug)]
pub struct Folded {
    /// All that is distinct.
    pub arena: Arena,
    /// The outermost calls.
    pub roots: SeqId,
    /// The types of exceptions by which calls failed.
    pub failures: Vec<String>,
    order: Order,
    edges: Edges,
}

impl Folded {
    /// The folded form of a trace.
    #[must_use]
    pub fn of(trace: &Trace) -> Self {
        Folder::new(trace, None).fold()
    }

    /// The same without the calls of some functions: what these called stands in their place.
    #[must_use]
    pub fn of_kept(trace: &Trace, keep: &dyn Fn(&Function) -> bool) -> Self {
        let keep: Vec<bool> = trace.functions().iter().map(keep).collect();
        let calls = trace.calls();
        let mut places = vec![(NO_CALL, NO_SITE); calls.rows()];
        for call in calls.iter() {
            let Some(parent) = calls.parent(call) else {
                continue;
            };
            places[call.index()] = if keep[calls.function(parent).index()] {
                (parent.0, calls.site(call).unwrap_or(NO_SITE))
            } else {
                places[parent.index()]
            };
        }
        Folder::new(trace, Some(Kept { keep, places })).fold()
    }

    /// The call at a position, counted from the first outermost call downwards: a call stands before
    /// the calls it made.
    #[must_use]
    pub fn call_at(&self, position: u64) -> CallNumber {
        CallNumber(self.order.at(position))
    }

    /// Positions at which calls begin whose numbers are in a row, and the first of each.
    #[must_use]
    pub fn order(&self) -> &[(u64, u32)] {
        self.order.runs()
    }

    /// The position of a call.
    pub(crate) fn position_of(&self, call: CallNumber) -> Option<u64> {
        let all = self.arena.seq_totals(self.roots).calls;
        self.order.position(call.0, all)
    }

    /// Pairs of functions of which the first called the second.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.edges.pairs()
    }

    /// What is known of the values of all calls that are the same part of a caller.
    pub(crate) fn values(&self, caller: Option<u32>, key: CallKey) -> Option<&EdgeValues> {
        self.edges.get(caller, key)
    }
}

/// Which functions' calls are kept.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only these; empty: all.
    pub include: Vec<FunctionPattern>,
    /// None of these.
    pub exclude: Vec<FunctionPattern>,
}

impl Filter {
    /// Whether all are kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    /// The folded form of what is kept.
    #[must_use]
    pub fn fold(&self, trace: &Trace) -> Folded {
        if self.is_empty() {
            return Folded::of(trace);
        }
        Folded::of_kept(trace, &|function| {
            let any = |patterns: &[FunctionPattern]| {
                patterns.iter().any(|pattern| pattern.matches(function))
            };
            (self.include.is_empty() || any(&self.include)) && !any(&self.exclude)
        })
    }
}

/// Calls with others above them than in the trace.
struct Kept {
    /// By function.
    keep: Vec<bool>,
    /// By call: the nearest that is kept above it, and the place there.
    places: Vec<(u32, u32)>,
}

const NO_CALL: u32 = u32::MAX;

/// A call that is not folded yet.
#[derive(Debug, Default)]
struct Frame {
    call: Option<u32>,
    /// The frame of its caller.
    above: usize,
    builder: Builder,
    /// Its calls from the first on that is not folded.
    waiting: VecDeque<Waiting>,
    stretches: Stretch,
    /// Its calls that are not folded.
    left: u32,
}

#[derive(Debug)]
struct Waiting {
    call: u32,
    folded: Option<Folding>,
}

#[derive(Debug)]
enum Folding {
    Call(NodeId, Stretch),
    /// A call that is left out, but not the entries of loops before it.
    Entries,
}

impl Frame {
    /// A call that others wait for, or that waits for others, is folded.
    fn mark(&mut self, call: u32, node: NodeId, stretch: Stretch) {
        match self
            .waiting
            .binary_search_by_key(&call, |waiting| waiting.call)
        {
            Ok(position) => self.waiting[position].folded = Some(Folding::Call(node, stretch)),
            Err(_) => self.waiting.push_back(Waiting {
                call,
                folded: Some(Folding::Call(node, stretch)),
            }),
        }
    }
}

/// The name of a call's task or thread, without its number.
fn lane_kind(trace: &Trace, call: CallNumber) -> String {
    let calls = trace.calls();
    let name = match calls.task(call) {
        Some(task) => trace.task_name(task),
        None => trace.thread_name(calls.thread(call)),
    };
    name.trim_end_matches(|c: char| c.is_ascii_digit())
        .to_owned()
}

fn is_kept(trace: &Trace, kept: Option<&Kept>, call: CallNumber) -> bool {
    kept.is_none_or(|kept| kept.keep[trace.calls().function(call).index()])
}

/// The call above a call, and the place there.
fn place(trace: &Trace, kept: Option<&Kept>, call: CallNumber) -> (Option<CallNumber>, u32) {
    let calls = trace.calls();
    match kept {
        None => {
            let parent = calls.parent(call);
            let site = parent.and(calls.site(call)).unwrap_or(NO_SITE);
            (parent, site)
        }
        Some(kept) => {
            let (parent, site) = kept.places[call.index()];
            let parent = Some(parent).filter(|parent| *parent != NO_CALL);
            (parent.map(CallNumber), site)
        }
    }
}

struct Folder<'t> {
    trace: &'t Trace,
    kept: Option<Kept>,
    arena: Arena,
    frames: Vec<Frame>,
    free: Vec<usize>,
    frame_of: FxHashMap<u32, usize>,
    /// The call that was looked up last, and its frame.
    newest: (u32, usize),
    calls_of: Vec<u32>,
    failures: FxHashMap<String, u32>,
    failure_of: FxHashMap<ValueKey, u32>,
    edges: Edges,
    no_loops: Loops,
    /// Numbers for functions of outermost calls on threads or tasks of one kind.
    root_kinds: FxHashMap<(u32, String), u32>,
}

/// The frame above all outermost calls.
const ROOT: usize = 0;

impl<'t> Folder<'t> {
    fn new(trace: &'t Trace, kept: Option<Kept>) -> Self {
        let calls = trace.calls();
        let mut calls_of = vec![0u32; calls.rows()];
        let mut outermost = 0;
        for call in calls.iter() {
            if !is_kept(trace, kept.as_ref(), call) {
                continue;
            }
            match place(trace, kept.as_ref(), call).0 {
                Some(parent) => calls_of[parent.index()] += 1,
                None => outermost += 1,
            }
        }
        let root = Frame {
            left: outermost,
            ..Frame::default()
        };
        Folder {
            trace,
            kept,
            arena: Arena::default(),
            frames: vec![root],
            free: Vec::new(),
            frame_of: FxHashMap::default(),
            newest: (u32::MAX, ROOT),
            calls_of,
            failures: FxHashMap::default(),
            failure_of: FxHashMap::default(),
            edges: Edges::default(),
            no_loops: Loops::default(),
            root_kinds: FxHashMap::default(),
        }
    }

    fn fold(mut self) -> Folded {
        for call in self.trace.calls().iter() {
            if is_kept(self.trace, self.kept.as_ref(), call) {
                self.call(call);
            } else {
                self.entries(call);
            }
        }
        self.finish()
    }

    /// What is known of loops before a call that is left out.
    fn entries(&mut self, call: CallNumber) {
        let calls = self.trace.calls();
        let entries = calls.entries_before(call);
        let Some(parent) = calls.parent(call).filter(|_| !entries.is_empty()) else {
            return;
        };
        let Some(&index) = self.frame_of.get(&parent.0) else {
            return;
        };
        let frame = &mut self.frames[index];
        if frame.waiting.is_empty() {
            let loops = &self.trace.function_of(parent).loops;
            frame.builder.enter(&mut self.arena, loops, entries);
        } else {
            frame.waiting.push_back(Waiting {
                call: call.0,
                folded: Some(Folding::Entries),
            });
        }
    }

    fn call(&mut self, call: CallNumber) {
        let parent = place(self.trace, self.kept.as_ref(), call).0;
        let above = parent.map_or(ROOT, |parent| self.frame(parent.0));
        let left = self.calls_of[call.index()];
        if left == 0 {
            let node = self.node(call, parent, SeqId(0));
            self.folded(above, call.0, node, Stretch::one(call.0));
            return;
        }
        let index = self.free.pop().unwrap_or_else(|| {
            self.frames.push(Frame::default());
            self.frames.len() - 1
        });
        let frame = &mut self.frames[index];
        frame.call = Some(call.0);
        frame.above = above;
        frame.left = left;
        frame.stretches = Stretch::one(call.0);
        self.frame_of.insert(call.0, index);
        self.newest = (call.0, index);
        self.frames[above].waiting.push_back(Waiting {
            call: call.0,
            folded: None,
        });
    }

    fn frame(&mut self, call: u32) -> usize {
        if self.newest.0 != call {
            let index = self.frame_of.get(&call).copied().unwrap_or(ROOT);
            self.newest = (call, index);
        }
        self.newest.1
    }

    fn node(&mut self, call: CallNumber, parent: Option<CallNumber>, body: SeqId) -> NodeId {
        let calls = self.trace.calls();
        let lane = |call| (calls.thread(call), calls.task(call));
        let end = self.end(call);
        let node = self.arena.node(Node {
            function: calls.function(call).0,
            end,
            moves: parent.is_some_and(|parent| lane(parent) != lane(call)),
            body,
        });
        let site = place(self.trace, self.kept.as_ref(), call).1;
        let key = CallKey::of(&self.arena, node, site);
        self.edges.add(self.trace, call, parent, key);
        node
    }

    fn end(&mut self, call: CallNumber) -> End {
        let calls = self.trace.calls();
        match calls.outcome(call) {
            Outcome::Returned => End::Returned,
            Outcome::Closed => End::Closed,
            Outcome::Unfinished => End::Unfinished,
            Outcome::Raised if !calls.has_failed(call) => End::Exit,
            Outcome::Raised => End::Failed(self.failure(calls.exception(call))),
        }
    }

    /// The number of an exception's type.
    fn failure(&mut self, key: Option<ValueKey>) -> u32 {
        let known = key.and_then(|key| self.failure_of.get(&key));
        if let Some(known) = known {
            return *known;
        }
        let text = key.map_or_else(String::new, |key| self.trace.exception_text(key));
        let name = text.split([':', '(']).next().unwrap_or_default();
        let next = self.failures.len() as u32;
        let number = *self.failures.entry(name.to_owned()).or_insert(next);
        if let Some(key) = key {
            self.failure_of.insert(key, number);
        }
        number
    }

    /// A call with all below it is folded. So may be its caller, then.
    fn folded(&mut self, above: usize, call: u32, node: NodeId, stretch: Stretch) {
        let (mut above, mut call, mut node, mut stretch) = (above, call, node, stretch);
        loop {
            let frame = &mut self.frames[above];
            if frame.waiting.is_empty() {
                self.feed(above, call, node, stretch);
            } else {
                frame.mark(call, node, stretch);
                self.drain(above);
            }
            let frame = &mut self.frames[above];
            frame.left -= 1;
            if frame.left > 0 {
                return;
            }
            let Some(own) = frame.call.take() else {
                return;
            };
            let number = CallNumber(own);
            let calls = self.trace.calls();
            let entries = calls.entries_after(number);
            if !entries.is_empty() {
                let loops = &self.trace.function_of(number).loops;
                frame.builder.enter(&mut self.arena, loops, entries);
            }
            let body = frame.builder.finish(&mut self.arena);
            stretch = std::mem::take(&mut frame.stretches);
            let next = frame.above;
            self.free.push(above);
            self.frame_of.remove(&own);
            let parent = place(self.trace, self.kept.as_ref(), number).0;
            node = self.node(number, parent, body);
            (above, call) = (next, own);
            self.newest = (u32::MAX, ROOT);
        }
    }

    /// Hands on the calls of a frame up to the first that is not folded.
    fn drain(&mut self, index: usize) {
        loop {
            let waiting = &mut self.frames[index].waiting;
            if waiting.front().is_none_or(|first| first.folded.is_none()) {
                return;
            }
            match waiting.pop_front() {
                Some(Waiting {
                    call,
                    folded: Some(Folding::Call(node, stretch)),
                }) => self.feed(index, call, node, stretch),
                Some(Waiting { call, .. }) => {
                    let call = CallNumber(call);
                    let calls = self.trace.calls();
                    if let Some(parent) = calls.parent(call) {
                        let loops = &self.trace.function_of(parent).loops;
                        let entries = calls.entries_before(call);
                        let builder = &mut self.frames[index].builder;
                        builder.enter(&mut self.arena, loops, entries);
                    }
                }
                None => return,
            }
        }
    }

    fn feed(&mut self, index: usize, call: u32, node: NodeId, stretch: Stretch) {
        let (calls, call) = (self.trace.calls(), CallNumber(call));
        let frame = &mut self.frames[index];
        frame.stretches.append(stretch);
        let site = place(self.trace, self.kept.as_ref(), call).1;
        let function = calls.function(call).0;
        let elem = Elem::Call { site, node };
        let (arena, builder) = (&mut self.arena, &mut frame.builder);
        let Some(own) = frame.call else {
            let site = NO_SITE;
            let elem = Elem::Call { site, node };
            let kind = (function, lane_kind(self.trace, call));
            let next = self.root_kinds.len() as u32;
            let kind = *self.root_kinds.entry(kind).or_insert(next);
            builder.call(arena, &self.no_loops, site, kind, elem);
            return;
        };
        let loops = &self.trace.function_of(CallNumber(own)).loops;
        let entries = calls.entries_before(call);
        if !entries.is_empty() && calls.parent(call) == Some(CallNumber(own)) {
            builder.enter(arena, loops, entries);
        }
        builder.call(arena, loops, site, function, elem);
    }

    fn finish(mut self) -> Folded {
        let root = &mut self.frames[ROOT];
        let roots = root.builder.finish(&mut self.arena);
        let order = Order::new(std::mem::take(&mut root.stretches));
        self.arena.finish();
        let mut failures = vec![String::new(); self.failures.len()];
        for (name, number) in self.failures {
            failures[number as usize] = name;
        }
        Folded {
            arena: self.arena,
            roots,
            failures,
            order,
            edges: self.edges,
        }
    }
}
