//! Any program, folded, and any map of it.
#![no_main]

use execmap_fuzz::programs;
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|data: &[u8]| -> Corpus {
    if programs::try_out(data) {
        Corpus::Keep
    } else {
        Corpus::Reject
    }
});
