//! One of two runs that are compared: what each call did, as numbers that are
//! equal where both did the same.

use std::hash::Hasher;

use execmap_query::{CallNumber, Outcome, TaskNumber, ThreadNumber, Trace, ValueKey};
use rustc_hash::FxHashMap;

use super::volatile::{Volatile, is_named, is_number, masked};
use crate::arena::{EMPTY, Elem, NodeId, Repeat, RepeatId, RepeatKind, SeqId};
use crate::structure::{Builder, Store};

/// What something did, in 128 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Mark(u64, u64);

fn multiply(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    product as u64 ^ (product >> 64) as u64
}

impl Mark {
    pub(crate) const fn of(one: u64, other: u64) -> Mark {
        Mark(one, other)
    }

    fn word(self, word: u64) -> Mark {
        Mark(
            multiply(self.0 ^ word ^ 0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db),
            multiply(
                self.1.rotate_left(29) ^ word ^ 0x8ebc_6af0_9c88_c6e3,
                0x5899_65cc_7537_4cc3,
            ),
        )
    }

    /// What this did, then the other.
    pub(crate) fn then(self, other: Mark) -> Mark {
        self.word(other.0).word(other.1)
    }

    /// What both did, in whatever order.
    fn beside(self, other: Mark) -> Mark {
        let other = other.word(1);
        Mark(self.0.wrapping_add(other.0), self.1.wrapping_add(other.1))
    }
}

/// A thread or task.
pub(crate) type Lane = (ThreadNumber, Option<TaskNumber>);

/// Calls one after the other on a thread or task of their own.
#[derive(Debug)]
pub(crate) struct Strand {
    pub(crate) lane: Lane,
    pub(crate) calls: Vec<u32>,
    pub(crate) mark: Mark,
}

/// Something in the body of a call.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Call(u32),
    Loop(Box<Rounds>),
}

/// The iterations of a loop in which something was called.
#[derive(Clone, Debug)]
pub(crate) struct Rounds {
    /// Offset of the loop's header.
    pub(crate) header: u32,
    /// All iterations, those without calls included.
    pub(crate) total: u64,
    /// Whether iterations were counted, not only inferred.
    pub(crate) is_exact: bool,
    /// Which iteration, from 1, and what it called.
    pub(crate) list: Vec<(u64, Vec<Item>)>,
}

/// One of two runs.
pub(crate) struct Side<'t> {
    pub(crate) trace: &'t Trace,
    /// Common numbers of functions.
    numbers: &'t [u32],
    has_values: bool,
    ignored: &'t [Volatile],
    tokens: FxHashMap<ValueKey, u64>,
    /// What each call and all below it did; behind the last what the run did.
    all: Vec<Mark>,
    /// Function and arguments of each call.
    heads: Vec<u64>,
    /// Whether the recording ended before the program did.
    pub(crate) is_cut: bool,
    /// Whether the first calls were dropped.
    pub(crate) is_late: bool,
}

/// What happened on other threads and tasks than their caller's, by the row of the caller.
#[derive(Default)]
struct Beside {
    /// Strands whose beginning was not met yet.
    open: FxHashMap<(usize, Lane), Mark>,
    lanes: FxHashMap<usize, Vec<Lane>>,
    sums: FxHashMap<usize, Mark>,
}

impl Beside {
    fn add(&mut self, caller: usize, lane: Lane, mark: Mark) {
        let strand = self.open.entry((caller, lane)).or_insert_with(|| {
            self.lanes.entry(caller).or_default().push(lane);
            Mark::default()
        });
        *strand = strand.then(mark);
    }

    /// A strand began here.
    fn end(&mut self, caller: usize, lane: Lane) {
        if let Some(mark) = self.open.remove(&(caller, lane)) {
            let sum = self.sums.entry(caller).or_default();
            *sum = sum.beside(mark);
        }
    }

    fn take(&mut self, caller: usize) -> Option<Mark> {
        if self.lanes.is_empty() {
            return None;
        }
        for lane in self.lanes.remove(&caller)? {
            self.end(caller, lane);
        }
        self.sums.remove(&caller)
    }
}

/// Stands for arguments that were not recorded.
const UNKNOWN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Whether the first calls of a run were dropped.
pub(super) fn is_late(trace: &Trace) -> bool {
    let mut left_out = trace.run().left_out.iter();
    left_out.any(|left| left.reason == DROPPED)
}

/// The reason that says so.
const DROPPED: &str = "calls dropped at the beginning";

const MAIN: Lane = (ThreadNumber(0), None);

impl<'t> Side<'t> {
    pub(crate) fn new(
        trace: &'t Trace,
        numbers: &'t [u32],
        has_values: bool,
        ignored: &'t [Volatile],
    ) -> Self {
        let rows = trace.calls().rows();
        let mut side = Side {
            trace,
            numbers,
            has_values,
            ignored,
            tokens: FxHashMap::default(),
            all: vec![Mark::default(); rows + 1],
            heads: vec![0; rows],
            is_cut: trace.run().state() != execmap_query::State::Whole,
            is_late: is_late(trace),
        };
        side.mark();
        side
    }

