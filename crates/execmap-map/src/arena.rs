//! Calls, sequences of calls and repetitions, each distinct one kept once.
//!
//! What is below a call has a lower number than the call, so going through the
//! numbers upwards meets everything after what it is made of.

use std::hash::{Hash, Hasher};

use hashbrown::HashTable;
use rustc_hash::FxHasher;

/// Stands for a call site that is not known.
pub const NO_SITE: u32 = u32::MAX;

/// How a call ended, as far as it decides whether calls are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum End {
    /// It returned.
    Returned,
    /// It was left by an exception that ends the program in order.
    Exit,
    /// It was closed or dropped.
    Closed,
    /// It had not ended when the recording ended.
    Unfinished,
    /// It was left by an exception of a type, by its number.
    Failed(u32),
}

/// A call with all that is below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(crate) u32);

/// Calls and repetitions in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeqId(pub(crate) u32);

/// Iterations in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepeatId(pub(crate) u32);

impl NodeId {
    /// Which of the arena's calls it is.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }
}

impl SeqId {
    /// Which of the arena's sequences it is.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }
}

impl RepeatId {
    /// Which of the arena's repetitions it is.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }
}

/// The sequence without anything.
pub(crate) const EMPTY: SeqId = SeqId(0);

/// What decides whether calls are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    /// The function, by its number in the trace.
    pub function: u32,
    /// How it ended.
    pub end: End,
    /// Whether it is on another thread or task than its caller.
    pub moves: bool,
    /// What it called.
    pub body: SeqId,
}

/// A part of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Elem {
    /// A call, and where it is made.
    Call {
        /// Offset in the caller's bytecode.
        site: u32,
        /// The call.
        node: NodeId,
    },
    /// A repetition.
    Repeat(RepeatId),
}

/// What repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RepeatKind {
    /// A loop, by its header.
    Loop(u32),
    /// Calls made from one place again and again, by code that is not recorded.
    Site(u32),
}

/// A repetition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Repeat {
    /// What repeats.
    pub kind: RepeatKind,
    /// Whether iterations were counted, not only inferred.
    pub is_exact: bool,
    /// Whether its head was entered once more without calls, at the end.
    pub is_exhausted: bool,
    /// What iterations did, and how many in a row did so.
    pub runs: Box<[(SeqId, u32)]>,
}

impl Repeat {
    /// How many iterations there are.
    #[must_use]
    pub fn iterations(&self) -> u64 {
        self.runs.iter().map(|run| u64::from(run.1)).sum()
    }
}

/// What is known of something with all that is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Calls.
    pub calls: u64,
    /// Calls that failed.
    pub failures: u64,
}

impl Totals {
    fn add(&mut self, other: Totals, times: u64) {
        self.calls += other.calls * times;
        self.failures += other.failures * times;
    }
}

/// Everything distinct, kept once.
#[derive(Debug)]
pub struct Arena {
    nodes: Vec<(Node, Totals)>,
    seq_ends: Vec<u32>,
    elems: Vec<Elem>,
    seq_totals: Vec<Totals>,
    repeats: Vec<(Repeat, Totals)>,
    known_nodes: HashTable<u32>,
    known_seqs: HashTable<u32>,
    known_repeats: HashTable<u32>,
}

impl Default for Arena {
    fn default() -> Self {
        Arena {
            nodes: Vec::new(),
            seq_ends: vec![0],
            elems: Vec::new(),
            seq_totals: vec![Totals::default()],
            repeats: Vec::new(),
            known_nodes: HashTable::new(),
            known_seqs: HashTable::new(),
            known_repeats: HashTable::new(),
        }
    }
}

fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}

fn slice<'a>(ends: &[u32], elems: &'a [Elem], seq: u32) -> &'a [Elem] {
    let Some(before) = seq.checked_sub(1) else {
        return &[];
    };
    &elems[ends[before as usize] as usize..ends[seq as usize] as usize]
}

