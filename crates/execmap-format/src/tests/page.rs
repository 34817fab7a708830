//! `docs/format.md` draws the bytes that are written.

use crate::token;
use crate::{
    BlockKind, CallId, Code, Definition, DefinitionCounts, FileHeader, Loss, LossReason,
    PartHeader, SegmentHeader, TaskDef, ThreadDef, TypeDef, encode_block,
};

const PAGE: &str = include_str!("../../../../docs/format.md");

fn hex(bytes: &[u8]) -> String {
    let words: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    words.join(" ")
}

/// Whether a table has a row that begins so.
fn has_row(start: &str) -> bool {
    PAGE.lines().any(|line| line.starts_with(start))
}

#[test]
fn heads_begin_as_the_page_says() {
    let header = FileHeader {
        version: crate::FORMAT_VERSION,
        run_id: [7; 16],
    };
    assert!(PAGE.contains(&format!("Format version {}.", crate::FORMAT_VERSION)));
    assert!(has_row(&format!(
        "| 0 | 8 | `{}`",
        hex(&header.encode()[..8])
    )));

    let mut block = Vec::new();
    let mut packer = zstd::bulk::Compressor::new(1).expect("zstd has level 1");
    encode_block(
        &mut block,
        BlockKind::Events,
        b"abc",
        &mut packer,
        &mut Vec::new(),
    );
    assert!(has_row(&format!("| 0 | 4 | `{}`", hex(&block[..4]))));
    assert_eq!((block[4], block[5], block.len()), (3, 0, 20 + 3));
    assert_eq!((block[8], block[12]), (3, 3));

    let part = PartHeader {
        run_id: [1; 16],
        pid: 2,
        first: super::clock(3),
        latest: super::clock(4),
    };
    let bytes = part.encode();
    assert!(has_row("| 0 | 8 | `execmapP` |") && bytes.starts_with(b"execmapP"));
    assert_eq!((bytes[12], bytes[16], bytes[32], bytes[48]), (2, 1, 3, 4));

    let head = SegmentHeader {
        capacity: 1,
        log: 2,
        sequence: 3,
        next_call: 5,
        drained: 6,
        ..super::segment_head(4, 7)
    };
    let bytes = head.encode();
    assert!(has_row(&format!("| 0 | 4 | `{}`", hex(&bytes[..4]))));
    let fields = [4, 8, 12, 16, 20, 24, 40, 48].map(|at| bytes[at]);
    assert_eq!(fields, [1, 1, 2, 3, 4, 7, 5, 6]);
}

#[test]
fn every_definition_and_tag_stands_on_the_page() {
    let call = Some(CallId(1));
    let thread = || ThreadDef {
        created_by: call,
        ..ThreadDef::default()
    };
    let loss = Loss {
        reason: LossReason::Cut,
        count: 1,
        detail: String::new(),
    };
    let window = Definition::Window {
        first: 1,
        last: 2,
        clock: super::clock(3),
    };
    let all = [
        ("1 | fact", Definition::Meta(String::new(), String::new())),
        ("2 *n* | symbol", Definition::Symbol(String::new())),
        ("3 *n* | type", Definition::Type(TypeDef::default())),
        ("4 *n* | code", Definition::Code(Box::<Code>::default())),
        ("5 *n* | thread", Definition::Thread(thread())),
        ("6 *n* | task", Definition::Task(TaskDef::default())),
        ("7 | loss", Definition::Loss(loss)),
        ("8 | clock", Definition::Clock(super::clock(1))),
        ("9 | end", Definition::End),
        ("10 | thread", Definition::ThreadUpdate(0, thread())),
        ("11 | task", Definition::TaskUpdate(0, TaskDef::default())),
        ("12 | window", window),
        (
            "13 | counts",
            Definition::Counts(DefinitionCounts::default()),
        ),
    ];
    for (row, definition) in all {
        let mut bytes = Vec::new();
        definition.encode(&mut bytes);
        assert!(row.starts_with(&bytes[0].to_string()), "{row}");
        assert!(has_row(&format!("| {row}")), "{row}");
        assert_eq!(Definition::take(&mut &bytes[..]), Some(Some(definition)));
    }
    let fixed = [token::INT32, token::INT64, token::FLOAT, token::SYMBOL];
    for tag in fixed.into_iter().chain(token::STR..token::RANGE) {
        assert!(has_row(&format!("| {tag:02x} |")), "{tag:02x}");
    }
    assert!(has_row(&format!(
        "| {:02x}, {:02x} |",
        token::RANGE,
        token::SLICE
    )));
}
