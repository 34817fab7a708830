//! Being told of a fork.

use std::sync::Once;

static ONCE: Once = Once::new();

/// Has `before` called in the process that forks and `in_child` in the new one, for every `fork` of
/// this process from now on. Only the first call has an effect. Both run on the forking thread.
pub fn at_fork(before: extern "C" fn(), in_child: extern "C" fn()) {
    ONCE.call_once(|| {
        // SAFETY: both are functions of this library, which is never unloaded once it registered them.
        unsafe { libc::pthread_atfork(Some(before), None, Some(in_child)) };
    });
}

/// The system's number of the running thread.
#[must_use]
pub fn thread_number() -> u64 {
    // SAFETY: the call has no preconditions.
    unsafe { libc::syscall(libc::SYS_gettid) as u64 }
}

/// Writes a line to the error stream, from a process that may have been forked while another thread
/// held any lock.
pub fn say(line: &str) {
    // SAFETY: the bytes live for the time of the call; the number of the stream may be closed or
    // anyone's, as for every writer to it.
    unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) };
}
