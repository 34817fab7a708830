//! What of a folded tree is opened, so that it fits a number of messages.
//!
//! Calls are opened one after the other, those first with a failure below them,
//! then the outer ones, then those with most calls below. Where the calls of one
//! are too many, those are shown that fail, that go to another participant, and
//! that have most below them. What is not shown is counted where it is missing.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use execmap_query::{CallNumber, FunctionKind, Trace};

use crate::arena::{End, NodeId, RepeatId, RepeatKind};
use crate::fold::Folded;
use crate::merge::{CallKey, Choice, Part, Times, iterations, merge};
use crate::recursion::{Cycles, Outside, closure};

/// The position of an item in its plan.
pub(crate) type ItemId = usize;

/// A call, or a block of calls.
#[derive(Debug)]
pub(crate) enum Item {
    Call(Box<CallItem>),
    /// A repetition: iterations, and how often it was gone through.
    Repeat {
        kind: RepeatKind,
        times: u64,
        rounds: u64,
        /// Fewest and most iterations of one round.
        range: (u64, u64),
        is_exact: bool,
        /// Whether every iteration is another, one after the other.
        is_sequence: bool,
        /// The repetition, where there is one only.
        only: Option<RepeatId>,
        /// The position of its first call.
        first: u64,
        parts: Vec<ItemId>,
    },
    /// What happened in some of `total` sequences only.
    Alternatives {
        options: Vec<(u64, Vec<ItemId>)>,
        none: u64,
        total: u64,
    },
}

/// Calls at one place.
#[derive(Debug)]
pub(crate) struct CallItem {
    pub(crate) key: CallKey,
    /// The function that calls it.
    pub(crate) caller: Option<u32>,
    pub(crate) nodes: Vec<Times<NodeId>>,
    pub(crate) count: u64,
    /// Calls below all of them.
    pub(crate) inside: u64,
    /// How many shown calls are above it.
    pub(crate) level: u32,
    /// Whether it has a message of its own.
    pub(crate) is_shown: bool,
    /// Whether it is the body of an imported module or of a class, with others beside it.
    pub(crate) is_quiet: bool,
    pub(crate) state: State,
    /// Functions of the recursions that it stands in.
    frames: usize,
    /// Whether it belongs to a recursion that is shown whole.
    is_first: bool,
}

/// What is shown inside a call.
#[derive(Debug)]
pub(crate) enum State {
    /// Nothing of what is there, if something is; [`Plan::look_inside`] may have found out what.
    Closed(Option<Inside>),
    /// It goes on where its recursion is drawn.
    Again,
    Open(Inside),
}

/// What is inside a call.
#[derive(Debug)]
pub(crate) struct Inside {
    pub(crate) parts: Vec<ItemId>,
    /// Where it is drawn as a recursion: calls of the function, and how deep.
    pub(crate) recursion: Option<(u64, u32)>,
}

/// How much is opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub(crate) messages: usize,
    pub(crate) depth: Option<u32>,
}

/// A choice of what is shown.
pub(crate) struct Plan<'t> {
    trace: &'t Trace,
    folded: &'t Folded,
    pub(crate) items: Vec<Item>,
    pub(crate) roots: Vec<ItemId>,
    room: usize,
    depth: Option<u32>,
    cycles: Cycles,
    /// Functions of nested recursions: the first stands for none.
    frames: Vec<(Vec<u32>, Outside)>,
    waiting: BinaryHeap<Reverse<(i64, ItemId)>>,
}

/// What a plan begins with.
pub(crate) enum Begin<'b> {
    /// All outermost calls.
    Roots,
    /// One call.
    Call(CallNumber),
    /// All calls of some functions that are in no other such call.
    Functions(&'b dyn Fn(u32) -> bool),
}

/// Fewer bodies in a row than this have messages of their own.
const LEAST_BODIES: usize = 3;

/// A call in part gets at least so many messages, if there are.
const LEAST_PART: usize = 12;

impl<'t> Plan<'t> {
    pub(crate) fn new(
        trace: &'t Trace,
        folded: &'t Folded,
        begin: &Begin<'_>,
        budget: Budget,
    ) -> Self {
        let mut plan = Plan {
            trace,
            folded,
            items: Vec::new(),
            roots: Vec::new(),
            room: budget.messages,
            depth: budget.depth,
            cycles: Cycles::of(folded),
            frames: vec![(Vec::new(), Outside::default())],
            waiting: BinaryHeap::new(),
        };
        let parts = plan.first_parts(begin);
        let at = At {
            caller: None,
            level: 0,
            frame: 0,
            is_first: false,
        };
        plan.roots = plan.place(parts, 1, at);
        let roots = plan.roots.clone();
        plan.show(&roots);
        plan.open_all();
        plan
    }

