//! The way through the calls that are shown, from top to bottom.
//!
//! Calls on another thread or task than their caller's stand under a head of
//! their own. The way is kept in a list, so no chain of calls is too deep.

use std::ops::ControlFlow;

use crate::handles::{CallNumber, FunctionNumber, TaskNumber, ThreadNumber};
use crate::opening::{Bodies, Opening, Piece};
use crate::trace::Trace;

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// How deep, heads of threads and tasks counted.
    pub(crate) depth: u32,
    /// How many shown calls are above it.
    pub(crate) level: u32,
    /// Whether no other step of this depth follows below the same one.
    pub(crate) last: bool,
}

/// One step of the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Where it stands.
    pub(crate) place: Place,
    /// What stands there.
    pub(crate) what: What,
}

/// What stands at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A thread or task; what it did follows, one deeper.
    Lane {
        /// The thread.
        thread: ThreadNumber,
        /// The task, where the lane is one.
        task: Option<TaskNumber>,
    },
    /// One call, or neighbours that are alike.
    Calls {
        /// The first of them.
        first: CallNumber,
        /// How many there are.
        times: u64,
        /// Calls below all of them.
        inside: u64,
        /// Whether these are not shown.
        closed: bool,
    },
    /// Calls for which there is no room.
    More {
        /// How many.
        calls: u64,
        /// Calls below them.
        inside: u64,
        /// Their function, where all have the same.
        function: Option<FunctionNumber>,
        /// Where all are bodies: of what.
        bodies: Option<Bodies>,
    },
}

/// Goes through what an opening shows and hands every step to `each`, until that breaks off.
pub(crate) fn walk(
    trace: &Trace,
    opening: &Opening<'_>,
    each: &mut dyn FnMut(Step) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut todo = Vec::new();
    plan_roots(trace, opening, &mut todo);
    while let Some(next) = todo.pop() {
        let (place, piece) = match next {
            Todo::Head {
                lane: (thread, task),
                place,
            } => {
                each(Step {
                    place,
                    what: What::Lane { thread, task },
                })?;
                continue;
            }
            Todo::Piece { place, piece } => (place, piece),
        };
        let what = match piece {
            Piece::More {
                calls,
                inside,
                function,
                bodies,
                ..
            } => What::More {
                calls,
                inside,
                function,
                bodies,
            },
            Piece::Calls {
                first,
                times,
                inside,
            } => {
                let below = opening.inside(first, place.level);
                let closed = below.is_none();
                plan_inside(trace, first, below.unwrap_or_default(), place, &mut todo);
                What::Calls {
                    first,
                    times,
                    inside,
                    closed,
                }
            }
        };
        each(Step { place, what })?;
    }
    ControlFlow::Continue(())
}

/// What a call belongs to: its thread, or its task.
type LaneKey = (ThreadNumber, Option<TaskNumber>);

/// A step that is still to be made.
enum Todo {
    Head { lane: LaneKey, place: Place },
    Piece { piece: Piece, place: Place },
}

fn lane_of_call(trace: &Trace, call: CallNumber) -> LaneKey {
    (trace.calls().thread(call), trace.calls().task(call))
}

fn lane_of(trace: &Trace, piece: Piece) -> Option<LaneKey> {
    match piece {
        Piece::Calls { first, .. }
        | Piece::More {
            first,
            bodies: Some(_),
            ..
        } => Some(lane_of_call(trace, first)),
        Piece::More { .. } => None,
    }
}

/// Outermost calls under the thread or task they belong to, where there is more than the main
/// thread.
fn plan_roots(trace: &Trace, opening: &Opening<'_>, todo: &mut Vec<Todo>) {
    let mut lanes: Vec<(LaneKey, Vec<Piece>)> = Vec::new();
    for piece in opening.roots() {
        match lane_of(trace, piece) {
            Some(lane) => match lanes.iter_mut().find(|other| other.0 == lane) {
                Some(known) => known.1.push(piece),
                None => lanes.push((lane, vec![piece])),
            },
            // Stands after the last row for which there was room.
            None => lanes
                .last_mut()
                .into_iter()
                .for_each(|last| last.1.push(piece)),
        }
    }
    let main = (ThreadNumber(0), None);
    let home = (lanes.len() == 1 && lanes[0].0 == main).then_some(main);
    plan(&lanes, home, 0, 0, todo);
}

/// Calls inside a call, those of another thread or task under a head.
fn plan_inside(
    trace: &Trace,
    call: CallNumber,
    pieces: Vec<Piece>,
    place: Place,
    todo: &mut Vec<Todo>,
) {
    let home = lane_of_call(trace, call);
    let mut lanes: Vec<(LaneKey, Vec<Piece>)> = Vec::new();
    for piece in pieces {
        let before = lanes.last().map_or(home, |last| last.0);
        let lane = lane_of(trace, piece).unwrap_or(before);
        match lanes.last_mut() {
            Some(last) if last.0 == lane => last.1.push(piece),
            _ => lanes.push((lane, vec![piece])),
        }
    }
    plan(&lanes, Some(home), place.depth + 1, place.level + 1, todo);
}

/// Puts steps on the list, the first on top; those of another lane than `home` under a head.
fn plan(
    lanes: &[(LaneKey, Vec<Piece>)],
    home: Option<LaneKey>,
    depth: u32,
    level: u32,
    todo: &mut Vec<Todo>,
) {
    let mut is_last_lane = true;
    for (lane, pieces) in lanes.iter().rev() {
        let is_home = home == Some(*lane);
        let own_depth = depth + u32::from(!is_home);
        let mut last = is_last_lane || !is_home;
        for &piece in pieces.iter().rev() {
            todo.push(Todo::Piece {
                piece,
                place: Place {
                    depth: own_depth,
                    level,
                    last,
                },
            });
            last = false;
        }
        if !is_home {
            todo.push(Todo::Head {
                lane: *lane,
                place: Place {
                    depth,
                    level,
                    last: is_last_lane,
                },
            });
        }
        is_last_lane = false;
    }
}