impl Arena {
    /// The number of a call.
    pub(crate) fn node(&mut self, node: Node) -> NodeId {
        let Arena {
            nodes,
            known_nodes,
            seq_totals,
            ..
        } = self;
        let hash = hash_of(&node);
        if let Some(known) = known_nodes.find(hash, |known| nodes[*known as usize].0 == node) {
            return NodeId(*known);
        }
        let id = nodes.len() as u32;
        let mut totals = seq_totals[node.body.0 as usize];
        totals.calls += 1;
        totals.failures += u64::from(matches!(node.end, End::Failed(_)));
        nodes.push((node, totals));
        known_nodes.insert_unique(hash, id, |known| hash_of(&nodes[*known as usize].0));
        NodeId(id)
    }

    /// The number of a sequence.
    pub(crate) fn seq(&mut self, parts: &[Elem]) -> SeqId {
        if parts.is_empty() {
            return EMPTY;
        }
        let hash = hash_of(&parts);
        let (ends, elems) = (&self.seq_ends, &self.elems);
        let found = self
            .known_seqs
            .find(hash, |known| slice(ends, elems, *known) == parts);
        if let Some(known) = found {
            return SeqId(*known);
        }
        let mut totals = Totals::default();
        for part in parts {
            totals.add(self.totals_of(*part), 1);
        }
        self.elems.extend_from_slice(parts);
        self.seq_ends.push(self.elems.len() as u32);
        self.seq_totals.push(totals);
        let id = (self.seq_ends.len() - 1) as u32;
        let (ends, elems) = (&self.seq_ends, &self.elems);
        self.known_seqs
            .insert_unique(hash, id, |known| hash_of(&slice(ends, elems, *known)));
        SeqId(id)
    }

    /// The number of a repetition.
    pub(crate) fn repeat(&mut self, repeat: Repeat) -> RepeatId {
        let hash = hash_of(&repeat);
        let repeats = &self.repeats;
        let found = self
            .known_repeats
            .find(hash, |known| repeats[*known as usize].0 == repeat);
        if let Some(known) = found {
            return RepeatId(*known);
        }
        let mut totals = Totals::default();
        for (seq, times) in &repeat.runs {
            totals.add(self.seq_totals[seq.0 as usize], u64::from(*times));
        }
        let id = self.repeats.len() as u32;
        self.repeats.push((repeat, totals));
        let repeats = &self.repeats;
        self.known_repeats
            .insert_unique(hash, id, |known| hash_of(&repeats[*known as usize].0));
        RepeatId(id)
    }

    /// A call.
    #[must_use]
    pub fn node_of(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize].0
    }

    /// The parts of a sequence.
    #[must_use]
    pub fn parts(&self, id: SeqId) -> &[Elem] {
        slice(&self.seq_ends, &self.elems, id.0)
    }

    /// A repetition.
    #[must_use]
    pub fn repeat_of(&self, id: RepeatId) -> &Repeat {
        &self.repeats[id.0 as usize].0
    }

    /// What is known of a call and all below it.
    #[must_use]
    pub fn totals(&self, id: NodeId) -> Totals {
        self.nodes[id.0 as usize].1
    }

    /// What is known of a sequence.
    #[must_use]
    pub fn seq_totals(&self, id: SeqId) -> Totals {
        self.seq_totals[id.0 as usize]
    }

    /// What is known of a part of a sequence.
    #[must_use]
    pub fn totals_of(&self, part: Elem) -> Totals {
        match part {
            Elem::Call { node, .. } => self.totals(node),
            Elem::Repeat(id) => self.repeats[id.0 as usize].1,
        }
    }

    /// All calls, by number.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().map(|node| &node.0)
    }

    /// The parts of all sequences, by number.
    pub fn seqs(&self) -> impl Iterator<Item = &[Elem]> {
        (0..self.seq_ends.len() as u32).map(|seq| self.parts(SeqId(seq)))
    }

    /// All repetitions, by number.
    pub fn repeats(&self) -> impl Iterator<Item = &Repeat> {
        self.repeats.iter().map(|repeat| &repeat.0)
    }

    /// How many distinct calls, sequences and repetitions there are.
    #[must_use]
    pub fn len(&self) -> (usize, usize, usize) {
        (self.nodes.len(), self.seq_ends.len(), self.repeats.len())
    }

    /// Gives back what only writing needs.
    pub(crate) fn finish(&mut self) {
        self.known_nodes = HashTable::new();
        self.known_seqs = HashTable::new();
        self.known_repeats = HashTable::new();
        self.nodes.shrink_to_fit();
        self.elems.shrink_to_fit();
    }
}
