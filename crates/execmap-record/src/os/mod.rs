//! What the operating system gives: mapped memory, a clock, signals, forks.
//!
//! The only unsafe code of this crate lives here, one file per thing.

mod bus;
mod clock;
mod descriptors;
mod fork;
mod lock;
mod mapping;
mod memory;
mod segment;
mod signals;

pub use bus::take_torn;
pub use clock::{clock_pair, ticks};
pub(crate) use descriptors::out_of_the_way;
#[cfg(test)]
pub(crate) use descriptors::testing as descriptors_testing;
pub use descriptors::{ErrorStream, may_be_as_long};
pub use fork::{at_fork, say, thread_number};
pub use lock::try_lock;
pub use mapping::{Slab, reserve};
#[cfg(test)]
pub(crate) use memory::testing as memory_testing;
pub use memory::{Memory, is_memory_short, reserve_memory};
pub use segment::{Cursor, Segment, Tokens};
pub use signals::spawn_without_signals;
