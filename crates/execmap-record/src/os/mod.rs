//! What the operating system gives: mapped memory, a clock, signals, forks.
//!
//! The only unsafe code of this crate lives here, one file per thing.

mod clock;
#[cfg(test)]
pub(crate) mod descriptors;
mod fork;
mod lock;
mod mapping;
mod segment;
mod signals;

pub use clock::{clock_pair, ticks};
pub use fork::{at_fork, say, thread_number};
pub use lock::try_lock;
pub use mapping::{Slab, reserve};
pub use segment::{Cursor, Segment, Tokens};
pub use signals::spawn_without_signals;
