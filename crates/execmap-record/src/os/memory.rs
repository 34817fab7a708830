//! Memory for the recorder when the program has used up all there is.
//!
//! Rust ends the process when an allocation fails. A program under a limit of
//! address space gets `MemoryError` instead, and may live on; so the recorder
//! has a reserve, out of which it ends the recording.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Bytes of the reserve: a segment's columns, its values and the tables that grow with them. They are
/// not touched unless they are needed, so they cost address space and no memory.
const RESERVE: usize = 32 << 20;

static FIRST: AtomicUsize = AtomicUsize::new(0);
static USED: AtomicUsize = AtomicUsize::new(0);
static IS_SHORT: AtomicBool = AtomicBool::new(false);
static ONCE: Once = Once::new();

/// Sets the reserve aside.
pub fn reserve_memory() {
    ONCE.call_once(|| {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping, which nothing else knows of.
        let first = unsafe { libc::mmap(std::ptr::null_mut(), RESERVE, access, kind, -1, 0) };
        if first != libc::MAP_FAILED {
            FIRST.store(first as usize, Ordering::Release);
        }
    });
}

/// Whether the reserve had to be used.
#[must_use]
pub fn is_memory_short() -> bool {
    IS_SHORT.load(Ordering::Acquire)
}

/// The system's memory, and the reserve when there is no more of it.
pub struct Memory;

#[cold]
fn from_reserve(layout: Layout) -> *mut u8 {
    IS_SHORT.store(true, Ordering::Release);
    let first = FIRST.load(Ordering::Acquire);
    if first == 0 {
        return std::ptr::null_mut();
    }
    let wanted = layout.size() + layout.align();
    let at = USED.fetch_add(wanted, Ordering::AcqRel);
    if at + wanted > RESERVE {
        return std::ptr::null_mut();
    }
    (first + at).next_multiple_of(layout.align()) as *mut u8
}

fn is_from_reserve(pointer: *mut u8) -> bool {
    let first = FIRST.load(Ordering::Relaxed);
    first != 0 && (pointer as usize).wrapping_sub(first) < RESERVE
}

// SAFETY: memory is the system's, or a piece of the reserve that is given away once and never again;
// both have the size and alignment that were asked for.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's.
        let pointer = unsafe { System.alloc(layout) };
        if pointer.is_null() {
            return from_reserve(layout);
        }
        pointer
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if !is_from_reserve(pointer) {
            // SAFETY: the caller's, and the memory is the system's.
            unsafe { System.dealloc(pointer, layout) };
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !is_from_reserve(pointer) {
            // SAFETY: the caller's, and the memory is the system's.
            let grown = unsafe { System.realloc(pointer, layout, size) };
            if !grown.is_null() {
                return grown;
            }
        }
        // SAFETY: the caller's: the size is sound for this alignment.
        let grown =
            from_reserve(unsafe { Layout::from_size_align_unchecked(size, layout.align()) });
        if !grown.is_null() {
            // SAFETY: both pieces are at least as long as the shorter of the two sizes.
            unsafe { std::ptr::copy_nonoverlapping(pointer, grown, layout.size().min(size)) };
            // SAFETY: the old piece is the caller's and not used again.
            unsafe { self.dealloc(pointer, layout) };
        }
        grown
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! What the running thread holds: every allocation of the tests goes through here.

    use std::alloc::{GlobalAlloc, Layout};
    use std::cell::Cell;

    use super::Memory;

    thread_local! {
        static HELD: Cell<isize> = const { Cell::new(0) };
    }

    struct Counted;

    #[global_allocator]
    static COUNTED: Counted = Counted;

    /// Bytes that this thread has allocated, less those that it has given back.
    pub(crate) fn held() -> isize {
        HELD.get()
    }

    fn note(more: usize, less: usize) {
        // A thread that ends may allocate after its own variables are gone.
        let _ = HELD.try_with(|held| held.set(held.get() + more as isize - less as isize));
    }

    // SAFETY: memory is that of `Memory`.
    unsafe impl GlobalAlloc for Counted {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            note(layout.size(), 0);
            // SAFETY: the caller's.
            unsafe { Memory.alloc(layout) }
        }

        unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
            note(0, layout.size());
            // SAFETY: the caller's.
            unsafe { Memory.dealloc(pointer, layout) };
        }

        unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            note(size, layout.size());
            // SAFETY: the caller's.
            unsafe { Memory.realloc(pointer, layout, size) }
        }
    }
}
