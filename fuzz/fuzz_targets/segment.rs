//! Any bytes as the records of a segment: tokens to values, records to columns, columns to events.
#![no_main]

use execmap_format::{
    ClockPair, Interner, LogTranscoder, Records, SEGMENT_HEADER_LEN, SegmentHeader, SegmentState,
    TraceReader, ValueRef, Values,
};
use execmap_fuzz::frames::{Frame, Kind, build};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    tokens(data);
    let (first, second) = data.split_at(data.len() / 16 * 8);
    records(first, second);
});

fn tokens(mut data: &[u8]) {
    let (mut interner, mut values) = (Interner::new(0), Values::default());
    let mut found = Vec::new();
    while !data.is_empty()
        && found.len() < 64
        && let Some(value) = interner.value(&mut data)
    {
        found.push(value);
    }
    let mut fresh = Vec::new();
    if interner.take_fresh(&mut fresh) {
        assert!(values.extend(&fresh), "rows come back as they were written");
    }
    for value in found {
        let _ = values.text(value, &execmap_format::Definitions::default());
        let _ = values.exception_text(ValueRef(value.0), &execmap_format::Definitions::default());
    }
}

/// Two segments of a log through the trace's way and the side file's give the same events.
fn records(first: &[u8], second: &[u8]) {
    let head = |sequence: u32, published: usize| SegmentHeader {
        capacity: (SEGMENT_HEADER_LEN + published) as u32,
        state: SegmentState::InUse,
        log: 0,
        sequence,
        published: published as u32,
        clock: ClockPair {
            tick: 5,
            monotonic_ns: 5,
        },
        next_call: 0,
        drained: 0,
    };
    let heads = [
        (head(0, first.len()), first),
        (head(1, second.len()), second),
    ];
    let (mut interner, mut transcoder) = (Interner::new(0), LogTranscoder::default());
    let (mut blocks, mut segments, mut count) = (Vec::new(), Vec::new(), 0u64);
    for (head, records) in heads {
        let (mut events, mut values) = (Vec::new(), Vec::new());
        let done = transcoder.segment(&head, records, &mut interner, &mut events);
        let read = Records::new(records).count() as u64;
        assert_eq!(done.records, read, "each record is counted");
        count += read;
        if interner.take_fresh(&mut values) {
            blocks.push(Frame {
                kind: Kind::Block(2),
                plain: 0,
                bytes: values,
            });
        }
        blocks.push(Frame {
            kind: Kind::Block(3),
            plain: 0,
            bytes: events,
        });
        segments.push(Frame {
            kind: Kind::Segment,
            plain: 0,
            bytes: [&head.encode()[..], records].concat(),
        });
    }
    let seen = |frames: &[Frame]| {
        let (main, part) = build(frames);
        let reader = TraceReader::open(main, part).expect("the header is sound");
        assert!(reader.summary().events <= count);
        let mut events = Vec::new();
        reader
            .for_each_event(&mut |log, event| events.push(format!("{log:?} {event:?}")))
            .expect("memory can be read");
        events
    };
    let (written, recovered) = (seen(&blocks), seen(&segments));
    // The clocks differ, and with them the times.
    assert_eq!(written.len(), recovered.len(), "both ways tell the same");
}
