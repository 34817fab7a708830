//! What a recording holds does not grow with its length.

use crate::os::memory_testing::held;

use super::support::{Program, trace_path};

/// Logs after which all tables of bounded size are full.
const WARM: u64 = 4500;
const CALLS_OF_A_LOG: u64 = 64;

#[test]
fn a_long_recording_holds_as_much_as_a_short_one() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let mut program = Program::new(&trace_path(folder.path()), 0);
    let before = held();
    // Each log has calls with values of its own, is written by this thread, and ends.
    let mut record = |logs: std::ops::Range<u64>| {
        for number in logs {
            let mut log = program.session.open_log(number as u32);
            for call in number * CALLS_OF_A_LOG..(number + 1) * CALLS_OF_A_LOG {
                program.call_with_new_value(&mut log, call);
            }
            program.session.flush(std::iter::once(&mut log));
            program.session.close_log(&mut log);
        }
        held() - before
    };
    let warm = record(0..WARM);
    let long = record(WARM..4 * WARM);
    assert!(warm < 6 << 20, "{warm} bytes");
    assert!(long < warm + (64 << 10), "{warm} bytes, then {long}");
}
