//! A program that does to our files what it may do to any file.

use std::fs::File;
use std::os::unix::fs::FileExt;

use execmap_format::{SEGMENT_HEADER_LEN, SegmentHeader, SegmentState};

use crate::os::Slab;
use crate::{Session, Stopped};

use super::support::{Program, read, trace_path};

fn why(stopped: Option<Stopped>) -> String {
    match stopped {
        Some(Stopped::NotWritten(why)) => why,
        other => format!("{other:?}"),
    }
}

#[test]
fn a_side_file_that_is_cut_ends_the_recording_and_not_the_process() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = trace_path(folder.path());
    let mut program = Program::new(&path, 2);
    program.define("outer");
    program.calls(10);
    program.session.flush(program.logs.iter_mut());
    let whole = program.expected(&["outer"]);
    program.calls(10);
    let side = File::options()
        .write(true)
        .open(path.with_extension("execmap.part"))
        .expect("the side file is there");
    side.set_len(0).expect("it can be cut");
    // Touches pages that are gone.
    program.calls(10);
    let finished = program.session.finish(program.logs.iter_mut(), &[]);
    assert_eq!(
        why(finished.stopped),
        "the side file was cut short while it was in use"
    );
    let (seen, summary) = read(&path);
    assert!(seen.calls.starts_with(&whole.calls));
    assert!(!summary.complete);
}

#[test]
fn a_trace_that_is_cut_ends_the_recording() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = trace_path(folder.path());
    let mut program = Program::new(&path, 1);
    program.calls(100);
    File::create(&path).expect("it can be cut");
    let finished = program.session.finish(program.logs.iter_mut(), &[]);
    assert_eq!(why(finished.stopped), "the program cut the file short");
    assert_eq!(path.metadata().expect("it is there").len(), 0);
}

#[test]
fn a_trace_that_is_removed_is_written_again_at_the_end() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = trace_path(folder.path());
    let mut program = Program::new(&path, 1);
    program.define("outer");
    program.calls(50_000);
    std::fs::remove_file(&path).expect("it is there");
    program.calls(50_000);
    let expected = program.expected(&["outer"]);
    let finished = program.session.finish(program.logs.iter_mut(), &[]);
    assert_eq!(finished.stopped, None);
    assert!(read(&path).0 == expected);
}

#[test]
fn a_trace_whose_folder_is_gone_is_said_to_be_lost() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = trace_path(folder.path());
    let mut program = Program::new(&path, 1);
    program.calls(10);
    std::fs::remove_dir_all(folder.path()).expect("it is there");
    let finished = program.session.finish(program.logs.iter_mut(), &[]);
    let why = why(finished.stopped);
    assert!(why.starts_with("the program removed the file"), "{why}");
}

#[test]
fn a_lock_that_is_given_up_with_its_file_is_no_lock() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = trace_path(folder.path());
    let mut first = Program::new(&path, 1);
    first.session.finish(first.logs.iter_mut(), &[]);
    let second = Program::new(&path, 1);
    let side = path.with_extension("execmap.part");
    assert!(side.exists());
    let third = Session::create(&path, [4; 16], None);
    assert!(third.is_err(), "the second one has it");
    drop(second);
}

#[test]
fn a_segment_is_nobody_s_until_its_whole_head_is_written() {
    let slab = Slab::anonymous(1 << 16).expect("there is memory");
    let segment = slab.segments(0, 1 << 16)[0];
    let head = SegmentHeader {
        capacity: 1 << 16,
        state: SegmentState::InUse,
        log: 3,
        sequence: 4,
        published: 0,
        clock: execmap_format::ClockPair::default(),
        next_call: 5,
        drained: 0,
    };
    segment.write_head(&head);
    assert_eq!(segment.head(), Some(head));
    segment.set_free();
    let free = segment.head().expect("it has a head");
    assert_eq!(free.state, SegmentState::Free);
    assert!(segment.capacity() > SEGMENT_HEADER_LEN);
}

#[test]
fn files_of_ours_leave_the_low_numbers_to_the_program() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = trace_path(folder.path());
    let program = Program::new(&path, 1);
    let own = folder.path().join("program.txt");
    let file = File::create(&own).expect("it can be written");
    file.write_all_at(b"x", 0).expect("it can be written");
    let mut numbers = super::descriptors::descriptors_of(&path);
    numbers.extend(super::descriptors::descriptors_of(
        &path.with_extension("execmap.part"),
    ));
    assert_eq!(numbers.len(), 2);
    assert!(numbers.iter().all(|number| *number >= 900), "{numbers:?}");
    drop(program);
}