    fn first_parts(&self, begin: &Begin<'_>) -> Vec<Part> {
        let arena = &self.folded.arena;
        match begin {
            Begin::Roots => merge(
                arena,
                vec![Times {
                    what: self.folded.roots,
                    count: 1,
                    first: 0,
                }],
            ),
            Begin::Call(call) => {
                let found = self.folded.find(*call);
                let part = |(node, site, first)| {
                    let key = CallKey::of(arena, node, site);
                    let times = Times {
                        what: node,
                        count: 1,
                        first,
                    };
                    Part::Call(key, vec![times])
                };
                found.map(part).into_iter().collect()
            }
            Begin::Functions(is_it) => self.folded.outermost(is_it),
        }
    }

    fn open_all(&mut self) {
        loop {
            while let Some(Reverse((_, item))) = self.waiting.pop() {
                self.open(item);
            }
            if !self.show_more() {
                return;
            }
        }
    }

    /// Shows hidden calls while there is room.
    fn show_more(&mut self) -> bool {
        let mut hidden: Vec<(i64, ItemId)> = Vec::new();
        for (id, item) in self.items.iter().enumerate() {
            if let Item::Call(call) = item
                && !call.is_shown
                && !call.is_quiet
                && self.is_reachable(call)
            {
                hidden.push((self.score(id), id));
            }
        }
        hidden.sort_unstable();
        let mut has_shown = false;
        for (_, id) in hidden {
            let cost = self.cost(id);
            if cost > self.room {
                break;
            }
            self.show_one(id);
            has_shown = true;
        }
        has_shown
    }

    /// Items are only made for calls whose caller is shown.
    fn is_reachable(&self, call: &CallItem) -> bool {
        self.depth.is_none_or(|depth| call.level < depth)
    }

    /// Which calls come first: the lowest.
    fn score(&self, id: ItemId) -> i64 {
        let Item::Call(call) = &self.items[id] else {
            return 0;
        };
        let size = i64::from((call.inside + 1).ilog2());
        let failing =
            i64::from(call.key.is_failing) + i64::from(matches!(call.key.end, End::Failed(_)));
        let first = i64::from(call.is_first);
        3 * i64::from(call.level) - size - 3 * failing - 100 * first
    }

    fn cost(&self, id: ItemId) -> usize {
        match &self.items[id] {
            Item::Call(call) if call.key.end == End::Unfinished => 1,
            Item::Call(_) => 2,
            _ => 0,
        }
    }

    fn show_one(&mut self, id: ItemId) {
        self.room -= self.cost(id);
        let score = self.score(id);
        if let Item::Call(call) = &mut self.items[id] {
            call.is_shown = true;
            let is_deeper = self.depth.is_none_or(|depth| call.level + 1 < depth);
            if call.inside > 0
                && is_deeper
                && !call.is_quiet
                && matches!(call.state, State::Closed(_))
            {
                self.waiting.push(Reverse((score, id)));
            }
        }
    }

    /// The calls among parts, those in blocks included.
    pub(crate) fn direct(&self, parts: &[ItemId]) -> Vec<ItemId> {
        let mut direct = Vec::new();
        let mut todo: Vec<ItemId> = parts.iter().rev().copied().collect();
        while let Some(id) = todo.pop() {
            match &self.items[id] {
                Item::Call(_) => direct.push(id),
                Item::Repeat { parts, .. } => todo.extend(parts.iter().rev()),
                Item::Alternatives { options, .. } => {
                    let all = options.iter().rev();
                    todo.extend(all.flat_map(|(_, parts)| parts.iter().rev()));
                }
            }
        }
        direct
    }

    /// Shows the calls of a call, or those that matter most.
    fn show(&mut self, parts: &[ItemId]) {
        let mut direct = self.direct(parts);
        direct.retain(|id| !matches!(&self.items[*id], Item::Call(call) if call.is_quiet));
        let needed: usize = direct.iter().map(|id| self.cost(*id)).sum();
        let is_alone = self.waiting.is_empty();
        let most = if is_alone && needed <= self.room {
            self.room
        } else {
            (self.room / 2).max(LEAST_PART).min(self.room)
        };
        if needed > most {
            direct.sort_by_key(|id| self.rank(*id));
        }
        let mut left = most;
        for id in direct {
            let cost = self.cost(id);
            if cost > left {
                break;
            }
            left -= cost;
            self.show_one(id);
        }
    }

