//! What a program does to descriptors that are not its own, for tests.

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd};

/// Puts a file of the program in the place of whatever has a number.
pub(crate) fn take_over(number: i32, file: &File) {
    // SAFETY: both numbers are open descriptors; the old one is closed behind its owner's back, which
    // is what is tested.
    let taken = unsafe { libc::dup2(file.as_raw_fd(), number) };
    assert_eq!(taken, number, "both are open");
}

/// A descriptor that was given away by [`take_over`].
pub(crate) fn own_again(number: i32) -> File {
    // SAFETY: the number belongs to the test since `take_over`.
    unsafe { File::from_raw_fd(number) }
}
