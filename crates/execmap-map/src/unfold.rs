//! The calls of a folded tree, one by one again.

use crate::arena::{Arena, EMPTY, Elem, Node, RepeatId, SeqId};
use crate::fold::Folded;

/// A call of the folded tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfolded {
    /// Its position: a call stands before the calls it made.
    pub position: u64,
    /// The position of its caller.
    pub caller: Option<u64>,
    /// Where it was made.
    pub site: u32,
    /// What it was.
    pub node: Node,
}

/// Where one is in a sequence or a repetition.
enum Place {
    Seq {
        seq: SeqId,
        next: usize,
        caller: Option<u64>,
    },
    Repeat {
        repeat: RepeatId,
        run: usize,
        done: u32,
        caller: Option<u64>,
    },
}

/// All calls in the order of the tree.
pub struct Unfold<'f> {
    arena: &'f Arena,
    places: Vec<Place>,
    position: u64,
}

impl Folded {
    /// All calls again, in the order of the tree.
    #[must_use]
    pub fn unfold(&self) -> Unfold<'_> {
        Unfold {
            arena: &self.arena,
            places: vec![Place::Seq {
                seq: self.roots,
                next: 0,
                caller: None,
            }],
            position: 0,
        }
    }
}

impl Iterator for Unfold<'_> {
    type Item = Unfolded;

    fn next(&mut self) -> Option<Unfolded> {
        loop {
            match self.places.last_mut()? {
                Place::Seq { seq, next, caller } => {
                    let (place, caller) = (*next, *caller);
                    *next += 1;
                    match self.arena.parts(*seq).get(place) {
                        None => {
                            self.places.pop();
                        }
                        Some(Elem::Repeat(repeat)) => self.places.push(Place::Repeat {
                            repeat: *repeat,
                            run: 0,
                            done: 0,
                            caller,
                        }),
                        Some(Elem::Call { site, node }) => {
                            let node = *self.arena.node_of(*node);
                            let position = self.position;
                            self.position += 1;
                            if node.body != EMPTY {
                                self.places.push(Place::Seq {
                                    seq: node.body,
                                    next: 0,
                                    caller: Some(position),
                                });
                            }
                            return Some(Unfolded {
                                position,
                                caller,
                                site: *site,
                                node,
                            });
                        }
                    }
                }
                Place::Repeat {
                    repeat,
                    run,
                    done,
                    caller,
                } => {
                    let Some((seq, times)) = self.arena.repeat_of(*repeat).runs.get(*run) else {
                        self.places.pop();
                        continue;
                    };
                    if done == times || *seq == EMPTY {
                        *run += 1;
                        *done = 0;
                        continue;
                    }
                    *done += 1;
                    let (seq, caller) = (*seq, *caller);
                    self.places.push(Place::Seq {
                        seq,
                        next: 0,
                        caller,
                    });
                }
            }
        }
    }
}

impl Arena {
    /// What an iteration of a repetition did, and how many calls lie between the repetition's first
    /// and the iteration's first.
    #[must_use]
    pub fn iteration(&self, repeat: RepeatId, iteration: u64) -> Option<(SeqId, u64)> {
        let (mut before, mut calls) = (0, 0);
        for &(seq, times) in &self.repeat_of(repeat).runs {
            let (times, own) = (u64::from(times), self.seq_totals(seq).calls);
            if iteration < before + times {
                return Some((seq, calls + (iteration - before) * own));
            }
            before += times;
            calls += times * own;
        }
        None
    }
}
