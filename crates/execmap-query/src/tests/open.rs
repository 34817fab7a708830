//! Traces as files.

use std::fs;
use std::path::Path;

use execmap_format::testing::{TraceBuilder, int_token, str_token};
use execmap_format::{Code, CodeKind, Definition, TaskDef, ThreadDef, token};

use crate::{CallNumber, Outcome, Trace, glance, newest, open, rows};

fn code(name: &str, args: &[&str]) -> Definition {
    Definition::Code(Box::new(Code {
        qualname: name.into(),
        module: "shop".into(),
        file: "/src/shop.py".into(),
        first_line: 3,
        kind: CodeKind::Function,
        args: args.iter().map(ToString::to_string).collect(),
        ..Code::default()
    }))
}

fn builder() -> TraceBuilder {
    let mut builder = TraceBuilder::default();
    builder
        .define(&code("main", &[]))
        .define(&code("price", &["line", "rate"]));
    for name in ["MainThread", "pool-0"] {
        builder.define(&Definition::Thread(ThreadDef {
            name: name.into(),
            ..ThreadDef::default()
        }));
    }
    builder
}

fn opened(bytes: &[u8]) -> Trace {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let path = folder.path().join("shop.execmap");
    fs::write(&path, bytes).expect("the folder can be written");
    open(&path).expect("the trace is sound")
}

#[test]
fn calls_of_several_threads_are_numbered_by_their_start() {
    let mut builder = builder();
    builder.define(&Definition::Task(TaskDef {
        name: "charge".into(),
        created_by: Some(execmap_format::CallId(0)),
    }));
    builder.start(0, 1_000, 0, None, &[]);
    builder.next_call(1, 1).created_by(1, 0);
    builder.start(1, 2_000, 1, None, &[int_token(1), str_token("eur")]);
    builder.next_call(0, 2).task(0, Some(0));
    builder.start(0, 3_000, 1, None, &[int_token(2)]);
    builder
        .ret(0, 4_000, &int_token(4))
        .task(0, None)
        .ret(0, 6_000, &[token::NONE]);
    builder.ret(1, 5_000, &int_token(3));
    let trace = opened(&builder.build(7_000));
    let rows: Vec<_> = rows(&trace).collect();
    let handles: Vec<String> = rows
        .iter()
        .map(|row| format!("{} on {}", row.handle, row.thread))
        .collect();
    assert_eq!(handles, ["c-0 on t-0", "c-1 on t-1", "c-2 on t-0"]);
    assert_eq!(
        rows[1].args,
        [("line", "1".into()), ("rate", "'eur'".into())]
    );
    assert_eq!(
        rows[1].created_by,
        Some(CallNumber(0)),
        "who started the thread"
    );
    assert_eq!(
        rows[2].created_by,
        Some(CallNumber(0)),
        "who created the task"
    );
    assert_eq!(rows[2].args[1].1, "not recorded");
    assert_eq!(
        (rows[2].parent, rows[2].result.as_deref()),
        (Some(CallNumber(0)), Some("4"))
    );
    assert_eq!(
        trace.task_name(rows[2].task.expect("it ran in a task")),
        "charge"
    );
}

#[test]
fn a_part_of_a_longer_recording_begins_at_c_0() {
    let mut builder = builder();
    builder.next_call(0, 50_000_000);
    builder.start(0, 1_000, 0, None, &[]);
    builder.start(0, 2_000, 1, None, &[int_token(1), int_token(2)]);
    builder.ret(0, 3_000, &int_token(3));
    let trace = opened(&builder.unfinished().build(4_000));
    assert_eq!((trace.calls().count(), trace.calls().rows()), (2, 2));
    assert_eq!(trace.calls().parent(CallNumber(1)), Some(CallNumber(0)));
    assert_eq!(trace.calls().outcome(CallNumber(0)), Outcome::Unfinished);
    assert!(!trace.run().is_complete);
}

#[test]
fn a_glance_tells_what_opening_tells() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let path = folder.path().join("shop.execmap");
    let mut builder = builder();
    builder
        .start(0, 1_000, 0, None, &[])
        .ret(0, 3_000, &int_token(3));
    fs::write(&path, builder.build(4_000)).expect("the folder can be written");
    let (glance, trace) = (
        glance(&path).expect("it is sound"),
        open(&path).expect("it is sound"),
    );
    assert_eq!((glance.calls, glance.threads, glance.tasks), (1, 2, 0));
    assert_eq!(&glance.run, trace.run());
}

#[test]
fn without_values_nothing_is_said_of_them() {
    let mut builder = builder();
    builder.define(&Definition::Meta("values".into(), "false".into()));
    builder.start(0, 1_000, 1, None, &[]);
    builder.ret(0, 2_000, &[]);
    let trace = opened(&builder.build(3_000));
    let row = rows(&trace).next().expect("there is a call");
    assert_eq!(
        (row.result, row.args.len(), row.outcome),
        (None, 0, Outcome::Returned)
    );
}

#[test]
fn the_newest_trace_of_a_folder_is_taken() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let write = |name: &str, age: u64| {
        let file = fs::File::create(folder.path().join(name)).expect("the folder can be written");
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(2_000_000_000 - age);
        file.set_modified(time).expect("the time can be set");
    };
    write("old.execmap", 50);
    write("new.execmap", 10);
    write("newer.execmap.part", 1);
    write("newest.html", 0);
    let found = newest(folder.path()).expect("there is one");
    assert_eq!(found.file_name(), Some("new.execmap".as_ref()));
    assert!(newest(Path::new("no such folder")).is_err());
}
