//! Which calls are shown open when only so many rows fit.
//!
//! The greatest depth whose calls all fit is opened whole. What room is left
//! opens further calls level by level, those with a failure inside first, then
//! in order of start. Calls that are too many to be shown together are shown in
//! part: the first, some that failed, and the last. Everything that is not shown is
//! counted where it is missing.
//!
//! Bodies of imported modules and of classes stay closed, and several in a row
//! share one row, so that the room goes to what the program does.

use std::collections::VecDeque;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;

use crate::function::FunctionKind;
use crate::handles::{CallNumber, FunctionNumber};
use crate::text::thousands;
use crate::trace::Trace;

/// Whether equal neighbours share one row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fold {
    /// Every call has its own row.
    #[default]
    Never,
    /// Neighbours that did the same, values and all calls below included, share one.
    Alike,
}

/// What stands in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// One call, or neighbours that are alike.
    Calls {
        /// The first of them.
        first: CallNumber,
        /// How many there are.
        times: u64,
        /// Calls below all of them.
        inside: u64,
    },
    /// Neighbours for which there is no room.
    More {
        /// The first of them.
        first: CallNumber,
        /// How many there are.
        calls: u64,
        /// Calls below them.
        inside: u64,
        /// Their function, where all have the same.
        function: Option<FunctionNumber>,
        /// Where all are bodies: of what.
        bodies: Option<Bodies>,
    },
}

/// Bodies that share a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bodies {
    /// Of classes.
    Classes,
    /// Of modules.
    Modules,
}

impl Bodies {
    /// `5 class bodies`
    #[must_use]
    pub fn counted(self, number: u64) -> String {
        let of = match self {
            Bodies::Classes => "class",
            Bodies::Modules => "module",
        };
        let noun = if number == 1 { "body" } else { "bodies" };
        format!("{} {of} {noun}", thousands(number))
    }

    fn of(kind: FunctionKind) -> Self {
        match kind {
            FunctionKind::Class => Bodies::Classes,
            _ => Bodies::Modules,
        }
    }
}

/// How much is opened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// Levels of calls.
    pub(crate) depth: Option<u32>,
    /// Rows.
    pub(crate) rows: Option<usize>,
    pub(crate) fold: Fold,
    /// The call to begin with, in place of all outermost ones.
    pub(crate) root: Option<CallNumber>,
}

/// A choice of the calls that are shown open.
pub(crate) struct Opening<'t> {
    trace: &'t Trace,
    limits: Limits,
    keep: Option<Vec<bool>>,
    /// Calls that are open, where that does not follow from the depth.
    opened: FxHashSet<u32>,
    /// Calls that are open in part.
    in_part: FxHashMap<Option<CallNumber>, Vec<Piece>>,
}

impl<'t> Opening<'t> {
    /// The best choice of calls; `keep`: those that are shown at all.
    pub(crate) fn new(trace: &'t Trace, limits: Limits, keep: Option<Vec<bool>>) -> Self {
        let mut opening = Opening {
            trace,
            limits,
            keep,
            opened: FxHashSet::default(),
            in_part: FxHashMap::default(),
        };
        if let Some(rows) = limits.rows {
            opening.choose(rows);
        }
        opening
    }

    /// The outermost rows.
    #[must_use]
    pub(crate) fn roots(&self) -> Vec<Piece> {
        match self.in_part.get(&None) {
            Some(pieces) => pieces.clone(),
            None => self.pieces(None).collect(),
        }
    }

    /// The rows inside a call that is shown `depth` levels deep; `None` when it stays closed.
    #[must_use]
    pub(crate) fn inside(&self, call: CallNumber, depth: u32) -> Option<Vec<Piece>> {
        if self.trace.subtree(call) == 0 {
            return Some(Vec::new());
        }
        if self.limits.depth.is_some_and(|most| depth + 1 >= most) {
            return None;
        }
        if let Some(pieces) = self.in_part.get(&Some(call)) {
            return Some(pieces.clone());
        }
        let is_open = self.limits.rows.is_none() || self.opened.contains(&call.0);
        is_open.then(|| self.pieces(Some(call)).collect())
    }

