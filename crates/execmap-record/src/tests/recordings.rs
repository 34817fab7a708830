//! What is recorded is read back.

use std::sync::atomic::{AtomicBool, Ordering};

use execmap_format::{Definition, LossReason, TraceReader};

use crate::{Limits, Session, StartError, Stopped};

use super::support::{Program, read, read_live, trace_path};

const CALLS: usize = 100_000;

#[test]
fn three_logs_read_back() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = trace_path(folder.path());
    let mut program = Program::new(&path, 3);
    program.define("outer");
    program.calls(CALLS / 2);
    program.define("inner");
    program.calls(CALLS / 2);
    let finished = program.session.finish(program.logs.iter_mut(), &[]);
    assert_eq!(
        (finished.calls, &finished.stopped),
        (CALLS as u64, &None),
        "two records each"
    );
    let (seen, summary) = read(&path);
    assert!(summary.complete && !summary.recovered);
    assert!(summary.events >= 2 * CALLS as u64);
    assert_eq!(summary.bytes, finished.bytes);
    assert!(!path.with_extension("execmap.part").exists());
    assert!(seen == program.expected(&["outer", "inner"]));
}

#[test]
fn a_recording_that_is_killed_is_recovered_to_the_last_record() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = trace_path(folder.path());
    let mut program = Program::new(&path, 3);
    program.define("outer");
    program.calls(CALLS);
    program.define("inner");
    program.calls(5);
    let expected = program.expected(&["outer", "inner"]);
    program.session.pause_writer();
    // The process dies: nobody finishes anything.
    std::mem::forget(program);
    let (seen, summary) = read(&path);
    assert!(!summary.complete && summary.recovered);
    assert_eq!(summary.damaged_blocks, 0);
    assert!(seen == expected);
}

#[test]
fn definitions_are_not_read_twice_when_the_recorder_dies_between_two_steps() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = trace_path(folder.path());
    let mut program = Program::new(&path, 1);
    program.define("first");
    let side = path.with_extension("execmap.part");
    let before = std::fs::read(&side).expect("the side file is there");
    program.session.flush(program.logs.iter_mut());
    program.define("second");
    program.calls(1);
    let expected = program.expected(&["first", "second"]);
    // As if the place up to which definitions are in the trace had not been noted yet.
    let mut after = std::fs::read(&side).expect("the side file is there");
    let noted = (0..before.len()).find(|at| {
        let field = execmap_format::PART_HEADER_LEN + 48;
        *at >= field && *at < field + 4 && before[*at] != after[*at]
    });
    after[noted.expect("the place was noted")] = 0;
    std::mem::forget(program);
    std::fs::write(&side, after).expect("the side file can be written");
    let (seen, summary) = read(&path);
    assert_eq!(summary.damaged_blocks, 0);
    assert!(seen == expected, "{seen:?}");
}

#[test]
fn what_was_flushed_is_in_the_file_while_the_recording_goes_on() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = trace_path(folder.path());
    let mut program = Program::new(&path, 3);
    program.define("outer");
    program.calls(100);
    program.session.flush(program.logs.iter_mut());
    let alone = folder.path().join("alone.execmap");
    std::fs::copy(&path, &alone).expect("the trace can be copied");
    let (seen, summary) = read(&alone);
    assert!(!summary.complete && !summary.recovered);
    assert!(seen == program.expected(&["outer"]));

    program.calls(50);
    program.session.finish(program.logs.iter_mut(), &[]);
    let (seen, summary) = read(&path);
    assert!(summary.complete);
    assert!(seen == program.expected(&["outer"]));
}

#[test]
fn a_run_that_goes_on_can_be_read() {
    const NAMES: usize = 3000;
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = trace_path(folder.path());
    let names: Vec<String> = (0..NAMES)
        .map(|number| format!("function {number}"))
        .collect();
    let mut program = Program::new(&path, 1);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut times = 0;
            while !is_over.load(Ordering::Relaxed) {
                let (seen, summary) = read_live(&path);
                // What is read is what was recorded up to some moment.
                assert_eq!(seen.names, names[..seen.names.len()]);
                let numbers = seen.calls.iter().map(|call| call.0);
                assert!(numbers.eq(0..seen.calls.len() as u64), "no call is missing");
                assert_eq!(summary.damaged_blocks, 0);
                times += 1;
            }
            times
        });
        for (number, name) in names.iter().enumerate() {
            program.define(name);
            program.calls(2);
            // Moves what is in the side file to the trace, under the reader's eyes.
            if number % 3 == 0 {
                program.session.flush(program.logs.iter_mut());
            }
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(reader.join().expect("the reader saw nothing wrong") > 0);
    });
    let finished = program.session.finish(program.logs.iter_mut(), &[]);
    assert_eq!(finished.calls, 2 * NAMES as u64);
}

