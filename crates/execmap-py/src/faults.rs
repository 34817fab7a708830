//! Faults of execmap itself: kept for the trace, never printed to the program's stream.

use std::panic;
use std::sync::{Mutex, Once, PoisonError};

use crate::cpython::is_recording;

/// What the first panic during a recording said.
static FIRST: Mutex<Option<String>> = Mutex::new(None);
static KEEP: Once = Once::new();

/// From now on panics while a recording goes on are kept, the first of them.
#[expect(
    clippy::disallowed_methods,
    reason = "an extension module has a Rust of its own, so no other code is under this hook"
)]
pub(crate) fn keep() {
    KEEP.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !is_recording() {
                before(panic);
                return;
            }
            let what = panic.payload_as_str().unwrap_or("panic");
            let at = panic
                .location()
                .map_or_else(String::new, |at| format!(" ({}:{})", at.file(), at.line()));
            let mut first = FIRST.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert_with(|| format!("{what}{at}"));
        }));
    });
}

/// What the first panic said.
pub(crate) fn first() -> Option<String> {
    FIRST.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