    fn pieces(&self, call: Option<CallNumber>) -> Pieces<'_> {
        let calls = match (call, &self.limits.root) {
            (None, Some(root)) => std::slice::from_ref(&root.0),
            _ => self.trace.children().of(call),
        };
        Pieces {
            trace: self.trace,
            calls,
            keep: self.keep.as_deref(),
            fold: self.limits.fold,
            folds_bodies: self.folds_bodies(),
        }
    }

    /// Whether bodies stay closed: where all calls were asked for, and room is short.
    fn folds_bodies(&self) -> bool {
        self.limits.rows.is_some() && self.keep.is_none()
    }

    fn choose(&mut self, rows: usize) {
        let Some(roots) = self.up_to(None, rows) else {
            let roots = self.cut(None, rows);
            self.in_part.insert(None, roots);
            return;
        };
        let mut room = rows - roots.len();
        let mut level = 0;
        let mut frontier = self.openable(&roots, level);
        while let Some(opened) = self.whole_level(&frontier, room) {
            if opened.is_empty() {
                return;
            }
            level += 1;
            let mut next = Vec::new();
            for (call, pieces) in opened {
                room -= pieces.len();
                self.opened.insert(call.0);
                next.extend(self.openable(&pieces, level));
            }
            frontier = next;
        }
        self.open_further(frontier, level, room);
    }

    /// Opens all of a level, if they fit.
    fn whole_level(
        &self,
        frontier: &[CallNumber],
        room: usize,
    ) -> Option<Vec<(CallNumber, Vec<Piece>)>> {
        let mut left = room;
        let mut opened = Vec::new();
        for &call in frontier {
            let pieces = self.up_to(Some(call), left)?;
            left -= pieces.len();
            opened.push((call, pieces));
        }
        Some(opened)
    }

    fn open_further(&mut self, frontier: Vec<CallNumber>, level: u32, mut room: usize) {
        let mut waiting: VecDeque<(CallNumber, u32)> = VecDeque::new();
        let mut too_many: VecDeque<(CallNumber, u32)> = VecDeque::new();
        self.queue(frontier, level, &mut waiting);
        loop {
            while let Some((call, level)) = waiting.pop_front() {
                let Some(pieces) = self.up_to(Some(call), room) else {
                    too_many.push_back((call, level));
                    continue;
                };
                room -= pieces.len();
                self.opened.insert(call.0);
                self.queue(self.openable(&pieces, level + 1), level + 1, &mut waiting);
            }
            let Some((call, level)) = too_many.pop_front() else {
                return;
            };
            let share = (room / (too_many.len() + 2))
                .max(room.min(SMALL_PART))
                .min(LARGE_PART);
            if share < LEAST_PART {
                return;
            }
            let pieces = self.cut(Some(call), share);
            room -= pieces.len();
            self.queue(self.openable(&pieces, level + 1), level + 1, &mut waiting);
            self.in_part.insert(Some(call), pieces);
        }
    }

    /// Failures first, then in order of start.
    fn queue(
        &self,
        mut calls: Vec<CallNumber>,
        level: u32,
        into: &mut VecDeque<(CallNumber, u32)>,
    ) {
        calls.sort_by_key(|call| (!self.trace.is_failing(*call), *call));
        into.extend(calls.into_iter().map(|call| (call, level)));
    }

    /// Calls of a level with something inside that may be opened.
    fn openable(&self, pieces: &[Piece], level: u32) -> Vec<CallNumber> {
        if self.limits.depth.is_some_and(|most| level + 1 >= most) {
            return Vec::new();
        }
        let has_inside = |piece: &Piece| match *piece {
            Piece::Calls { first, .. } if self.trace.subtree(first) > 0 => {
                let is_asked_for = self.limits.root == Some(first);
                let stays_closed = self.folds_bodies() && self.trace.is_quiet_body(first);
                (is_asked_for || !stays_closed).then_some(first)
            }
            _ => None,
        };
        pieces.iter().filter_map(has_inside).collect()
    }

    /// The rows inside a call, unless they are more than `most`.
    fn up_to(&self, call: Option<CallNumber>, most: usize) -> Option<Vec<Piece>> {
        let pieces: Vec<Piece> = self.pieces(call).take(most.saturating_add(1)).collect();
        (pieces.len() <= most).then_some(pieces)
    }

    /// At most `most` rows of those inside a call: the first, some that failed, the last.
    fn cut(&self, call: Option<CallNumber>, most: usize) -> Vec<Piece> {
        let failing = |piece: &Piece| match *piece {
            Piece::Calls { first, .. } => self.trace.is_failing(first),
            Piece::More { .. } => false,
        };
        let has_last = most >= 4;
        // Each failure takes two rows with the gap before it; the first row and the last gap stay.
        let most_extra = most.saturating_sub(2 + usize::from(has_last)) / 2;
        let extra = self
            .pieces(call)
            .skip(most / 2)
            .filter(failing)
            .take((most / 4).min(most_extra))
            .count();
        let head = most
            .saturating_sub(1 + usize::from(has_last) + 2 * extra)
            .max(1);
        let count = self.pieces(call).count();
        let mut left = extra;
        let mut cut = Vec::new();
        let mut gap = Vec::new();
        for (position, piece) in self.pieces(call).enumerate() {
            let is_last = has_last && position + 1 == count;
            let is_failing = left > 0 && position >= head && failing(&piece);
            left -= usize::from(is_failing);
            if position < head || is_failing || is_last {
                cut.append(&mut gap);
                cut.push(piece);
            } else {
                self.widen(&mut gap, piece);
            }
        }
        cut.append(&mut gap);
        cut
    }

    /// Takes one more into a gap; a gap of one row is that row.
    fn widen(&self, gap: &mut Vec<Piece>, piece: Piece) {
        let Some(last) = gap.pop() else {
            gap.push(piece);
            return;
        };
        let first = match last {
            Piece::Calls { first, .. } | Piece::More { first, .. } => first,
        };
        let ((calls, inside, function), (more_calls, more_inside, own)) =
            (self.counts(last), self.counts(piece));
        gap.push(Piece::More {
            first,
            calls: calls + more_calls,
            inside: inside + more_inside,
            function: function.filter(|function| Some(*function) == own),
            bodies: None,
        });
    }

    /// Calls, calls below them, and the function that all of them have.
    fn counts(&self, piece: Piece) -> (u64, u64, Option<FunctionNumber>) {
        match piece {
            Piece::Calls {
                first,
                times,
                inside,
            } => (times, inside, Some(self.trace.calls().function(first))),
            Piece::More {
                calls,
                inside,
                function,
                ..
            } => (calls, inside, function),
        }
    }
}

