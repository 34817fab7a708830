//! Functions that come back to themselves.
//!
//! A recursion is drawn as one frame: its function's body, merged over all its
//! calls. Calls of the function inside are drawn as calls into the frame.

use std::collections::BTreeMap;

use execmap_query::CallNumber;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::arena::{Arena, Elem, NodeId, SeqId};
use crate::fold::Folded;
use crate::merge::Times;

/// All calls of a function in some part of the tree.
pub(crate) struct Closure {
    pub(crate) calls: Vec<Times<NodeId>>,
    /// How many of them stand above each other at most, itself included.
    pub(crate) depth: u32,
}

impl Closure {
    pub(crate) fn count(&self) -> u64 {
        self.calls.iter().map(|times| times.count).sum()
    }
}

/// What was found on the way down to a call.
#[derive(Clone, Copy, Default)]
struct Found {
    count: u64,
    first: u64,
    depth: u32,
}

/// All calls for which `is_it` holds, among these and below them. Calls of the functions in `frames`
/// are not looked into.
pub(crate) fn closure(
    arena: &Arena,
    from: &[Times<NodeId>],
    frames: &[u32],
    is_it: &dyn Fn(u32) -> bool,
) -> Closure {
    let mut todo: BTreeMap<NodeId, Found> = BTreeMap::new();
    for times in from {
        add(
            &mut todo,
            times.what,
            Found {
                count: times.count,
                first: times.first,
                depth: 0,
            },
        );
    }
    let mut closure = Closure {
        calls: Vec::new(),
        depth: 0,
    };
    while let Some((id, mut found)) = todo.pop_last() {
        let node = arena.node_of(id);
        if is_it(node.function) {
            found.depth += 1;
            closure.depth = closure.depth.max(found.depth);
            closure.calls.push(Times {
                what: id,
                count: found.count,
                first: found.first,
            });
        } else if frames.contains(&node.function) {
            continue;
        }
        found.first += 1;
        descend(arena, node.body, found, &mut todo);
    }
    closure.calls.sort_by_key(|times| times.first);
    closure
}

fn add(todo: &mut BTreeMap<NodeId, Found>, id: NodeId, found: Found) {
    let known = todo.entry(id).or_insert(Found {
        first: u64::MAX,
        ..Found::default()
    });
    known.count += found.count;
    known.first = known.first.min(found.first);
    known.depth = known.depth.max(found.depth);
}

/// Adds the calls of a sequence, those in its repetitions included.
fn descend(arena: &Arena, seq: SeqId, found: Found, todo: &mut BTreeMap<NodeId, Found>) {
    let mut sequences = vec![(seq, found)];
    while let Some((seq, mut found)) = sequences.pop() {
        for &part in arena.parts(seq) {
            match part {
                Elem::Call { node, .. } => add(todo, node, found),
                Elem::Repeat(id) => {
                    let mut inner = found;
                    for &(seq, run) in &arena.repeat_of(id).runs {
                        inner.count = found.count * u64::from(run);
                        sequences.push((seq, inner));
                        inner.first += arena.seq_totals(seq).calls * u64::from(run);
                    }
                }
            }
            found.first += arena.totals_of(part).calls;
        }
    }
}

/// Calls in a subtree, those below calls of some functions left aside.
#[derive(Debug, Default)]
pub(crate) struct Outside {
    frames: Vec<u32>,
    known: FxHashMap<NodeId, u64>,
}

impl Outside {
    pub(crate) fn of(frames: &[u32]) -> Self {
        Outside {
            frames: frames.to_vec(),
            known: FxHashMap::default(),
        }
    }