    /// What the run did.
    pub(crate) fn whole(&self) -> Mark {
        self.all.last().copied().unwrap_or_default()
    }

    /// Whether the run ends in the middle of a call.
    pub(crate) fn is_open(&self, call: Option<CallNumber>) -> bool {
        self.is_cut
            && call.is_none_or(|call| self.trace.calls().outcome(call) == Outcome::Unfinished)
    }

    /// The common number of a call's function.
    pub(crate) fn function(&self, call: u32) -> u32 {
        self.numbers[self.trace.calls().function(CallNumber(call)).index()]
    }

    /// What a call and all below it did.
    pub(crate) fn of(&self, call: u32) -> Mark {
        self.all[call as usize]
    }

    /// A call's function and arguments.
    pub(crate) fn head(&self, call: u32) -> u64 {
        self.heads[call as usize]
    }

    pub(crate) fn lane(&self, call: u32) -> Lane {
        let calls = self.trace.calls();
        (calls.thread(CallNumber(call)), calls.task(CallNumber(call)))
    }

    fn lane_of_caller(&self, caller: Option<CallNumber>) -> Lane {
        caller.map_or(MAIN, |caller| self.lane(caller.0))
    }

    /// The text of a value without what is ignored.
    pub(crate) fn text(&self, key: ValueKey, name: &str) -> String {
        let text = self.trace.value_text(key);
        masked(&text, name, self.ignored).into_owned()
    }

    pub(crate) fn exception(&self, key: ValueKey) -> String {
        let text = self.trace.exception_text(key);
        masked(&text, "", self.ignored).into_owned()
    }

    fn token(&mut self, key: ValueKey) -> u64 {
        if self.ignored.is_empty()
            && let Some(number) = self.trace.whole_number(key)
        {
            return number as u64;
        }
        if let Some(known) = self.tokens.get(&key) {
            return *known;
        }
        let token = hash(&self.text(key, ""));
        self.tokens.insert(key, token);
        token
    }

    /// A value that goes by a name: what the name says of it is ignored too.
    fn named_token(&mut self, key: ValueKey, name: &str) -> u64 {
        if is_named(name, self.ignored) && is_number(&self.trace.value_text(key)) {
            return 0;
        }
        self.token(key)
    }

    /// Later calls first: all calls below a call are known before it is.
    fn mark(&mut self) {
        let trace = self.trace;
        let calls = trace.calls();
        let root = calls.rows();
        let signatures: Vec<u64> = trace
            .functions()
            .iter()
            .map(|function| hash(&function.args.join(",")))
            .collect();
        let mut beside = Beside::default();
        for call in calls.iter().rev() {
            let row = call.index();
            if let Some(sum) = beside.take(row) {
                self.all[row] = self.all[row].word(2).then(sum);
            }
            let number = calls.function(call);
            let function = &trace.functions()[number.index()];
            let mut own = Mark::default()
                .word(u64::from(self.numbers[number.index()]))
                .word(signatures[number.index()]);
            if self.has_values {
                match calls.args(call, function.args.len()) {
                    Some(keys) => {
                        for (key, name) in keys.zip(&function.args) {
                            let token = self.named_token(key, name);
                            own = own.word(token);
                        }
                    }
                    None => own = own.word(UNKNOWN),
                }
            }
            self.heads[row] = own.0;
            own = own.word(calls.outcome(call) as u64);
            if let Some(key) = calls.result(call).filter(|_| self.has_values) {
                own = own.word(self.named_token(key, &function.name));
            }
            if let Some(key) = calls.exception(call) {
                own = own.word(hash(&self.exception(key)));
            }
            own = own.then(self.all[row]);
            self.all[row] = own;
            let caller = calls.parent(call);
            let above = caller.map_or(root, CallNumber::index);
            let lane = self.lane(call.0);
            if lane == self.lane_of_caller(caller) {
                self.all[above] = self.all[above].then(own);
                continue;
            }
            beside.add(above, lane, own);
            if calls.created_by(call).is_some() {
                beside.end(above, lane);
            }
        }
        if let Some(sum) = beside.take(root) {
            self.all[root] = self.all[root].word(2).then(sum);
        }
    }

