//! What others do beside the recorder: tools that take its place, interpreters it does not see.

use execmap_record::format::LossReason;
use pyo3::ffi;
use pyo3::prelude::*;

use super::engine::Engine;

/// What was noticed and said so far.
#[derive(Default)]
pub(super) struct Neighbours {
    interference: Option<String>,
    /// Interpreters that were there or were made, the main one included.
    interpreters: u64,
    /// Calls that were gone without an event.
    pub(super) unseen_ends: u64,
}

impl Engine {
    /// Looks whether another tool has taken or changed what is ours, and says so once.
    pub(super) fn note_interference(&mut self, py: Python<'_>) {
        let found = self.monitoring.interference(py);
        self.say_interference(found);
    }

    /// Says what another tool did, once.
    pub(super) fn say_interference(&mut self, found: Option<String>) {
        let (Some(found), None) = (found, &self.neighbours.interference) else {
            return;
        };
        let text = format!(
            "another tool {found}: from some call before c-{} on, calls may be missing",
            self.next_call
        );
        self.define_loss(LossReason::Degraded, 1, text.clone());
        self.neighbours.interference = Some(text);
    }

    /// Says how many calls ended without an event, as they do when another tool turns off the events
    /// of a single function.
    pub(super) fn note_unseen_ends(&mut self) {
        let count = std::mem::take(&mut self.neighbours.unseen_ends);
        self.define_loss(
            LossReason::Degraded,
            count,
            "calls whose end CPython did not report".to_owned(),
        );
    }

    /// What another tool did, in words.
    pub(super) fn interference(&self) -> Option<&str> {
        self.neighbours.interference.as_deref()
    }

    /// Counts the interpreters of this process when the recording begins; one that is there already
    /// is as little followed as one that is made.
    pub(super) fn count_interpreters(&mut self) {
        let alive = live_interpreters();
        let made = interpreters_made().unwrap_or(alive);
        self.neighbours.interpreters = made + 1 - alive;
    }

    /// Says how many interpreters beside the main one were there since that was said last.
    pub(super) fn note_interpreters(&mut self) {
        let made = interpreters_made().unwrap_or_else(live_interpreters);
        let new = made.saturating_sub(self.neighbours.interpreters);
        if new > 0 {
            self.neighbours.interpreters = made;
            let detail = "subinterpreters: only the main interpreter is recorded".to_owned();
            self.define_loss(LossReason::NotFollowed, new, detail);
        }
    }
}

unsafe extern "C" {
    static _PyRuntime: [u64; RUNTIME_WORDS];
    fn PyInterpreterState_Head() -> *mut ffi::PyInterpreterState;
    fn PyInterpreterState_Main() -> *mut ffi::PyInterpreterState;
    fn PyInterpreterState_Next(of: *mut ffi::PyInterpreterState) -> *mut ffi::PyInterpreterState;
}

/// As much of `_PyRuntime` as is looked through; it is many times longer.
const RUNTIME_WORDS: usize = 2048;

fn live_interpreters() -> u64 {
    let mut count = 0;
    // SAFETY: the list changes only under the interpreter lock of whoever makes or ends one; each
    // step reads one link.
    unsafe {
        let mut at = PyInterpreterState_Head();
        while !at.is_null() {
            count += 1;
            at = PyInterpreterState_Next(at);
        }
    }
    count
}

/// How many interpreters this process has ever made, the main one included.
///
/// `_PyRuntime.interpreters` holds the newest, the main one and the next number, in this order since
/// 3.12; it is found by the first two.
fn interpreters_made() -> Option<u64> {
    // SAFETY: two look-ups without effect.
    let pair = unsafe {
        [
            PyInterpreterState_Head() as u64,
            PyInterpreterState_Main() as u64,
        ]
    };
    // SAFETY: exported by every build of CPython and longer than what is declared; its words are
    // plain numbers, and those of `interpreters` change only under an interpreter lock.
    let words: &[u64; RUNTIME_WORDS] = unsafe { &*std::ptr::addr_of!(_PyRuntime) };
    let at = words.windows(2).position(|two| two == pair)?;
    let made = *words.get(at + 2)?;
    (live_interpreters()..1 << 32)
        .contains(&made)
        .then_some(made)
}
