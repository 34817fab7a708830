//! A program that closes descriptors which are not its own.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::Stopped;
use crate::os::descriptors_testing::{own_again, take_over};

use super::support::{Program, read, trace_path};

/// Descriptors of this process that lead to a file.
pub(super) fn descriptors_of(path: &Path) -> Vec<i32> {
    let wanted = path.metadata().expect("the file is there");
    let folder = std::fs::read_dir("/proc/self/fd").expect("the system lists descriptors");
    let numbers: Vec<i32> = folder
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    let is_it = |number: &i32| {
        let found = std::fs::metadata(format!("/proc/self/fd/{number}"));
        found.is_ok_and(|found| (found.dev(), found.ino()) == (wanted.dev(), wanted.ino()))
    };
    numbers.into_iter().filter(is_it).collect()
}

#[test]
fn files_of_the_program_that_took_our_numbers_are_not_touched() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = trace_path(folder.path());
    let side = path.with_extension("execmap.part");
    let mut program = Program::new(&path, 3);
    program.define("outer");
    program.calls(10);

    let own = folder.path().join("program.txt");
    std::fs::write(&own, "the program's").expect("the file can be written");
    let open = || {
        let file = File::options().read(true).write(true).open(&own);
        file.expect("the file is there")
    };
    let taken: Vec<i32> = [&path, &side]
        .iter()
        .flat_map(|path| descriptors_of(path))
        .collect();
    assert_eq!(taken.len(), 2);
    for number in &taken {
        take_over(*number, &open());
    }

    program.calls(200_000);
    let expected = program.expected(&["outer"]);
    let finished = program.session.finish(program.logs.iter_mut(), &[]);
    assert_eq!(finished.stopped, None);
    drop(program);
    assert!(read(&path).0 == expected);
    let now = std::fs::read(&own).expect("the file is there");
    assert_eq!(now, b"the program's");
    for number in taken {
        // Still open: the recorder closed nothing of the program's.
        let file = own_again(number);
        assert_eq!(file.metadata().expect("it is open").len(), 13);
        drop(file);
    }
}

#[test]
fn a_trace_that_is_gone_ends_the_recording_with_a_reason() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = trace_path(folder.path());
    let mut program = Program::new(&path, 1);
    program.calls(10);
    let own = folder.path().join("program.txt");
    let file = File::create(&own).expect("the file can be written");
    for number in descriptors_of(&path) {
        take_over(number, &file);
    }
    std::fs::remove_file(&path).expect("the trace is there");
    let finished = program.session.finish(program.logs.iter_mut(), &[]);
    assert!(matches!(finished.stopped, Some(Stopped::NotWritten(_))));
    assert_eq!(own.metadata().expect("the file is there").len(), 0);
}