    /// Which calls of one caller come first: the lowest.
    fn rank(&self, id: ItemId) -> (bool, bool, Reverse<u64>, Reverse<u64>, ItemId) {
        let Item::Call(call) = &self.items[id] else {
            return (true, true, Reverse(0), Reverse(0), id);
        };
        let participant = |function: u32| self.trace.functions()[function as usize].participant();
        let stays = call
            .caller
            .is_some_and(|caller| participant(caller) == participant(call.key.function));
        (
            !call.key.is_failing,
            stays && call.inside == 0,
            Reverse(call.inside),
            Reverse(call.count),
            id,
        )
    }

    fn open(&mut self, id: ItemId) {
        if self.room == 0 {
            return;
        }
        let before = self.items.len();
        let Some(inside) = self.inside(id, self.room) else {
            return;
        };
        let direct = self.direct(&inside.parts);
        let has_room = direct.iter().any(|id| self.cost(*id) <= self.room);
        let is_quiet = |id: &ItemId| matches!(&self.items[*id], Item::Call(call) if call.is_quiet);
        if !has_room && !direct.iter().all(is_quiet) {
            self.items.truncate(before);
            return;
        }
        self.show(&inside.parts);
        if let Item::Call(call) = &mut self.items[id] {
            call.state = State::Open(inside);
        }
    }

    /// Finds out what is inside calls that are closed, outer ones first, until there are so many
    /// items.
    pub(crate) fn look_inside(&mut self, most: usize) {
        let mut seen = 0;
        let mut waiting = BinaryHeap::new();
        while self.items.len() < most {
            for (id, item) in self.items.iter().enumerate().skip(seen) {
                if let Item::Call(call) = item
                    && call.inside > 0
                    && matches!(call.state, State::Closed(None))
                {
                    waiting.push(Reverse((call.is_quiet, self.score(id), id)));
                }
            }
            seen = self.items.len();
            let Some(Reverse((.., id))) = waiting.pop() else {
                return;
            };
            let found = self.inside(id, crate::MESSAGES);
            if let Item::Call(call) = &mut self.items[id] {
                call.state = State::Closed(found);
            }
        }
    }

    /// What is inside a call; a recursion that fits the room is no block of its own.
    fn inside(&mut self, id: ItemId, room: usize) -> Option<Inside> {
        let Item::Call(call) = &self.items[id] else {
            return None;
        };
        let (function, nodes, count) = (call.key.function, call.nodes.clone(), call.count);
        let (mut frame, mut is_first) = (call.frames, call.is_first);
        let (level, inside) = (call.level, call.inside);
        let arena = &self.folded.arena;
        let mut bodies = nodes.clone();
        let mut recursion = None;
        if !is_first && self.cycles.has(function) {
            let frames = &self.frames[frame].0;
            let all = closure(arena, &nodes, frames, &|other| other == function);
            let is_one = all.count() > count && (all.depth > 2 || self.cycles.is_direct(function));
            if is_one && count == 1 && 2 * inside <= room as u64 {
                is_first = true;
            } else if is_one {
                recursion = Some((all.count(), all.depth));
                bodies = all.calls;
                let mut frames = frames.clone();
                frames.push(function);
                self.frames.push((frames.clone(), Outside::of(&frames)));
                frame = self.frames.len() - 1;
            }
        }
        let total = bodies.iter().map(|times| times.count).sum();
        let sequences = bodies.iter().map(|times| Times {
            what: arena.node_of(times.what).body,
            count: times.count,
            first: times.first + 1,
        });
        let parts = merge(arena, sequences.collect());
        let at = At {
            caller: Some(function),
            level: level + 1,
            frame,
            is_first,
        };
        let parts = self.place(parts, total, at);
        Some(Inside { parts, recursion })
    }

    /// Makes items of parts that stand in `total` sequences.
    fn place(&mut self, parts: Vec<Part>, total: u64, at: At) -> Vec<ItemId> {
        let mut ids = Vec::new();
        for part in parts {
            let part = match self.unwrap(part) {
                Ok((parts, rounds)) => {
                    ids.extend(self.place(parts, rounds, at));
                    continue;
                }
                Err(part) => part,
            };
            let item = match part {
                Part::Call(key, nodes) => self.call(key, nodes, at),
                Part::Repeat(kind, repeats) => {
                    let rounds = repeats.iter().map(|times| times.count).sum();
                    let arena = &self.folded.arena;
                    let lengths = repeats
                        .iter()
                        .map(|times| arena.repeat_of(times.what).iterations());
                    let range = lengths.fold((u64::MAX, 0), |(least, most), length| {
                        (least.min(length), most.max(length))
                    });
                    let only = match repeats[..] {
                        [one] if one.count == 1 => Some(one.what),
                        _ => None,
                    };
                    let first = repeats.iter().map(|times| times.first).min();
                    let is_exact = repeats
                        .iter()
                        .all(|times| arena.repeat_of(times.what).is_exact);
                    let all = iterations(arena, &repeats);
                    let times = all.iter().map(|times| times.count).sum();
                    let mut parts = merge(arena, all);
                    let is_sequence = rounds == 1 && times > 1 && in_sequence(&mut parts);
                    let parts = self.place(parts, times, at);
                    Item::Repeat {
                        kind,
                        times,
                        rounds,
                        range,
                        is_exact,
                        is_sequence,
                        only,
                        first: first.unwrap_or(0),
                        parts,
                    }
                }
                Part::Alternatives { options, none } => {
                    let mut placed = Vec::new();
                    for Choice { count, parts } in options {
                        placed.push((count, self.place(parts, count, at)));
                    }
                    Item::Alternatives {
                        options: placed,
                        none,
                        total,
                    }
                }
            };
            self.items.push(item);
            ids.push(self.items.len() - 1);
        }
        self.quieten(&ids);
        ids
    }

