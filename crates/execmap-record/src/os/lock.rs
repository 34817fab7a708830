//! Advisory locks, by which a live recording is told from the remains of a dead one.

use std::fs::File;
use std::os::fd::AsRawFd;

/// Whether the file could be locked for this process; the lock ends with the file's last handle.
#[must_use]
pub fn try_lock(file: &File) -> bool {
    // SAFETY: the descriptor is open for as long as `file` is borrowed.
    unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) == 0 }
}
