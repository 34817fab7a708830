//! Descriptors of ours among those of the program.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};

/// Numbers from here on are ours, where the process may have so many: the program gets the low ones,
/// as it would without us, and a closed standard stream never becomes a file of ours.
const FROM: libc::c_int = 960;

/// The same file under a high number.
pub(crate) fn out_of_the_way(file: File) -> File {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is a valid place for one limit.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    let last = libc::c_int::try_from(limit.rlim_cur).unwrap_or(libc::c_int::MAX);
    let from = FROM.min(last.saturating_sub(16)).max(3);
    // SAFETY: the descriptor is open for as long as `file` is.
    let number = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, from) };
    if number < 0 {
        return file;
    }
    // SAFETY: the number was just given to us and nobody else knows it.
    unsafe { File::from_raw_fd(number) }
}

/// Whether a file may become so long. Beyond the limit of the process the system refuses, and sends a
/// signal that ends a program which does not ignore it.
pub fn may_be_as_long(len: u64) -> io::Result<()> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is a valid place for one limit.
    let code = unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) };
    if code == 0 && len > limit.rlim_cur {
        return Err(io::Error::from_raw_os_error(libc::EFBIG));
    }
    Ok(())
}

/// The error stream as it was at some moment, so that nothing is written to a file that took its
/// number later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrorStream(Option<(u64, u64)>);

impl ErrorStream {
    /// The stream of this moment.
    #[must_use]
    pub fn now() -> ErrorStream {
        // SAFETY: a zeroed description is a valid place for one.
        let mut found: libc::stat = unsafe { std::mem::zeroed() };
        // SAFETY: as above.
        let code = unsafe { libc::fstat(libc::STDERR_FILENO, &raw mut found) };
        ErrorStream((code == 0).then_some((found.st_dev, found.st_ino)))
    }

    /// Writes a line, if the stream is still the one it was.
    pub fn say(&self, line: &str) {
        if self.0.is_none() || *self != ErrorStream::now() {
            return;
        }
        let line = format!("execmap: {line}\n");
        // SAFETY: the bytes live for the time of the call.
        unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) };
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! What a program does to descriptors that are not its own.

    use super::{AsRawFd, File, FromRawFd};

    /// Puts a file of the program in the place of whatever has a number.
    pub(crate) fn take_over(number: i32, file: &File) {
        // SAFETY: both numbers are open descriptors; the old one is closed behind its owner's back,
        // which is what is tested.
        let taken = unsafe { libc::dup2(file.as_raw_fd(), number) };
        assert_eq!(taken, number, "both are open");
    }

    /// A descriptor that was given away by [`take_over`].
    pub(crate) fn own_again(number: i32) -> File {
        // SAFETY: the number belongs to the test since `take_over`.
        unsafe { File::from_raw_fd(number) }
    }
}
