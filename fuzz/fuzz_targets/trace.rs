//! Payloads behind right checksums, as blocks and segments in any order: every question, every face.
#![no_main]

use execmap_fuzz::frames::{build, parse, serialise};
use execmap_fuzz::random::Random;
use execmap_fuzz::{faces, mutate};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|data: &[u8]| {
    let (main, part) = build(&parse(data));
    if let Ok(trace) = execmap_query::testing::open_bytes(main, part) {
        faces::all(&trace);
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut random = Random::new(u64::from(seed));
    let mut frames = parse(&data[..size]);
    let at = random.below(frames.len());
    if let Some(frame) = frames.get_mut(at).filter(|_| !random.once_in(4)) {
        let len = frame.bytes.len();
        frame.bytes.resize(len + 64, 0);
        let len = fuzzer_mutate(&mut frame.bytes, len, len + 64);
        frame.bytes.truncate(len);
    } else {
        let donor = frames.clone();
        mutate::frames(&mut random, &mut frames, &donor);
    }
    let bytes = serialise(&frames);
    let len = bytes.len().min(max_size);
    data[..len].copy_from_slice(&bytes[..len]);
    len
});
