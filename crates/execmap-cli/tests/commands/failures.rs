//! Input that is no trace, and output that cannot be written.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};

use execmap_cli::{Done, Terminal, run_with};

use crate::support::{execmap, fib, folder, text};

#[test]
fn wrong_input_is_named_with_what_to_do() {
    let folder = folder();
    let place = |name: &str| folder.path().join(name);
    fs::write(place("empty.execmap"), "").expect("the folder can be written");
    fs::write(
        place("report.json"),
        "{\"a\": 1, \"b\": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}",
    )
    .expect("the folder can be written");
    let whole = fs::read(fib(&folder, 4)).expect("the trace was written");
    fs::write(place("cut.execmap"), &whole[..10]).expect("the folder can be written");
    let mut newer = whole.clone();
    newer[8] = 0xff;
    fs::write(place("newer.execmap"), newer).expect("the folder can be written");
    let mut seen = String::new();
    for name in [
        "missing.execmap",
        "fib",
        "empty.execmap",
        "report.json",
        "cut.execmap",
        "newer.execmap",
    ] {
        let ran = execmap(&["info", text(&place(name))]);
        assert_eq!(ran.done, Done::Exit(2));
        seen.push_str(&ran.err.replace(text(folder.path()), "HERE"));
    }
    let nothing = tempfile::tempdir().expect("there is a place for temporary files");
    let ran = execmap(&["tree", text(nothing.path())]);
    seen.push_str(&ran.err.replace(text(nothing.path()), "NOTHING"));
    for args in [
        &["export", "-o", "out.xyz"][..],
        &["export"],
        &["tree", "--function", "["],
        &["tree", "--min", "5"],
        &["run"],
        &["tre"],
    ] {
        let args: Vec<&str> = args
            .iter()
            .copied()
            .chain((args[0] != "run" && args[0] != "tre").then_some(text(folder.path())))
            .collect();
        let ran = execmap(&args);
        assert_eq!(ran.done, Done::Exit(2), "{args:?}");
        seen.push_str(&ran.err.replace(text(folder.path()), "HERE"));
    }
    insta::assert_snapshot!(seen, @r"
    error: no such file: HERE/missing.execmap
    error: no such file: HERE/fib; did you mean HERE/fib.execmap?
    error: the trace is empty: HERE/empty.execmap. Nothing was recorded, or the file was cut; record again with `execmap run`
    error: not an execmap trace: HERE/report.json. `execmap run SCRIPT` writes one, ending in .execmap
    error: the trace is cut short inside its header: HERE/cut.execmap (10 bytes). Nothing in it can be read; record again with `execmap run`
    error: HERE/newer.execmap: trace format 255 is newer than this execmap reads (1); upgrade execmap
    error: no trace in NOTHING: `execmap run SCRIPT` writes one, or name the file
    error: no format goes with the ending of out.xyz: name one with -f: html, json, ndjson or mermaid
    error: which format? -f html, json, ndjson or mermaid, or -o with an ending that says it
    error: `[` is not a pattern: unclosed character class; missing ']'. Examples: 'price', 'Cart.*', 'shop.pricing:*', 'src/*.py'
    error: invalid value '5' for '--min <TIME>': a time is a number with ns, us, ms, s or min, such as 1ms

    For more information, try '--help'.
    error: nothing to run: `execmap run SCRIPT`, `-m MODULE` or `-c CODE`
    error: unrecognized subcommand 'tre'

      tip: a similar subcommand exists: 'tree'

    Usage: execmap [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
}

#[test]
fn a_trace_cut_anywhere_gives_what_is_whole() {
    let folder = folder();
    let whole = fs::read(fib(&folder, 6)).expect("the trace was written");
    for len in (0..whole.len()).step_by(7) {
        let path = folder.path().join("cut.execmap");
        fs::write(&path, &whole[..len]).expect("the folder can be written");
        for command in ["info", "tree", "stats", "map"] {
            let ran = execmap(&[command, text(&path)]);
            assert!(
                matches!(ran.done, Done::Exit(0 | 2)),
                "{command} at {len}: {}",
                ran.err
            );
        }
    }
}

#[test]
fn a_damaged_trace_never_ends_in_a_fault() {
    let folder = folder();
    let whole = fs::read(fib(&folder, 6)).expect("the trace was written");
    for index in (0..whole.len()).step_by(5) {
        let mut bytes = whole.clone();
        bytes[index] ^= 0x41;
        let path = folder.path().join("damaged.execmap");
        fs::write(&path, &bytes).expect("the folder can be written");
        for command in ["info", "tree", "map"] {
            let ran = execmap(&[command, text(&path)]);
            assert!(
                matches!(ran.done, Done::Exit(0 | 2)),
                "{command} at {index}: {}",
                ran.err
            );
        }
    }
}

/// A reader that has gone, or a disk that is full.
struct Broken(io::ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_who_has_seen_enough_is_no_failure() {
    let folder = folder();
    let path = fib(&folder, 4);
    for (kind, code) in [
        (io::ErrorKind::BrokenPipe, 0),
        (io::ErrorKind::StorageFull, 2),
    ] {
        for command in [
            &["tree"][..],
            &["info", "--json"],
            &["export", "-f", "ndjson"],
        ] {
            let mut terminal =
                Terminal::writing_to(Box::new(Broken(kind)), Box::new(io::sink()), None);
            let args = ["execmap"]
                .iter()
                .chain(command)
                .copied()
                .chain([text(&path)]);
            let done = run_with(args.map(OsString::from), &mut terminal);
            assert_eq!(done, Done::Exit(code), "{command:?} with {kind}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let folder = folder();
    let path = fib(&folder, 4);
    let ran = execmap(&["export", text(&path), "-o", "/no/such/folder/x.json"]);
    assert_eq!(ran.done, Done::Exit(2));
    assert!(
        ran.err
            .starts_with("error: cannot write /no/such/folder/x.json: "),
        "{}",
        ran.err
    );
}

#[test]
fn an_export_never_replaces_the_trace() {
    let folder = folder();
    let path = fib(&folder, 4);
    let before = fs::read(&path).expect("the trace was written");
    for command in [&["export", "-f", "json"][..], &["map", "-f", "text"]] {
        let args: Vec<&str> = command
            .iter()
            .copied()
            .chain([text(&path), "-o", text(&path)])
            .collect();
        let ran = execmap(&args);
        assert_eq!(ran.done, Done::Exit(2));
        assert!(ran.err.contains("is the trace itself"), "{}", ran.err);
    }
    assert_eq!(fs::read(&path).expect("the trace is there"), before);
}
