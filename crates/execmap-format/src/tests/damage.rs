//! Whatever the bytes are, reading them ends, and without a panic.

use proptest::prelude::*;

use super::values::tree;
use crate::{
    Block, Definitions, FileHeader, Interner, LogTranscoder, PART_HEADER_LEN, PartHeader, Records,
    SEGMENT_HEADER_LEN, SegmentHeader, TraceReader, ValueRef, Values, read_segments, token,
};

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..most)
}

/// Asks a trace for all it holds.
fn read_all(main: &[u8], part: Option<&[u8]>) {
    let Ok(trace) = TraceReader::open(main, part) else {
        return;
    };
    let mut values = Vec::new();
    let damaged = trace.for_each_event(&mut |_, event| match *event {
        crate::Event::Start { args, .. } => values.extend_from_slice(args),
        crate::Event::Return { value, .. } | crate::Event::Raise { value, .. } => {
            values.push(value);
        }
        _ => {}
    });
    assert!(damaged.is_ok(), "slices can be read");
    for value in values.into_iter().take(100) {
        let _ = trace.values().text(value, trace.definitions());
        let _ = trace.values().exception_text(value, trace.definitions());
    }
}

proptest! {
    #[test]
    fn any_bytes_open_or_say_why(main in bytes(400), part in bytes(400)) {
        read_all(&main, None);
        let header = FileHeader { version: 1, run_id: [7; 16] }.encode();
        let head = PartHeader { run_id: [7; 16], ..part_header() }.encode();
        let main = [&header[..], &main].concat();
        let mut side = head.to_vec();
        side.resize(PART_HEADER_LEN, 0);
        side.extend_from_slice(&part);
        read_all(&main, Some(&side));
    }

    #[test]
    fn any_payloads_of_blocks_are_read(definitions in bytes(300), values in bytes(300), events in bytes(300)) {
        read_all(&super::file_of(&definitions, &values, &events), None);
    }

    #[test]
    fn any_records_are_read(records in bytes(600), next_call: u64, tick: u64, kinds in bytes(40)) {
        // Mostly records of known kinds, in any order and with anything in them.
        let mut words = records;
        for (index, kind) in kinds.iter().enumerate() {
            if let Some(byte) = words.get_mut(index * 16) {
                *byte = kind % 18;
            }
        }
        let head = SegmentHeader { next_call, ..super::segment_head(words.len(), tick) };
        prop_assert!(Records::new(&words).count() <= words.len() / 8);
        let mut interner = Interner::new(0);
        let (mut events, mut values) = (Vec::new(), Vec::new());
        LogTranscoder::default().segment(&head, &words, &mut interner, &mut events);
        interner.take_fresh(&mut values);
        read_all(&super::file_of(&[], &values, &events), None);

        let mut part = PartHeader { run_id: [7; 16], ..part_header() }.encode().to_vec();
        part.resize(PART_HEADER_LEN, 0);
        let capacity = (SEGMENT_HEADER_LEN + words.len()) as u32;
        part.extend_from_slice(&SegmentHeader { capacity, ..head }.encode());
        part.extend_from_slice(&words);
        read_all(&FileHeader { version: 1, run_id: [7; 16] }.encode(), Some(&part));
    }

    #[test]
    fn any_token_is_taken_or_refused(input in bytes(100), tree in tree(), at in any::<prop::sample::Index>(), flip: u8) {
        let mut rest = &input[..];
        while token::take(&mut rest).is_some() {}
        let mut rest = &input[..];
        let mut interner = Interner::new(0);
        while interner.value(&mut rest).is_some() {}

        let mut damaged = tree.token();
        let place = at.index(damaged.len());
        damaged[place] ^= flip;
        let mut block = Vec::new();
        let value = interner.value(&mut &damaged[..]);
        let mut values = Values::default();
        if interner.take_fresh(&mut block) {
            prop_assert!(values.extend(&block));
        }
        if let Some(value) = value {
            let _ = values.text(value, &Definitions::default());
        }
    }

    #[test]
    fn any_table_of_values_is_shown(rows in prop::collection::vec(bytes(40), 0..20), values in bytes(100), tag in 0x10u8..0x30) {
        let mut table = Values::default();
        table.extend(&values);
        let mut block = Vec::new();
        crate::varint::put(&mut block, table.len() as u64);
        for row in &rows {
            crate::varint::put_bytes(&mut block, &[&[tag][..], row].concat());
        }
        table.extend(&block);
        let len = table.len() as u64;
        for index in len.saturating_sub(20)..len {
            let value = ValueRef::row(index);
            let _ = table.text(value, &Definitions::default());
            let _ = table.exception_text(value, &Definitions::default());
        }
    }

    #[test]
    fn any_definitions_are_taken_or_refused(input in bytes(200), kind in 0u8..16, body in bytes(60)) {
        let mut definitions = Definitions::default();
        definitions.extend(&input);
        let mut one = vec![kind];
        crate::varint::put_bytes(&mut one, &body);
        definitions.extend(&one);
        crate::DefinitionCounts::default().add(&input);
    }

    #[test]
    fn any_side_file_gives_segments_inside_it(input in bytes(500), capacities in prop::collection::vec(0u32..200, 0..6)) {
        let mut part = vec![0; PART_HEADER_LEN];
        for (index, capacity) in capacities.iter().enumerate() {
            let head = SegmentHeader { capacity: *capacity, ..super::segment_head(index * 40, 5) };
            part.extend_from_slice(&head.encode());
            part.resize(part.len() + (*capacity as usize).saturating_sub(SEGMENT_HEADER_LEN), 1);
        }
        part.extend_from_slice(&input);
        let held: usize = read_segments(&part).iter().map(|(_, records)| records.len()).sum();
        prop_assert!(held <= part.len());
        let _ = (PartHeader::decode(&input), SegmentHeader::decode(&input), Block::decode_head(&input));
        let _ = read_segments(&input);
    }
}

fn part_header() -> PartHeader {
    PartHeader {
        run_id: [0; 16],
        pid: 1,
        first: super::clock(1),
        latest: super::clock(9),
    }
}

/// Rows that name the row before them ten times over: a text without end, unless it is bounded.
#[test]
fn a_value_that_holds_itself_many_times_is_cut() {
    let mut block = vec![0];
    for row in 0u64..40 {
        let mut bytes = vec![token::SEQ, token::seq_kind::SET, 10, 10];
        for _ in 0..10 {
            crate::varint::put(&mut bytes, ValueRef::row(row.saturating_sub(1)).0);
        }
        crate::varint::put_bytes(&mut block, &bytes);
    }
    let mut values = Values::default();
    assert!(values.extend(&block));
    let text = values.text(ValueRef::row(39), &Definitions::default());
    assert!(text.len() < 1 << 20);
}
