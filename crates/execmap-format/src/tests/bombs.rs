//! Small files that say they are large: a reader's memory and time go by what is in them, not by
//! what they claim.

use crate::columns::{BlockHead, Column, ColumnsOut};
use crate::testing::TraceBuilder;
use crate::varint::{put, put_bytes};
use crate::{
    BlockKind, ClockPair, Definition, Definitions, FileHeader, Source, TraceReader, ValueRef,
    Values, encode_block, kind, token,
};

fn header() -> Vec<u8> {
    let header = FileHeader {
        version: crate::FORMAT_VERSION,
        run_id: [7; 16],
    };
    header.encode().to_vec()
}

fn block(kind: BlockKind, payload: &[u8]) -> Vec<u8> {
    let mut packer = zstd::bulk::Compressor::new(1).expect("zstd has level 1");
    let (mut out, mut scratch) = (Vec::new(), Vec::new());
    encode_block(&mut out, kind, payload, &mut packer, &mut scratch);
    out
}

/// A block of events with these columns under this head.
fn events(head: &BlockHead, fill: impl FnOnce(&mut ColumnsOut)) -> Vec<u8> {
    let mut columns = ColumnsOut::default();
    fill(&mut columns);
    let mut payload = Vec::new();
    columns.finish(head, &mut payload);
    block(BlockKind::Events, &payload)
}

fn opened(blocks: &[Vec<u8>]) -> TraceReader<Vec<u8>> {
    let main = [header(), blocks.concat()].concat();
    TraceReader::open(main, None).expect("the header is sound")
}

#[test]
fn blocks_that_unpack_to_far_more_than_the_file_are_left_and_counted() {
    // An empty symbol takes three bytes, and eight times as many in memory.
    let symbols = [2, 1, 0].repeat(1 << 20);
    let packed = block(BlockKind::Definitions, &symbols);
    assert!(packed.len() < 4096, "3 MB lie in {} bytes", packed.len());
    let trace = opened(&vec![packed; 40]);
    let read = trace.definitions().symbol_count();
    assert!(read <= (1 << 20) + (40 << 12), "{read} symbols");
    assert_eq!(trace.summary().damaged_blocks, 39, "each block is counted");
}

#[test]
fn events_that_unpack_to_far_more_than_the_file_are_left_and_counted() {
    let records = 4u64 << 20;
    let blocks: Vec<Vec<u8>> = (0..60)
        .map(|sequence| {
            let head = BlockHead {
                sequence,
                records,
                ..BlockHead::default()
            };
            events(&head, |columns| {
                *columns.column(Column::Kinds) = vec![kind::AWAIT; records as usize];
                *columns.column(Column::Times) = vec![1; records as usize];
            })
        })
        .collect();
    assert!(blocks.concat().len() < 60 * 4096);
    let trace = opened(&blocks);
    assert!(trace.summary().events <= 48 * records);
    assert_eq!(
        trace.summary().events / records + u64::from(trace.summary().damaged_blocks),
        60
    );
}

#[test]
fn a_block_that_says_more_calls_than_records_or_records_than_bytes_is_damaged() {
    for (records, starts) in [(1, u64::MAX), (1 << 40, 1 << 40)] {
        let head = BlockHead {
            records,
            starts,
            ..BlockHead::default()
        };
        let trace = opened(&[events(&head, |_| {})]);
        assert_eq!(
            (trace.summary().calls, trace.summary().damaged_blocks),
            (0, 1)
        );
    }
}

#[test]
fn a_window_holds_no_more_calls_than_the_trace() {
    let mut builder = TraceBuilder::default();
    builder.define(&Definition::Window {
        first: 0,
        last: 1 << 44,
        clock: ClockPair::default(),
    });
    for tick in 0..3 {
        builder.start(0, 10 * tick, 0, None, &[]);
    }
    let trace = TraceReader::open(builder.build(1000), None::<Vec<u8>>);
    assert_eq!(trace.expect("it is a trace").summary().calls, 3);
}

#[test]
fn running_calls_without_end_are_damage() {
    let records = 9u64 << 20;
    let head = BlockHead {
        records,
        ..BlockHead::default()
    };
    let block = events(&head, |columns| {
        *columns.column(Column::Kinds) = vec![kind::RESUME; records as usize];
        *columns.column(Column::Times) = vec![1; records as usize];
        *columns.column(Column::Numbers) = vec![5; records as usize];
    });
    let mut seen = 0u64;
    let damaged = opened(&[block])
        .for_each_event(&mut |_, _| seen += 1)
        .expect("memory can be read");
    assert_eq!((seen, damaged), ((8 << 20) + 1, 1));
}