    /// What is gone through once each time is no repetition. Gives its parts, and in how many rounds
    /// they stand.
    fn unwrap(&self, part: Part) -> Result<(Vec<Part>, u64), Part> {
        let arena = &self.folded.arena;
        let Part::Repeat(_, repeats) = &part else {
            return Err(part);
        };
        if repeats
            .iter()
            .any(|times| arena.repeat_of(times.what).iterations() > 1)
        {
            return Err(part);
        }
        let rounds = repeats.iter().map(|times| times.count).sum();
        Ok((merge(arena, iterations(arena, repeats)), rounds))
    }

    fn call(&mut self, key: CallKey, nodes: Vec<Times<NodeId>>, at: At) -> Item {
        let arena = &self.folded.arena;
        let (frames, outside) = &mut self.frames[at.frame];
        let is_again = frames.contains(&key.function);
        let count = nodes.iter().map(|times| times.count).sum();
        let inside = if is_again {
            0
        } else {
            let below = nodes
                .iter()
                .map(|times| times.count * outside.below(arena, times.what));
            below.sum()
        };
        Item::Call(Box::new(CallItem {
            key,
            caller: at.caller,
            nodes,
            count,
            inside,
            level: at.level,
            is_shown: false,
            is_quiet: false,
            state: if is_again {
                State::Again
            } else {
                State::Closed(None)
            },
            frames: at.frame,
            is_first: at.is_first,
        }))
    }

    /// Bodies of modules and classes, several in a row, have no messages.
    fn quieten(&mut self, ids: &[ItemId]) {
        let mut start = 0;
        while start < ids.len() {
            let kind = self.body_kind(ids[start]);
            let end = ids[start..]
                .iter()
                .position(|id| kind.is_none() || self.body_kind(*id) != kind)
                .map_or(ids.len(), |length| start + length);
            if kind.is_some() && end - start >= LEAST_BODIES {
                for id in &ids[start..end] {
                    if let Item::Call(call) = &mut self.items[*id] {
                        call.is_quiet = true;
                    }
                }
            }
            start = end.max(start + 1);
        }
    }

    fn body_kind(&self, id: ItemId) -> Option<FunctionKind> {
        let Item::Call(call) = &self.items[id] else {
            return None;
        };
        let first = call.nodes.first()?.first;
        let is_quiet = self.trace.is_quiet_body(self.folded.call_at(first));
        is_quiet.then(|| self.trace.functions()[call.key.function as usize].kind)
    }
}

/// Where parts stand.
#[derive(Clone, Copy)]
struct At {
    caller: Option<u32>,
    level: u32,
    frame: usize,
    is_first: bool,
}

/// Whether iterations that were each gone through once stand one after the other; they are parts
/// then.
fn in_sequence(parts: &mut Vec<Part>) -> bool {
    let is_sequence = parts.len() == 1
        && matches!(&parts[0], Part::Alternatives { options, none: 0 }
            if options.len() > 2 && options.iter().all(|option| option.count == 1));
    if is_sequence && let Some(Part::Alternatives { options, .. }) = parts.pop() {
        let all = options.into_iter().flat_map(|option| option.parts);
        parts.extend(all);
    }
    is_sequence
}

impl Folded {
    /// Calls of functions that are in no other such call, as parts.
    fn outermost(&self, is_it: &dyn Fn(u32) -> bool) -> Vec<Part> {
        let mut parts: Vec<(CallKey, Vec<Times<NodeId>>)> = Vec::new();
        for times in self.outermost_calls(is_it) {
            let key = CallKey::of(&self.arena, times.what, crate::arena::NO_SITE);
            match parts.iter_mut().find(|part| part.0 == key) {
                Some(part) => part.1.push(times),
                None => parts.push((key, vec![times])),
            }
        }
        parts
            .into_iter()
            .map(|(key, nodes)| Part::Call(key, nodes))
            .collect()
    }
}
