//! A program that closes descriptors which are not its own.

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use execmap_record::Stopped;

use crate::support::{Program, read, trace_path};

/// Descriptors of this process that lead to a file.
fn descriptors_of(path: &Path) -> Vec<i32> {
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

/// Puts a file of the program in the place of the recorder's.
#[expect(unsafe_code, reason = "what the program does, not the recorder")]
fn take_over(number: i32, file: File) {
    // SAFETY: both numbers are open descriptors; the old one is closed behind its owner's back, which
    // is what is tested.
    assert_eq!(unsafe { libc::dup2(file.as_raw_fd(), number) }, number);
    drop(file);
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
        take_over(*number, open());
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
        #[expect(unsafe_code, reason = "what the program does, not the recorder")]
        // SAFETY: the number belongs to this test since `take_over`.
        let file = unsafe { File::from_raw_fd(number) };
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
        take_over(number, file.try_clone().expect("a second handle"));
    }
    std::fs::remove_file(&path).expect("the trace is there");
    let finished = program.session.finish(program.logs.iter_mut(), &[]);
    assert!(matches!(finished.stopped, Some(Stopped::NotWritten(_))));
    assert_eq!(own.metadata().expect("the file is there").len(), 0);
    let _ = file.into_raw_fd();
}
