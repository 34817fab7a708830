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
    let processes = seeds::all().into_iter().flat_map(|seed| seed.processes);
    let open = |files: seeds::Files| {
        execmap_query::testing::open_bytes(files.main, files.part).expect("a golden trace opens")
    };
    processes.map(open).collect()
}

fuzz_target!(|data: &[u8]| -> Corpus {
    let Some((head, pattern)) = data.split_first_chunk::<11>() else {
        return Corpus::Reject;
    };
    let number = head[3..]
        .iter()
        .fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    let pattern = String::from_utf8_lossy(pattern);
    TRACES.with(|traces| {
        let traces = traces.get_or_init(open);
        let trace = &traces[usize::from(head[0]) % traces.len()];
        let choice = u64::from(u16::from_le_bytes([head[1], head[2]]));
        faces::asked(trace, choice, &pattern, number);
    });
    Corpus::Keep
});
