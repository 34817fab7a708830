//! All of a recorder that needs no interpreter.
//!
//! A [`Session`] owns the trace's file and its side file. Each thread writes its
//! records through a [`Log`] into a segment of the side file; full segments go
//! to a native thread that turns them into compressed blocks. What is in a
//! segment survives the death of the process; what is in a block survives
//! everything but the disk.

mod filter;
mod names;
pub mod os;
mod output;
mod own_file;
mod pool;
mod redact;
mod session;
mod side_file;
#[cfg(test)]
mod tests;
mod writer;

/// The format of what is written.
pub use execmap_format as format;
pub use filter::{Decision, Filter, FilterError, FilterOptions};
pub use names::{TargetName, child_name, free_name, remove_old_children};
pub use output::{Output, write_window};
pub use redact::{REMEMBERED_BYTES, Redactor};
pub use session::{Finished, Limits, Log, RECORD_MAX, Session, StartError, Stopped};
