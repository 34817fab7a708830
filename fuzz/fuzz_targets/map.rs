//! Any program, folded, and any map of it.
#![no_main]

use execmap_fuzz::{faces, maps, programs};
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|data: &[u8]| -> Corpus {
    let Some((head, steps)) = data.split_first_chunk::<16>() else {
        return Corpus::Reject;
    };
    let trace = programs::trace(steps);
    maps::is_lossless(&trace);
    let number = head[4..12]
        .iter()
        .fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    let choice = u64::from(u16::from_le_bytes([head[0], head[1]])) << 2 | 2;
    let pattern = String::from_utf8_lossy(&head[12..]);
    faces::asked(&trace, choice, pattern.trim_end_matches('\0'), number);
    Corpus::Keep
});
