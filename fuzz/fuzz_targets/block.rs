//! Any bytes as the payload of a block: definitions, values, events, and kinds yet to come.
#![no_main]

use execmap_format::{Definitions, TraceReader, ValueRef, Values};
use execmap_fuzz::frames::{Frame, Kind, build};
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|data: &[u8]| -> Corpus {
    let Some((&kind, payload)) = data.split_first() else {
        return Corpus::Reject;
    };
    match kind {
        1 => definitions(payload),
        2 => values(payload),
        3..=8 => in_trace(kind, payload),
        _ => return Corpus::Reject,
    }
    Corpus::Keep
});

fn definitions(payload: &[u8]) {
    let mut definitions = Definitions::default();
    definitions.extend(payload);
    for code in &definitions.codes {
        let _ = (code.line_at(0), code.line_at(u32::MAX));
    }
    let _ = definitions.meta("command");
}

fn values(payload: &[u8]) {
    let (mut values, definitions) = (Values::default(), Definitions::default());
    values.extend(payload);
    for row in 0..values.len().min(64) as u64 {
        let value = ValueRef(row << 2 | 1);
        let _ = values.text(value, &definitions);
        let _ = values.exception_text(value, &definitions);
    }
}

fn in_trace(kind: u8, payload: &[u8]) {
    let frame = Frame {
        kind: Kind::Block(kind),
        plain: 0,
        bytes: payload.to_vec(),
    };
    let (main, _) = build(&[frame.clone(), frame]);
    let reader = TraceReader::open(main, None::<Vec<u8>>).expect("the header is sound");
    reader
        .for_each_event(&mut |_, _| {})
        .expect("memory can be read");
}