    /// What a call did, or the run: its calls and loops in order, and beside them those on threads
    /// and tasks of their own.
    pub(crate) fn body(&self, caller: Option<CallNumber>) -> (Vec<Item>, Vec<Strand>) {
        let calls = self.trace.calls();
        let own = self.lane_of_caller(caller);
        let children = self.trace.children().of(caller);
        let (mut items, mut strands) = (Vec::new(), Vec::<Strand>::new());
        let mut open: FxHashMap<Lane, usize> = FxHashMap::default();
        let loops = caller.map(|caller| &self.trace.function_of(caller).loops);
        let mut writer = loops
            .filter(|loops| !loops.list().is_empty() && is_shallow(loops))
            .map(|loops| (loops, Builder::default(), Plain::default()));
        for &child in children {
            if let Some((loops, builder, store)) = &mut writer {
                let entries = calls.entries_before(CallNumber(child));
                if !entries.is_empty() {
                    builder.enter(store, loops, entries);
                }
            }
            let lane = self.lane(child);
            if lane != own {
                let is_new = calls.created_by(CallNumber(child)).is_some();
                if let Some(at) = open.get(&lane).filter(|_| !is_new) {
                    strands[*at].calls.push(child);
                } else {
                    open.insert(lane, strands.len());
                    strands.push(Strand {
                        lane,
                        calls: vec![child],
                        mark: Mark::default(),
                    });
                }
                continue;
            }
            let Some((loops, builder, store)) = &mut writer else {
                items.push(Item::Call(child));
                continue;
            };
            let site = calls.site(CallNumber(child)).unwrap_or(crate::NO_SITE);
            let function = calls.function(CallNumber(child)).0;
            let node = NodeId(child);
            builder.call(store, loops, site, function, Elem::Call { site, node });
        }
        if let Some((loops, mut builder, mut store)) = writer {
            if let Some(caller) = caller {
                builder.enter(&mut store, loops, calls.entries_after(caller));
            }
            let seq = builder.finish(&mut store);
            store.items(seq, &mut items);
        }
        for strand in &mut strands {
            let marks = strand.calls.iter().map(|call| self.of(*call));
            strand.mark = marks.fold(Mark::default(), Mark::then);
        }
        (items, strands)
    }

    /// What some items did.
    pub(crate) fn items(&self, items: &[Item]) -> Mark {
        fold(items, &mut |mark, call| mark.then(self.of(call)))
    }

    /// Functions and arguments of some items.
    pub(crate) fn item_heads(&self, items: &[Item]) -> Mark {
        fold(items, &mut |mark, call| mark.word(self.head(call)))
    }

    /// Functions of some items.
    pub(crate) fn item_functions(&self, items: &[Item]) -> Mark {
        fold(items, &mut |mark, call| {
            mark.word(u64::from(self.function(call)))
        })
    }
}

/// One mark of all calls among items.
fn fold(items: &[Item], add: &mut dyn FnMut(Mark, u32) -> Mark) -> Mark {
    let mut mark = Mark::default();
    direct(items, &mut |call| mark = add(mark, call));
    mark
}

/// The calls among items, those in loops included.
pub(crate) fn direct(items: &[Item], take: &mut dyn FnMut(u32)) {
    for item in items {
        match item {
            Item::Call(call) => take(*call),
            Item::Loop(rounds) => {
                for (_, items) in &rounds.list {
                    direct(items, take);
                }
            }
        }
    }
}

fn hash(text: &str) -> u64 {
    // `SipHash` with a fixed key: the same in each run, and no chance hit among millions of texts.
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}

/// Python nests 20 blocks at most; whatever claims more is taken as calls in a row.
const DEEPEST: usize = 32;

fn is_shallow(loops: &execmap_query::Loops) -> bool {
    let list = loops.list();
    list.len() <= DEEPEST
        || list
            .iter()
            .all(|known| loops.around(known.header).count() <= DEEPEST)
}

/// Sequences and repetitions, each kept as it comes.
struct Plain {
    ends: Vec<usize>,
    elems: Vec<Elem>,
    repeats: Vec<Repeat>,
}

impl Default for Plain {
    fn default() -> Self {
        Plain {
            ends: vec![0],
            elems: Vec::new(),
            repeats: Vec::new(),
        }
    }
}

impl Store for Plain {
    fn seq(&mut self, parts: &[Elem]) -> SeqId {
        if parts.is_empty() {
            return EMPTY;
        }
        self.elems.extend_from_slice(parts);
        self.ends.push(self.elems.len());
        SeqId(self.ends.len() as u32 - 1)
    }

    fn repeat(&mut self, repeat: Repeat) -> RepeatId {
        self.repeats.push(repeat);
        RepeatId(self.repeats.len() as u32 - 1)
    }
}

impl Plain {
    /// Calls from one place without a loop are calls in a row.
    fn items(&self, seq: SeqId, items: &mut Vec<Item>) {
        let seq = seq.0 as usize;
        let Some(before) = seq.checked_sub(1) else {
            return;
        };
        for elem in &self.elems[self.ends[before]..self.ends[seq]] {
            let repeat = match elem {
                Elem::Call { node, .. } => {
                    items.push(Item::Call(node.0));
                    continue;
                }
                Elem::Repeat(id) => &self.repeats[id.0 as usize],
            };
            let mut list = Vec::new();
            let mut iteration = 1;
            for &(seq, times) in &repeat.runs {
                if seq != EMPTY {
                    let mut inner = Vec::new();
                    self.items(seq, &mut inner);
                    list.push((iteration, inner));
                }
                iteration += u64::from(times);
            }
            match repeat.kind {
                RepeatKind::Site(_) => items.extend(list.into_iter().flat_map(|round| round.1)),
                RepeatKind::Loop(header) => items.push(Item::Loop(Box::new(Rounds {
                    header,
                    total: iteration - 1,
                    is_exact: repeat.is_exact,
                    list,
                }))),
            }
        }
    }
}
