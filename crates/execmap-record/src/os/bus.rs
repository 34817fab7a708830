//! What to do when a mapped file has become shorter than its mapping.
//!
//! Whoever cuts a mapped file (`truncate`, a tidy program, a network drive that
//! is gone) makes the next touch of its pages a `SIGBUS`, which would end the
//! program for something that is ours. A fault inside our own slabs is mended by
//! empty memory in the page's place, and noted; the recording then ends. Every
//! other `SIGBUS` does what it would have done.

use std::cell::UnsafeCell;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// More slabs than a recording has.
const MOST: usize = 128;
const PAGE: usize = 4096;

/// Addresses of mapped slabs: first byte and length, 0 for none.
static SLABS: [(AtomicUsize, AtomicUsize); MOST] =
    [const { (AtomicUsize::new(0), AtomicUsize::new(0)) }; MOST];
static IS_TORN: AtomicBool = AtomicBool::new(false);
static INSTALL: Once = Once::new();

struct Before(UnsafeCell<libc::sigaction>);

// SAFETY: written once, before the handler that reads it is installed.
unsafe impl Sync for Before {}

/// What was to be done on `SIGBUS` before.
// SAFETY: a zeroed action is a valid one: the default, with no signals blocked.
static BEFORE: Before = Before(UnsafeCell::new(unsafe { std::mem::zeroed() }));

/// Whether a page of a slab was found to be gone, and takes that back.
pub fn take_torn() -> bool {
    IS_TORN.swap(false, Ordering::AcqRel)
}

/// Mends pages of this slab that go missing.
pub(super) fn guard(first: usize, len: usize) {
    INSTALL.call_once(install);
    let free = SLABS.iter().find(|(at, _)| {
        at.compare_exchange(0, first, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    });
    if let Some((_, slab_len)) = free {
        slab_len.store(len, Ordering::Release);
    }
}

/// Forgets a slab that is about to be unmapped.
pub(super) fn forget(first: usize) {
    if let Some((at, len)) = SLABS
        .iter()
        .find(|(at, _)| at.load(Ordering::Acquire) == first)
    {
        len.store(0, Ordering::Release);
        at.store(0, Ordering::Release);
    }
}

fn install() {
    // SAFETY: a zeroed action is a valid place; the handler is a function of this library, which is
    // never unloaded; `BEFORE` is written before anything can read it.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_bus as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
        libc::sigemptyset(&raw mut action.sa_mask);
        libc::sigaction(libc::SIGBUS, std::ptr::null(), BEFORE.0.get());
        libc::sigaction(libc::SIGBUS, &raw const action, std::ptr::null_mut());
    }
}

fn is_ours(address: usize) -> bool {
    SLABS.iter().any(|(first, len)| {
        let first = first.load(Ordering::Acquire);
        first != 0 && address >= first && address - first < len.load(Ordering::Acquire)
    })
}

/// Uses only what may be used in a handler: atomics and system calls.
extern "C" fn on_bus(signal: libc::c_int, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: the system gives a valid description of the signal.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr() as usize) };
    let is_fault = code > 0;
    if is_fault && is_ours(address) {
        let page = address & !(PAGE - 1);
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
        // SAFETY: the page lies inside a slab of ours, which stays mapped; its content is gone already.
        let mended = unsafe { libc::mmap(page as *mut _, PAGE, access, kind, -1, 0) };
        if mended != libc::MAP_FAILED {
            IS_TORN.store(true, Ordering::Release);
            return;
        }
    }
    // SAFETY: what was there before is put back. A fault comes again at once; a signal that was sent
    // is sent again, and arrives when this handler has ended.
    unsafe {
        libc::sigaction(signal, BEFORE.0.get(), std::ptr::null_mut());
        if !is_fault {
            libc::raise(signal);
        }
    }
}
