//! Traces whose records speak of what cannot be: it is stepped over and counted, and costs nothing.

use execmap_format::testing::{TraceBuilder, int_token};
use execmap_format::{CallId, Code, Definition, TaskDef, ThreadDef, token};

use crate::opening::{Limits, Opening};
use crate::testing::open_bytes;
use crate::{CallNumber, StatsQuery, Trace, TreeQuery, info, rows, stats, tree};

fn builder() -> TraceBuilder {
    let mut builder = TraceBuilder::default();
    for name in ["main", "price"] {
        builder.define(&Definition::Code(Box::new(Code {
            qualname: name.into(),
            module: "shop".into(),
            file: "/src/shop.py".into(),
            ..Code::default()
        })));
    }
    builder.define(&Definition::Thread(ThreadDef {
        name: "MainThread".into(),
        ..ThreadDef::default()
    }));
    builder
}

/// The trace, after every question was asked once.
fn opened(bytes: Vec<u8>) -> Trace {
    let trace = open_bytes(bytes, None).expect("the header is sound");
    let whole = tree(&trace, &TreeQuery::default());
    assert_eq!(whole.shown_calls, whole.calls);
    assert_eq!(rows(&trace).count() as u64, whole.calls);
    let _ = (info(&trace), stats(&trace, &StatsQuery::default()));
    trace
}

fn left_out(trace: &Trace) -> Vec<(String, u64)> {
    trace.run().losses().left_out
}

#[test]
fn a_creator_that_is_no_call_is_none() {
    let mut builder = builder();
    builder.define(&Definition::Task(TaskDef {
        name: "charge".into(),
        created_by: Some(CallId(4_000)),
    }));
    builder
        .start(0, 1_000, 0, None, &[])
        .created_by(0, 77)
        .task(0, Some(0))
        .start(0, 2_000, 1, None, &[])
        .ret(0, 3_000, &int_token(1))
        .ret(0, 4_000, &[token::NONE]);
    let trace = opened(builder.build(5_000));
    let calls = trace.calls();
    assert!(calls.iter().all(|call| calls.created_by(call).is_none()));
    assert_eq!(trace.tasks()[0].created_by, None);
}

/// The beginning of its caller was lost with a block.
#[test]
fn a_call_whose_caller_was_lost_is_an_outermost_one() {
    let mut builder = builder();
    builder
        .next_call(0, 3)
        .start(0, 1_000, 0, None, &[])
        .resume(0, 1_500, 1)
        .start(0, 2_000, 1, None, &[])
        .ret(0, 3_000, &int_token(1));
    let trace = opened(builder.build(5_000));
    assert_eq!(trace.calls().parent(CallNumber(4)), None);
}

#[test]
fn numbers_of_threads_and_tasks_beyond_belief_make_no_lanes() {
    let mut builder = builder();
    builder
        .start(0, 1_000, 0, None, &[])
        .task(0, Some(u32::MAX - 2))
        .start(0, 2_000, 1, None, &[]);
    builder.start(4_000_000_000, 2_000, 1, None, &[]);
    let trace = opened(builder.build(5_000));
    assert!(trace.threads().len() + trace.tasks().len() < 4);
    assert_eq!(trace.calls().count(), 2);
    assert_eq!(left_out(&trace), [("records damaged".to_owned(), 1)]);
}

#[test]
fn numbers_of_calls_beyond_belief_are_counted() {
    let mut builder = builder();
    builder
        .start(0, 1_000, 0, None, &[])
        .next_call(0, u64::from(u32::MAX) - 1)
        .start(0, 2_000, 1, None, &[])
        .next_call(0, u64::MAX - 1)
        .start(0, 3_000, 1, None, &[]);
    let trace = opened(builder.build(5_000));
    assert!(trace.calls().rows() < 3 << 20, "columns hold few rows");
    let counted: u64 = left_out(&trace).iter().map(|(_, count)| count).sum();
    assert_eq!(trace.calls().count() + counted, 3);
}

#[test]
fn calls_of_functions_that_are_not_defined_are_counted() {
    let mut builder = builder();
    builder
        .start(0, 1_000, 0, None, &[])
        .start(0, 2_000, 9_999, None, &[])
        .ret(0, 3_000, &int_token(1));
    let trace = opened(builder.build(5_000));
    assert_eq!(trace.calls().count(), 1);
    assert_eq!(left_out(&trace), [("records damaged".to_owned(), 1)]);
}

#[test]
fn times_that_run_backwards_or_far_ahead_are_borne() {
    let mut builder = builder();
    for tick in [u64::MAX, 0, 1 << 63, 5, u64::MAX - 1] {
        builder
            .start(0, tick, 0, None, &[])
            .suspend(0, tick.wrapping_sub(9))
            .resume(0, tick.wrapping_add(1 << 31), 0)
            .ret(0, 3, &int_token(1));
    }
    opened(builder.build(u64::MAX));
}

/// Failures among many neighbours took one row more than there was.
#[test]
fn neighbours_shown_in_part_take_no_more_rows_than_there_are() {
    for failing in 0..12 {
        let mut builder = builder();
        for call in 0..12u64 {
            builder.start(0, 1_000 + call, 0, None, &[]);
            if call == failing {
                builder.unwind(0, 1_001 + call, 0);
            } else {
                builder.ret(0, 1_001 + call, &[token::NONE]);
            }
        }
        let trace = opened(builder.build(5_000));
        for rows in 2..12 {
            let limits = Limits {
                rows: Some(rows),
                ..Limits::default()
            };
            let opening = Opening::new(&trace, limits, None);
            assert!(opening.roots().len() <= rows, "{failing} {rows}");
        }
    }
}

#[test]
fn names_are_shown_without_what_moves_a_cursor() {
    let mut builder = builder();
    builder.define(&Definition::Code(Box::new(Code {
        qualname: "f\u{1b}[2J\n".into(),
        module: "m\u{202e}".into(),
        args: vec!["a\r".into()],
        class_name: Some("C\u{7}".into()),
        ..Code::default()
    })));
    builder.start(0, 1_000, 2, None, &[int_token(1)]);
    let trace = opened(builder.build(5_000));
    let function = trace.function_of(CallNumber(0));
    let names = [
        &function.name,
        &function.module,
        &function.args[0],
        function.class_name.as_ref().expect("it has a class"),
    ];
    assert_eq!(names, ["f\\x1b[2J\\n", "m\\u202e", "a\\r", "C\\x07"]);
}

#[test]
fn a_script_whose_file_name_would_move_a_cursor_is_the_main_module() {
    let mut builder = builder();
    for file in ["/src/a\u{1b}[2J.py", "/src/\u{2028}b.py", "/src/c.py"] {
        builder.define(&Definition::Code(Box::new(Code {
            qualname: "main".into(),
            module: "__main__".into(),
            file: file.into(),
            ..Code::default()
        })));
    }
    for code in 2..5 {
        builder
            .start(0, 1_000, code, None, &[])
            .ret(0, 2_000, &[token::NONE]);
    }
    let trace = opened(builder.build(5_000));
    let names: Vec<String> = trace
        .calls()
        .iter()
        .map(|call| trace.function_of(call).full_name())
        .collect();
    assert_eq!(names, ["__main__.main", "__main__.main", "c.main"]);
}