/// Fewer rows than this are not worth opening a call in part.
const LEAST_PART: usize = 3;

/// More rows than this of one call are not worth it: they tend to be much the same.
const LARGE_PART: usize = 16;

/// So many rows are not divided further.
const SMALL_PART: usize = 8;

/// Rows for neighbours.
struct Pieces<'a> {
    trace: &'a Trace,
    calls: &'a [u32],
    keep: Option<&'a [bool]>,
    fold: Fold,
    folds_bodies: bool,
}

/// Fewer bodies in a row than this have rows of their own.
const LEAST_BODIES: usize = 3;

impl Pieces<'_> {
    /// Bodies of one kind, on one thread or task, that come next, if they are enough to share a row.
    fn bodies(&mut self) -> Option<Piece> {
        let (trace, calls) = (self.trace, self.trace.calls());
        let what = |call: CallNumber| {
            let kind = trace.function_of(call).kind;
            (kind, calls.thread(call), calls.task(call))
        };
        let first = CallNumber(*self.calls.first()?);
        let is_like_first =
            |call: CallNumber| trace.is_quiet_body(call) && what(call) == what(first);
        let next = self.calls.iter().map(|call| CallNumber(*call));
        let count = next.take_while(|call| is_like_first(*call)).count();
        if count < LEAST_BODIES {
            return None;
        }
        let (bodies, rest) = self.calls.split_at(count);
        self.calls = rest;
        let inside = bodies
            .iter()
            .map(|call| u64::from(trace.subtree(CallNumber(*call))));
        Some(Piece::More {
            first,
            calls: count as u64,
            inside: inside.sum(),
            function: None,
            bodies: Some(Bodies::of(trace.function_of(first).kind)),
        })
    }

    fn next_call(&mut self) -> Option<CallNumber> {
        loop {
            let (&call, rest) = self.calls.split_first()?;
            self.calls = rest;
            if self.keep.is_none_or(|keep| keep[call as usize]) {
                return Some(CallNumber(call));
            }
        }
    }
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        if self.folds_bodies
            && let Some(bodies) = self.bodies()
        {
            return Some(bodies);
        }
        let first = self.next_call()?;
        let mut times = 1;
        let mut inside = u64::from(self.trace.subtree(first));
        while self.fold == Fold::Alike {
            let before = self.calls;
            match self.next_call() {
                Some(call) if self.trace.is_alike(first, call) => {
                    times += 1;
                    inside += u64::from(self.trace.subtree(call));
                }
                _ => {
                    self.calls = before;
                    break;
                }
            }
        }
        Some(Piece::Calls {
            first,
            times,
            inside,
        })
    }
}
