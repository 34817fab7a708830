//! The raw cycle counter, and how it relates to `CLOCK_MONOTONIC`.

use execmap_format::ClockPair;

/// The cycle counter: one instruction, some nanoseconds.
#[inline]
#[must_use]
pub fn ticks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has the time stamp counter, and Linux lets programs read it.
    unsafe {
        std::arch::x86_64::_rdtsc()
    }
    #[cfg(target_arch = "aarch64")]
    {
        let value: u64;
        // SAFETY: reading the virtual counter has no effect and is allowed in user mode on Linux.
        unsafe { std::arch::asm!("mrs {}, cntvct_el0", out(reg) value, options(nomem, nostack)) };
        value
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    monotonic_ns()
}

fn monotonic_ns() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is a valid place for one timespec; the clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Both clocks at one moment: the reading of several with the smallest gap.
#[must_use]
pub fn clock_pair() -> ClockPair {
    let mut best = (u64::MAX, ClockPair::default());
    for _ in 0..3 {
        let before = ticks();
        let monotonic_ns = monotonic_ns();
        let gap = ticks().saturating_sub(before);
        if gap < best.0 {
            best = (
                gap,
                ClockPair {
                    tick: before + gap / 2,
                    monotonic_ns,
                },
            );
        }
    }
    best.1
}
