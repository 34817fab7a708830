//! The structure of one call's calls: which were made in which iteration of
//! which loop.
//!
//! Calls and entries of loops come in the order in which they happened. A loop
//! is open from its first call or entry until something happens outside of it.

use execmap_query::{Entries, Loops};

use crate::arena::{Arena, EMPTY, Elem, NO_SITE, Repeat, RepeatId, RepeatKind, SeqId};

/// Where sequences and repetitions are kept.
pub(crate) trait Store {
    /// The number of a sequence; that of the empty one is [`EMPTY`].
    fn seq(&mut self, parts: &[Elem]) -> SeqId;
    /// The number of a repetition.
    fn repeat(&mut self, repeat: Repeat) -> RepeatId;
}

impl Store for Arena {
    fn seq(&mut self, parts: &[Elem]) -> SeqId {
        Arena::seq(self, parts)
    }

    fn repeat(&mut self, repeat: Repeat) -> RepeatId {
        Arena::repeat(self, repeat)
    }
}

/// An open loop, or the body of the call.
#[derive(Debug, Default)]
struct Level {
    what: What,
    runs: Vec<(SeqId, u32)>,
    current: Vec<Elem>,
    /// Where the newest call of this iteration was made.
    newest: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum What {
    #[default]
    Body,
    /// A loop, by its header.
    Loop { header: u32, is_recorded: bool },
    /// Calls from one place; an iteration begins with this function.
    Site { site: u32, head: u32 },
}

impl Level {
    /// The iteration is over.
    fn next(&mut self, store: &mut impl Store) {
        let seq = store.seq(&self.current);
        self.current.clear();
        self.newest = None;
        self.push(seq, 1);
    }

    fn push(&mut self, seq: SeqId, times: u32) {
        match self.runs.last_mut() {
            Some(last) if last.0 == seq && last.1 <= u32::MAX - times => last.1 += times,
            _ if times > 0 => self.runs.push((seq, times)),
            _ => {}
        }
    }
}

/// Takes what happened in a call, in order, and gives its sequence.
#[derive(Debug)]
pub(crate) struct Builder {
    /// The body, then open loops, each inside the one before.
    levels: Vec<Level>,
    /// Levels that were closed, to be used again.
    spare: Vec<Level>,
    /// The function of the newest call, if it was the last thing that happened.
    newest: Option<u32>,
}

impl Default for Builder {
    fn default() -> Self {
        Builder {
            levels: vec![Level::default()],
            spare: Vec::new(),
            newest: None,
        }
    }
}

impl Builder {
    /// Loops were entered again.
    pub(crate) fn enter(&mut self, store: &mut impl Store, loops: &Loops, entries: &Entries) {
        for &(header, count) in entries {
            self.newest = None;
            let is_it = |level: &Level| matches!(level.what, What::Loop { header: own, .. } if own == header);
            match self.levels.iter().position(is_it) {
                Some(position) => self.close_above(store, position),
                None => self.open(store, loops, header),
            }
            let top = self.top();
            if is_it(top) && count > 0 {
                top.next(store);
                top.push(EMPTY, count - 1);
            }
        }
    }

    /// A call was made.
    pub(crate) fn call(
        &mut self,
        store: &mut impl Store,
        loops: &Loops,
        site: u32,
        function: u32,
        elem: Elem,
    ) {
        if self.in_site(store, site, function, elem) {
            return;
        }
        if !loops.list().is_empty() {
            self.open(store, loops, site);
        }
        let before = self.newest.replace(function);
        let top = self.top();
        let is_unrecorded = matches!(
            top.what,
            What::Loop {
                is_recorded: false,
                ..
            }
        );
        if is_unrecorded && top.newest.is_some_and(|newest| site <= newest) {
            top.next(store);
        } else if let Some(head) = before
            && top.newest == Some(site)
            && (site != NO_SITE || head == function)
            && let Some(first) = top.current.pop()
        {
            let level = self.push(What::Site { site, head });
            level.current.push(first);
            self.in_site(store, site, function, elem);
            return;
        }
        let top = self.top();
        top.current.push(elem);
        top.newest = Some(site);
    }

    /// Whether calls from one place are open and this is one of them; if it is not, they are closed.
    fn in_site(&mut self, store: &mut impl Store, at: u32, function: u32, elem: Elem) -> bool {
        let top = self.top();
        let What::Site { site, head } = top.what else {
            return false;
        };
        if site != at || (site == NO_SITE && function != head) {
            self.close(store);
            return false;
        }
        if function == head {
            top.next(store);
        }
        top.current.push(elem);
        true
    }

    /// Opens the loops around an offset, and closes all others.
    fn open(&mut self, store: &mut impl Store, loops: &Loops, offset: u32) {
        let mut depth = 1;
        for position in loops.around(offset) {
            let known = &loops.list()[position];
            let what = What::Loop {
                header: known.header,
                is_recorded: known.is_recorded,
            };
            if self
                .levels
                .get(depth)
                .is_none_or(|level| level.what != what)
            {
                self.close_above(store, depth - 1);
                self.push(what);
                self.newest = None;
            }
            depth += 1;
        }
        self.close_above(store, depth - 1);
    }

    fn push(&mut self, what: What) -> &mut Level {
        let mut level = self.spare.pop().unwrap_or_default();
        level.what = what;
        self.levels.push(level);
        self.top()
    }

    /// Closes what is inside the level at a position.
    fn close_above(&mut self, store: &mut impl Store, position: usize) {
        while self.levels.len() > position + 1 {
            self.close(store);
        }
    }

    /// Closes the innermost level.
    fn close(&mut self, store: &mut impl Store) {
        if self.levels.len() < 2 {
            return;
        }
        let Some(mut level) = self.levels.pop() else {
            return;
        };
        self.newest = None;
        if matches!(level.what, What::Site { .. }) && level.runs.is_empty() {
            self.top().current.append(&mut level.current);
        } else if let Some(repeat) = level.finish(store) {
            let elem = Elem::Repeat(store.repeat(repeat));
            self.top().current.push(elem);
        }
        level.clear();
        self.spare.push(level);
    }

    /// The sequence; ready for another call.
    pub(crate) fn finish(&mut self, store: &mut impl Store) -> SeqId {
        self.close_above(store, 0);
        let body = self.top();
        let seq = store.seq(&body.current);
        body.clear();
        self.newest = None;
        seq
    }

    fn top(&mut self) -> &mut Level {
        let top = self.levels.len() - 1;
        &mut self.levels[top]
    }
}

impl Level {
    /// The repetition, unless it holds no call.
    fn finish(&mut self, store: &mut impl Store) -> Option<Repeat> {
        let is_exhausted = self.current.is_empty();
        if !is_exhausted {
            self.next(store);
        }
        if self.runs.iter().all(|run| run.0 == EMPTY) {
            return None;
        }
        let (kind, is_exact) = match self.what {
            What::Loop {
                header,
                is_recorded,
            } => (RepeatKind::Loop(header), is_recorded),
            What::Site { site, .. } => (RepeatKind::Site(site), true),
            What::Body => return None,
        };
        Some(Repeat {
            kind,
            is_exact,
            is_exhausted,
            runs: self.runs.as_slice().into(),
        })
    }

    fn clear(&mut self) {
        self.runs.clear();
        self.current.clear();
        self.newest = None;
    }
}