/// Switches between thousands of stacks: each must find its call at once.
#[test]
fn switches_between_many_stacks_are_found_by_number() {
    let stacks = 20_000u64;
    let mut columns = ColumnsOut::default();
    let mut records = 0;
    for round in 0..4 {
        for call in 0..stacks {
            columns.column(Column::Kinds).push(kind::SWITCH);
            put(columns.column(Column::Times), 1);
            put(columns.column(Column::Numbers), call + 1);
            records += 1;
            if round == 3 {
                columns.column(Column::Kinds).push(kind::RETURN);
                put(columns.column(Column::Times), 1);
                records += 1;
            }
        }
    }
    let head = BlockHead {
        records,
        ..BlockHead::default()
    };
    let trace = opened(&[events(&head, |filled| *filled = columns)]);
    let mut returned = Vec::new();
    trace
        .for_each_event(&mut |_, event| {
            if let crate::Event::Return { call, .. } = event {
                returned.push(call.0);
            }
        })
        .expect("memory can be read");
    assert_eq!(returned, (0..stacks).collect::<Vec<u64>>());
}

/// Each row holds the one before it twice: a text of 2⁶⁰ characters.
#[test]
fn a_value_that_doubles_with_every_row_is_cut() {
    let mut rows = vec![0];
    put_bytes(
        &mut rows,
        &[&[token::STR][..], &vec![b'x'; 60_000]].concat(),
    );
    for row in 0u64..60 {
        let mut bytes = vec![token::SEQ, token::seq_kind::LIST, 2, 2];
        put(&mut bytes, ValueRef::row(row).0);
        put(&mut bytes, ValueRef::row(row).0);
        put_bytes(&mut rows, &bytes);
    }
    // A list of the long text, a thousand times.
    let mut bytes = vec![token::SEQ, token::seq_kind::SET];
    put(&mut bytes, 1000);
    put(&mut bytes, 1000);
    for _ in 0..1000 {
        put(&mut bytes, ValueRef::row(0).0);
    }
    put_bytes(&mut rows, &bytes);
    let mut values = Values::default();
    assert!(values.extend(&rows));
    for row in 0..values.len() as u64 {
        let text = values.text(ValueRef::row(row), &Definitions::default());
        assert!(text.len() < 2 << 20, "row {row}: {} bytes", text.len());
    }
}

#[test]
fn a_row_longer_than_any_token_is_lost_and_those_after_it_stay() {
    let mut rows = vec![0];
    put_bytes(
        &mut rows,
        &[&[token::STR][..], &vec![b'x'; 1 << 20]].concat(),
    );
    put_bytes(&mut rows, &[token::STR, b'y']);
    let mut values = Values::default();
    assert!(values.extend(&rows));
    let text = |row| values.text(ValueRef::row(row), &Definitions::default());
    assert_eq!((text(0), text(1)), ("lost".to_owned(), "'y'".to_owned()));
}

#[test]
fn gaps_in_the_table_of_values_are_bounded_in_all() {
    let mut values = Values::default();
    let mut taken = 0;
    for gap in 1..=40u64 {
        let mut rows = Vec::new();
        put(&mut rows, gap << 20);
        taken += u32::from(values.extend(&rows));
    }
    assert_eq!(taken, 4);
    assert_eq!(values.len(), 4 << 20);
}

/// What looks like heads of blocks of 64 MiB, a hundred thousand times, and then a sound block.
#[test]
fn a_search_for_the_next_block_ends() {
    let mut fake = b"XBlk".to_vec();
    fake.extend_from_slice(&[1, 0, 0, 0]);
    fake.extend_from_slice(&(60u32 << 20).to_le_bytes());
    fake.extend_from_slice(&(60u32 << 20).to_le_bytes());
    let mut main = [header(), fake.repeat(100_000)].concat();
    main.resize(80 << 20, 0);
    let trace = TraceReader::open(main, None).expect("the header is sound");
    assert!(trace.summary().truncated_bytes > 0);
}

/// A side file that is as long as a disk.
struct Endless;

impl Source for Endless {
    fn len(&self) -> std::io::Result<u64> {
        Ok(1 << 44)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> std::io::Result<usize> {
        into.fill(0);
        if let Some(part) = header().get(offset as usize..) {
            let len = part.len().min(into.len());
            into[..len].copy_from_slice(&part[..len]);
        }
        Ok(into.len())
    }
}

#[test]
fn a_file_of_any_length_is_read_in_pieces() {
    let trace = TraceReader::open(Endless, Some(Endless)).expect("the header is sound");
    assert!(!trace.summary().recovered);
    assert_eq!(trace.summary().truncated_bytes, (1 << 44) - 32);
}

#[test]
fn the_same_block_twice_tells_everything_once() {
    let mut columns = ColumnsOut::default();
    columns
        .column(Column::Kinds)
        .extend([kind::START, kind::RETURN]);
    columns.column(Column::Times).extend([1, 1]);
    columns.column(Column::Codes).push(0);
    columns.column(Column::Sites).push(0);
    let mut payload = Vec::new();
    let head = BlockHead {
        records: 2,
        starts: 1,
        ..BlockHead::default()
    };
    columns.finish(&head, &mut payload);
    let events = block(BlockKind::Events, &payload);
    let trace = opened(&[events.clone(), events]);
    let mut starts = 0;
    trace
        .for_each_event(&mut |_, event| {
            starts += u32::from(matches!(event, crate::Event::Start { .. }));
        })
        .expect("memory can be read");
    assert_eq!((starts, trace.summary().damaged_blocks), (1, 1));
}
