//! Definitions of processes: which ones this one started, and where it comes from.

use crate::define::{put_call, take_call, take_text};
use crate::ids::CallId;
use crate::varint::{put, put_bytes, take};

/// A process that this one started, as far as it knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChildDef {
    /// The system's number for it.
    pub pid: u64,
    /// The call that was running.
    pub created_by: Option<CallId>,
    /// A moment before it was started, in nanoseconds of `CLOCK_MONOTONIC`.
    pub before_ns: u64,
    /// Name of the program it was started to run; empty for a fork, which may record nothing.
    pub program: String,
    /// Why it cannot be followed, where that is known.
    pub obstacle: Option<Obstacle>,
}

/// What keeps a program from being followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Obstacle {
    /// Its environment was made without the variable that asks for a recording.
    Environment,
    /// It was started with `-S`, so that nothing of `site-packages` is loaded.
    NoSite,
}

impl Obstacle {
    const ALL: [Obstacle; 2] = [Obstacle::Environment, Obstacle::NoSite];
}

impl ChildDef {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put(out, self.pid);
        put_call(out, self.created_by);
        put(out, self.before_ns);
        put_bytes(out, self.program.as_bytes());
        let is_it = |other: &Obstacle| Some(*other) == self.obstacle;
        let place = Obstacle::ALL.iter().position(is_it);
        out.push(place.map_or(0, |place| place as u8 + 1));
    }

    pub(crate) fn decode(body: &mut &[u8]) -> Option<Self> {
        Some(ChildDef {
            pid: take(body)?,
            created_by: take_call(body)?,
            before_ns: take(body)?,
            program: take_text(body)?,
            obstacle: usize::from(*body.first()?)
                .checked_sub(1)
                .and_then(|place| Obstacle::ALL.get(place).copied()),
        })
    }
}

/// Where a process comes from, by its own account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParentDef {
    /// What the parent's file is called beyond the name of the run's first file; empty for that one.
    pub suffix: String,
    /// The call that was running when it was forked.
    pub created_by: Option<CallId>,
    /// When it was forked, in nanoseconds of `CLOCK_MONOTONIC`; 0 when it is not known.
    pub at_ns: u64,
}

impl ParentDef {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.suffix.as_bytes());
        put_call(out, self.created_by);
        put(out, self.at_ns);
    }

    pub(crate) fn decode(body: &mut &[u8]) -> Option<Self> {
        Some(ParentDef {
            suffix: take_text(body)?,
            created_by: take_call(body)?,
            at_ns: take(body)?,
        })
    }
}
