//! What a recorder writes is what a reader sees.

use crate::testing::{TraceBuilder, exception_token, int_token, str_token};
use crate::{CallId, Code, Definition, Event, TraceReader, TypeDef, token};

fn trace() -> Vec<u8> {
    let mut builder = TraceBuilder::default();
    for name in ["<module>", "outer", "gen"] {
        builder.define(&Definition::Code(Box::new(Code {
            qualname: name.into(),
            ..Code::default()
        })));
    }
    builder.define(&Definition::Type(TypeDef {
        name: "ValueError".into(),
        full_name: "ValueError".into(),
    }));
    builder
        .start(0, 10, 0, None, &[])
        .start(0, 20, 1, Some(4), &[int_token(-7), str_token("it's")])
        .start(0, 30, 2, Some(8), &[])
        .suspend(0, 40)
        .loop_entry(0, 12, 3)
        .resume(0, 50, 2)
        .ret(0, 60, &[token::NONE])
        .raise(0, 70, 0, &exception_token(0, "bad"))
        .unwind(0, 80, 0)
        .ret(0, 90, &int_token(300));
    builder.build(100)
}

fn story(bytes: &[u8]) -> Vec<String> {
    let trace = TraceReader::open(bytes, None).expect("the trace is sound");
    let mut lines = Vec::new();
    let text = |value| trace.values().text(value, trace.definitions());
    let damaged = trace.for_each_event(&mut |_, event| {
        lines.push(match *event {
            Event::Start {
                at,
                call,
                parent,
                code,
                args,
                ..
            } => {
                let args: Vec<String> = args.iter().map(|value| text(*value)).collect();
                format!(
                    "{} start {} in {parent:?} code {} ({})",
                    at.0,
                    call.0,
                    code.0,
                    args.join(", ")
                )
            }
            Event::Return { at, call, value } => {
                format!("{} return {} {}", at.0, call.0, text(value))
            }
            Event::Raise { value, .. } => trace.values().exception_text(value, trace.definitions()),
            other => format!("{other:?}"),
        });
    });
    assert_eq!(damaged.expect("slices can be read"), 0);
    lines
}

#[test]
fn a_trace_reads_back() {
    let lines = story(&trace());
    assert_eq!(
        lines,
        [
            "9 start 0 in None code 0 ()",
            "19 start 1 in Some(CallId(0)) code 1 (-7, \"it's\")",
            "29 start 2 in Some(CallId(1)) code 2 ()",
            "Await { at: Nanos(39), call: CallId(2) }",
            "Loop { call: Some(CallId(1)), header: 12, entries: 3 }",
            "Resume { at: Nanos(49), call: CallId(2), task: None }",
            "59 return 2 None",
            "ValueError: bad",
            "Unwind { at: Nanos(79), call: CallId(1), exception: ExceptionId(0) }",
            "89 return 0 300",
        ]
    );
}

#[test]
fn a_trace_cut_anywhere_opens_or_says_why() {
    let bytes = trace();
    for len in 0..bytes.len() {
        match TraceReader::open(&bytes[..len], None) {
            Ok(trace) => {
                assert!(!trace.summary().complete);
                trace
                    .for_each_event(&mut |_, _| {})
                    .expect("slices can be read");
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

#[test]
fn a_flipped_byte_is_noticed() {
    let bytes = trace();
    for at in 32..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x40;
        let Ok(trace) = TraceReader::open(&damaged[..], None) else {
            continue;
        };
        let missing = trace
            .for_each_event(&mut |_, _| {})
            .expect("slices can be read");
        let summary = trace.summary();
        let is_noticed = summary.damaged_blocks + missing > 0
            || summary.truncated_bytes > 0
            || !summary.complete;
        assert!(is_noticed, "byte {at}");
    }
}

#[test]
fn calls_of_two_logs_keep_their_numbers() {
    let mut builder = TraceBuilder::default();
    builder.define(&Definition::Code(Box::default()));
    builder
        .start(0, 10, 0, None, &[])
        .next_call(1, 1)
        .start(1, 15, 0, None, &[])
        .ret(1, 18, &[]);
    builder
        .next_call(0, 2)
        .start(0, 20, 0, None, &[])
        .ret(0, 25, &[])
        .ret(0, 30, &[]);
    let bytes = builder.build(40);
    let trace = TraceReader::open(&bytes[..], None).expect("the trace is sound");
    let mut starts = Vec::new();
    trace
        .for_each_event(&mut |log, event| {
            if let Event::Start { call, parent, .. } = event {
                starts.push((log.0, *call, *parent));
            }
        })
        .expect("slices can be read");
    starts.sort_by_key(|(_, call, _)| *call);
    let expected = [
        (0, CallId(0), None),
        (1, CallId(1), None),
        (0, CallId(2), Some(CallId(0))),
    ];
    assert_eq!(starts, expected);
}