#[test]
fn more_threads_than_segments_share() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = trace_path(folder.path());
    let mut program = Program::new(&path, 3000);
    program.define("outer");
    program.calls(9000);
    let side = path.with_extension("execmap.part");
    let side_len = side.metadata().expect("the side file is there").len();
    assert!(side_len <= (48 << 20) + 4096, "{side_len}");
    program.session.finish(program.logs.iter_mut(), &[]);
    let (seen, _) = read(&path);
    assert!(seen == program.expected(&["outer"]));
}

#[test]
fn a_definition_longer_than_a_segment_keeps_its_place() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = trace_path(folder.path());
    let mut program = Program::new(&path, 1);
    let long = "x".repeat(3 << 20);
    for name in ["first", &long, "third"] {
        program.define(name);
    }
    program.calls(1);
    // Readers take no longer name from a trace.
    let shown = format!("{}…", "x".repeat(64 << 10));
    let expected = program.expected(&["first", &shown, "third"]);
    program.session.finish(program.logs.iter_mut(), &[]);
    assert!(read(&path).0 == expected);

    let mut program = Program::new(&path, 1);
    for name in ["first", &long, "third"] {
        program.define(name);
    }
    program.calls(1);
    std::mem::forget(program);
    assert!(read(&path).0 == expected);
}

#[test]
fn losses_are_read_back() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = trace_path(folder.path());
    let mut program = Program::new(&path, 1);
    program.calls(1);
    let loss = execmap_format::Loss {
        reason: LossReason::Hidden,
        count: 2,
        detail: "card".to_owned(),
    };
    let last = [Definition::Loss(loss.clone())];
    program.session.finish(program.logs.iter_mut(), &last);
    let bytes = std::fs::read(&path).expect("the trace is there");
    let trace = execmap_format::TraceReader::open(bytes, None).expect("the trace opens");
    assert_eq!(trace.definitions().losses, [loss]);
}

#[test]
fn a_file_in_use_or_of_others_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = trace_path(folder.path());
    let mut program = Program::new(&path, 1);
    program.calls(10);
    let other = Session::create(&path, [4; 16], None);
    assert!(matches!(other, Err(StartError::InUse { .. })));
    program.session.finish(program.logs.iter_mut(), &[]);
    assert!(read(&path).0 == program.expected(&[]));

    std::fs::write(&path, "a report").expect("the file can be written");
    let other = Session::create(&path, [4; 16], None);
    assert!(matches!(other, Err(StartError::Foreign { .. })));
    assert_eq!(
        std::fs::read(&path).expect("the file is there"),
        b"a report"
    );
}

#[test]
fn a_glance_at_an_index_tells_what_the_events_tell() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = trace_path(folder.path());
    let mut program = Program::new(&path, 3);
    program.define("outer");
    // More blocks than one index lists.
    for _ in 0..1500 {
        program.calls(3);
        program.session.flush(program.logs.iter_mut());
    }
    program.calls(CALLS);
    program.session.finish(program.logs.iter_mut(), &[]);
    let bytes = std::fs::read(&path).expect("the trace is there");
    let open = |opener: fn(Vec<u8>, Option<Vec<u8>>) -> _| {
        let trace: Result<TraceReader<Vec<u8>>, _> = opener(bytes.clone(), None);
        trace.expect("the trace opens").summary().clone()
    };
    let (whole, glance) = (open(TraceReader::open), open(TraceReader::glance_unchecked));
    let calls = 4500 + CALLS as u64;
    assert_eq!(glance.ends, Some((calls, 0)), "it came from an index");
    for seen in [&whole, &glance] {
        assert_eq!((seen.calls, seen.events), (calls, whole.events));
        assert!(seen.complete && seen.damaged_blocks == 0);
        assert_eq!(seen.duration_ns, whole.duration_ns);
    }
}