    /// Calls below a call, each call of a frame's function counted, but not what is below it.
    pub(crate) fn below(&mut self, arena: &Arena, id: NodeId) -> u64 {
        if self.frames.is_empty() {
            return arena.totals(id).calls - 1;
        }
        let mut todo = vec![id];
        while let Some(&next) = todo.last() {
            if self.known.contains_key(&next) {
                todo.pop();
                continue;
            }
            let mut sum = 0;
            let mut missing = Vec::new();
            let mut sequences = vec![(arena.node_of(next).body, 1u64)];
            while let Some((seq, times)) = sequences.pop() {
                for &part in arena.parts(seq) {
                    match part {
                        Elem::Repeat(repeat) => {
                            for &(seq, run) in &arena.repeat_of(repeat).runs {
                                sequences.push((seq, times * u64::from(run)));
                            }
                        }
                        Elem::Call { node, .. } => {
                            let is_frame = self.frames.contains(&arena.node_of(node).function);
                            match self.known.get(&node) {
                                _ if is_frame => sum += times,
                                Some(below) => sum += times * (1 + below),
                                None => missing.push(node),
                            }
                        }
                    }
                }
            }
            if missing.is_empty() {
                self.known.insert(next, sum);
                todo.pop();
            } else {
                todo.append(&mut missing);
            }
        }
        self.known.get(&id).copied().unwrap_or(0)
    }
}

/// Which functions can come back to themselves.
pub(crate) struct Cycles {
    callees: FxHashMap<u32, Vec<u32>>,
    known: FxHashMap<u32, bool>,
}

impl Cycles {
    pub(crate) fn of(folded: &Folded) -> Self {
        let mut callees: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
        for (caller, callee) in folded.pairs() {
            callees.entry(caller).or_default().push(callee);
        }
        Cycles {
            callees,
            known: FxHashMap::default(),
        }
    }

    /// Whether a function may be below itself.
    pub(crate) fn has(&mut self, function: u32) -> bool {
        if let Some(known) = self.known.get(&function) {
            return *known;
        }
        let mut seen: FxHashSet<u32> = FxHashSet::default();
        let mut todo = vec![function];
        while let Some(next) = todo.pop() {
            for callee in self.callees.get(&next).into_iter().flatten() {
                if seen.insert(*callee) {
                    todo.push(*callee);
                }
            }
        }
        let has = seen.contains(&function);
        self.known.insert(function, has);
        has
    }

    /// Whether a function calls itself.
    pub(crate) fn is_direct(&self, function: u32) -> bool {
        let callees = self.callees.get(&function);
        callees.is_some_and(|callees| callees.contains(&function))
    }
}

impl Folded {
    /// Calls of functions that are in no other such call.
    pub(crate) fn outermost_calls(&self, is_it: &dyn Fn(u32) -> bool) -> Vec<Times<NodeId>> {
        let arena = &self.arena;
        let mut todo = BTreeMap::new();
        let whole = Found {
            count: 1,
            first: 0,
            depth: 0,
        };
        descend(arena, self.roots, whole, &mut todo);
        let mut calls = Vec::new();
        while let Some((what, found)) = todo.pop_last() {
            let node = arena.node_of(what);
            let Found { count, first, .. } = found;
            if is_it(node.function) {
                calls.push(Times { what, count, first });
                continue;
            }
            let below = Found {
                first: first + 1,
                ..found
            };
            descend(arena, node.body, below, &mut todo);
        }
        calls.sort_by_key(|times| times.first);
        calls
    }

    /// A call, the place where it was made, and its position.
    pub(crate) fn find(&self, call: CallNumber) -> Option<(NodeId, u32, u64)> {
        let arena = &self.arena;
        let position = self.position_of(call)?;
        let (mut seq, mut at) = (self.roots, 0);
        'down: loop {
            for &part in arena.parts(seq) {
                let calls = arena.totals_of(part).calls;
                if position >= at + calls {
                    at += calls;
                    continue;
                }
                match part {
                    Elem::Call { site, node } if position == at => return Some((node, site, at)),
                    Elem::Call { node, .. } => {
                        seq = arena.node_of(node).body;
                        at += 1;
                    }
                    Elem::Repeat(id) => {
                        for &(own, run) in &arena.repeat_of(id).runs {
                            let calls = arena.seq_totals(own).calls;
                            let all = calls * u64::from(run);
                            if position >= at + all {
                                at += all;
                                continue;
                            }
                            at += (position - at) / calls * calls;
                            seq = own;
                            continue 'down;
                        }
                        return None;
                    }
                }
                continue 'down;
            }
            return None;
        }
    }
}
