//! A thread that no signal is delivered to.

use std::io;
use std::thread::{Builder, JoinHandle};

/// Starts a thread with all signals blocked, so that the program's own threads get them.
pub fn spawn_without_signals<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    // SAFETY: a zeroed set is a valid place for `sigfillset`, which makes it a whole one.
    let mut all: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    let mut before: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: both sets are valid; the new thread inherits the mask, then this thread's is restored. A
    // fault of the thread itself cannot be put off: were it blocked, it would end the process.
    unsafe {
        libc::sigfillset(&raw mut all);
        for fault in [libc::SIGBUS, libc::SIGSEGV, libc::SIGFPE, libc::SIGILL] {
            libc::sigdelset(&raw mut all, fault);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
    }
    let thread = Builder::new()
        .name(name.to_owned())
        .stack_size(1 << 20)
        .spawn(work);
    // SAFETY: `before` was filled by the call above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut()) };
    thread
}