#[test]
fn a_limit_of_size_is_kept() {
    const MOST: u64 = 300_000;
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = trace_path(folder.path());
    let mut program = Program::limited(&path, 2, Some(MOST));
    program.define("outer");
    let began = program.calls_until_stopped(CALLS * 10);
    assert!(began < CALLS * 10, "the recording stopped");
    let finished = program.session.finish(program.logs.iter_mut(), &[]);
    assert_eq!(finished.stopped, Some(Stopped::SizeLimit(MOST)));
    assert!(
        finished.bytes <= MOST && finished.bytes > MOST / 3,
        "{}",
        finished.bytes
    );
    assert_eq!(
        finished.calls + finished.refused,
        began as u64,
        "each call is accounted for"
    );
    let bytes = std::fs::read(&path).expect("the trace is there");
    let trace = TraceReader::open(bytes, None).expect("the trace opens");
    assert!(trace.summary().complete);
    assert_eq!(trace.summary().calls, finished.calls);
    let [loss] = &trace.definitions().losses[..] else {
        panic!("one loss is told: {:?}", trace.definitions().losses);
    };
    assert_eq!(loss.reason, LossReason::LimitReached);
    let told = format!(
        "recording stopped at {MOST} bytes (--max-size); the last {} calls before did not fit",
        finished.refused
    );
    assert_eq!(loss.detail, told);
}

const RING: Limits = Limits {
    max_size: None,
    ring: Some(1 << 20),
};

/// What a reader sees of a program of which only the latest is kept: the last calls, each as it was.
fn assert_latest(path: &std::path::Path, program: &Program, least: usize) {
    let (seen, summary) = read(path);
    let expected = program.expected(&["outer"]);
    let dropped = summary.dropped as usize;
    assert!(dropped > 0, "something was dropped");
    assert_eq!(summary.damaged_blocks, 0);
    assert_eq!(seen.names, expected.names);
    assert!(seen.calls.len() >= least, "{}", seen.calls.len());
    assert_eq!(summary.calls as usize, seen.calls.len());
    assert!(seen.calls == expected.calls[dropped..], "the rest is whole");
}

#[test]
fn a_ring_keeps_the_latest_calls_and_counts_the_others() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = trace_path(folder.path());
    let mut program = Program::limited(&path, 3, RING);
    program.define("outer");
    for _ in 0..8 {
        program.calls(CALLS);
        let len = path.metadata().expect("the trace is there").len();
        assert!(len < 2 << 20, "{len}");
    }
    let finished = program.session.finish(program.logs.iter_mut(), &[]);
    assert!(finished.bytes < 2 << 20, "{}", finished.bytes);
    assert_eq!(finished.stopped, None);
    assert_latest(&path, &program, CALLS / 4);
    assert!(read(&path).1.complete);
    let names = std::fs::read_dir(folder.path()).expect("the folder is there");
    assert_eq!(names.count(), 1, "nothing is left beside the trace");
}

#[test]
fn a_ring_that_is_killed_at_any_moment_is_read() {
    for rounds in 1..6 {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = trace_path(folder.path());
        let mut program = Program::limited(&path, 2, RING);
        program.define("outer");
        program.calls(3 * CALLS + rounds * CALLS / 7);
        program.session.pause_writer();
        // The process dies: nobody finishes anything.
        assert_latest(&path, &program, 1);
        std::mem::forget(program);
    }
}

#[test]
fn a_log_that_is_quiet_for_long_goes_on_where_it_was() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = trace_path(folder.path());
    let mut program = Program::limited(&path, 2, RING);
    program.define("outer");
    // The second log is inside a call all the time.
    program.begin(1);
    for _ in 0..4 * CALLS {
        program.call(0);
    }
    program.call(1);
    program.session.pause_writer();
    let parent_of_last = |path: &std::path::Path| {
        let (seen, summary) = read(path);
        assert!(summary.dropped > 1);
        let last = seen.calls.last().expect("there are calls").clone();
        (last.0, last.1, last.2)
    };
    let last = 4 * CALLS as u64 + 1;
    assert_eq!(parent_of_last(&path), (last, Some(0), 1), "killed");
    program.session.finish(program.logs.iter_mut(), &[]);
    assert_eq!(parent_of_last(&path), (last, Some(0), 1), "ended");
}
