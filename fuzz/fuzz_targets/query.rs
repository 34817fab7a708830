//! Any question on sound traces: patterns, limits, roots.
#![no_main]

use std::cell::OnceCell;

use execmap_fuzz::{faces, seeds};
use execmap_query::Trace;
use libfuzzer_sys::{Corpus, fuzz_target};

thread_local! {
    static TRACES: OnceCell<Vec<Trace>> = const { OnceCell::new() };
}

fn open() -> Vec<Trace> {
    let open = |(_, main, part)| {
        execmap_query::testing::open_bytes(main, part).expect("a golden trace opens")
    };
    seeds::traces().into_iter().map(open).collect()
}

fuzz_target!(|data: &[u8]| -> Corpus {
    let Some((head, pattern)) = data.split_first_chunk::<10>() else {
        return Corpus::Reject;
    };
    let number = head[2..]
        .iter()
        .fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    let pattern = String::from_utf8_lossy(pattern);
    TRACES.with(|traces| {
        let traces = traces.get_or_init(open);
        let trace = &traces[usize::from(head[0]) % traces.len()];
        faces::asked(trace, u64::from(head[1]), &pattern, number);
    });
    Corpus::Keep
});
