//! Any bytes as a trace, those from the mark of a side file on as that.
#![no_main]

use execmap_fuzz::faces;
use libfuzzer_sys::fuzz_target;

const PART: &[u8] = b"execmapP";

fuzz_target!(|data: &[u8]| {
    let at = data.windows(PART.len()).position(|window| window == PART);
    let (main, part) = data.split_at(at.unwrap_or(data.len()));
    let part = at.map(|_| part.to_vec());
    if let Ok(trace) = execmap_query::testing::open_bytes(main.to_vec(), part) {
        faces::facts(&trace);
    }
});
