//! Every command on a run, and what must hold of what it says.

use std::panic::{AssertUnwindSafe, catch_unwind};

use execmap_cli::Done;
use execmap_cli::testing::{Ran, execmap_at};
use execmap_export::mermaid::MOST_UNITS;
use serde::de::IgnoredAny;

use crate::faces;

/// What a command writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Words for a terminal.
    Text,
    /// A JSON value.
    Json,
    /// A JSON value in each line.
    Lines,
    /// A Mermaid diagram.
    Mermaid,
    /// A `PlantUML` diagram.
    Plantuml,
    /// The page.
    Page,
    /// A file, and one line about it.
    File,
}

/// A command line without the trace, and what it writes.
pub type Command = (&'static [&'static str], Output);

/// Each command in each of its formats: what every trace goes through.
pub const PLAIN: [Command; 11] = [
    (&["info", "--json"], Output::Json),
    (&["info"], Output::Text),
    (&["tree"], Output::Text),
    (&["stats"], Output::Text),
    (&["map"], Output::Mermaid),
    (&["map", "-f", "plantuml"], Output::Plantuml),
    (&["map", "-f", "text"], Output::Text),
    (&["export", "-f", "mermaid"], Output::Mermaid),
    (&["export", "-f", "ndjson"], Output::Lines),
    (&["export", "-f", "json"], Output::Json),
    (&["export", "-f", "html", "-o", "-"], Output::Page),
];

/// The options, by command: every trace goes through one of them.
pub const OPTIONS: [&[Command]; 4] = [
    &[
        (&["tree", "--json"], Output::Json),
        (&["tree", "--json", "--all", "--no-fold"], Output::Json),
        (&["tree", "--all", "--no-fold"], Output::Text),
        (&["tree", "--all", "--color", "always"], Output::Text),
        (&["tree", "--depth", "0"], Output::Text),
        (&["tree", "--depth", "3", "--function", "fib"], Output::Text),
        (
            &["tree", "--function", "*.py", "--min", "1us"],
            Output::Text,
        ),
        (&["tree", "--function", "*:*", "--rows", "7"], Output::Text),
        (&["tree", "--rows", "0"], Output::Text),
        (&["tree", "--rows", "3", "--no-fold"], Output::Text),
        (&["tree", "--root", "c-0", "--min", "20ns"], Output::Text),
        (&["tree", "--root", "c-3", "--json"], Output::Json),
    ],
    &[
        (&["stats", "--json", "--sort", "mean"], Output::Json),
        (
            &["stats", "--json", "--all", "--sort", "total"],
            Output::Json,
        ),
        (&["stats", "--sort", "calls", "-n", "1"], Output::Text),
        (
            &["stats", "--sort", "slowest", "--color", "always"],
            Output::Text,
        ),
        (&["stats", "--sort", "failed", "--all"], Output::Text),
        (&["stats", "--function", "*i*", "-n", "0"], Output::Text),
        (&["stats", "--function", "*.<module>"], Output::Text),
    ],
    &[
        (&["map", "--json"], Output::Json),
        (&["map", "--json", "--max-messages", "2"], Output::Json),
        (
            &["map", "--json", "--max-messages", "4000000000"],
            Output::Json,
        ),
        (&["map", "--max-messages", "9", "-f", "text"], Output::Text),
        (&["map", "--max-messages", "0"], Output::Mermaid),
        (
            &["map", "--max-messages", "3", "--depth", "1"],
            Output::Mermaid,
        ),
        (
            &["map", "--max-messages", "500", "--max-chars", "2000"],
            Output::Mermaid,
        ),
        (&["map", "--max-chars", "1"], Output::Mermaid),
        (
            &["map", "--max-tokens", "400", "-f", "plantuml"],
            Output::Plantuml,
        ),
        (&["map", "--depth", "0", "-f", "text"], Output::Text),
        (
            &["map", "--depth", "2", "--group-by", "package"],
            Output::Mermaid,
        ),
        (
            &["map", "--group-by", "module", "-f", "plantuml"],
            Output::Plantuml,
        ),
        (&["map", "--focus", "fib"], Output::Mermaid),
        (
            &["map", "--focus", "*", "--max-messages", "30"],
            Output::Mermaid,
        ),
        (&["map", "--root", "c-1", "-f", "text"], Output::Text),
        (
            &["map", "--root", "c-0", "--max-messages", "12"],
            Output::Mermaid,
        ),
        (
            &["map", "--include", "*i*", "--include", "main"],
            Output::Mermaid,
        ),
        (
            &["map", "--exclude", "*.<module>", "--exclude", "main"],
            Output::Mermaid,
        ),
        (&["map", "--exclude", "*", "-f", "text"], Output::Text),
        (&["map", "-o", "map.md"], Output::File),
        (
            &["map", "-o", "map.txt", "--max-messages", "500"],
            Output::File,
        ),
    ],
    &[
        (
            &["export", "-f", "html", "-o", "-", "--page-size", "0"],
            Output::Page,
        ),
        (
            &["export", "-f", "html", "-o", "-", "--page-size", "170kB"],
            Output::Page,
        ),
        (
            &["export", "-o", "page.html", "--page-size", "1GB"],
            Output::File,
        ),
        (&["export", "-f", "html"], Output::File),
        (&["export", "-o", "run.json"], Output::File),
        (&["export", "-o", "run.jsonl"], Output::File),
        (&["export", "-o", "run.md"], Output::File),
    ],
];

/// How a trace is named.
pub const NAMES: [&str; 8] = [
    "run.execmap",
    "run.execmap",
    "run.execmap",
    "run.execmap",
    "run.execmap",
    "run.execmap.part",
    ".",
    "",
];

/// Carries out a command in the working directory, and says what is wrong with what it did; `trace`
/// may be empty.
pub fn carry_out(
    (words, output): Command,
    trace: &str,
    width: Option<usize>,
) -> Result<Ran, String> {
    let trace = [trace];
    let trace = if trace == [""] { &[] } else { &trace[..] };
    let words = [words, trace].concat();
    let ran = catching(|| execmap_at(width, &words))?;
    check(&ran, output)?;
    Ok(ran)
}

/// What a panic said.
fn catching<T>(act: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(act)).map_err(|panic| match panic.downcast::<String>() {
        Ok(told) => *told,
        Err(panic) => panic.downcast::<&str>().map_or_else(
            |_| "the output breaks a rule".to_owned(),
            |told| (*told).to_owned(),
        ),
    })
}

/// Whether a command did its work or said in one clear line why not, and wrote what it should.
fn check(ran: &Ran, output: Output) -> Result<(), String> {
    let err = execmap_cli::plain(&ran.err);
    match ran.done {
        Done::Exit(0) if err.is_empty() == (output != Output::File) => {}
        Done::Exit(2) if err.starts_with("error: ") && err.lines().count() == 1 => {}
        _ => return Err(format!("{:?}, says: {err}", ran.done)),
    }
    catching(|| {
        faces::is_safe(&ran.err);
        if ran.done == Done::Exit(0) {
            is_as_meant(&ran.out, output);
        } else {
            assert!(ran.out.is_empty(), "an error comes before all output");
        }
    })
}

fn is_as_meant(out: &str, output: Output) {
    match output {
        Output::Text => {
            assert!(!out.is_empty(), "there is no output");
            faces::is_safe(out);
        }
        Output::Json => {
            serde_json::from_str::<IgnoredAny>(out).expect("JSON is JSON");
        }
        Output::Lines => {
            for line in out.lines() {
                serde_json::from_str::<IgnoredAny>(line).expect("a line is JSON");
            }
        }
        Output::Mermaid => {
            assert!(out.encode_utf16().count() <= MOST_UNITS);
            faces::is_diagram(out);
        }
        Output::Plantuml => {
            assert!(out.starts_with("@startuml\n") && out.ends_with("\n@enduml\n"));
            assert_eq!(out.lines().filter(|line| line.starts_with('@')).count(), 2);
            faces::is_safe(out);
        }
        Output::Page => faces::is_page(out),
        Output::File => assert!(out.is_empty(), "the answer is in the file"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_unclear_errors_and_broken_output_are_found() {
        let answer = |code, out: &str, err: &str| Ran {
            done: Done::Exit(code),
            out: out.into(),
            err: err.into(),
        };
        for fine in [
            (answer(0, "a tree\n", ""), Output::Text),
            (answer(0, "{}", ""), Output::Json),
            (answer(0, "", "page.html (1 MB)\n"), Output::File),
            (
                answer(2, "", "\u{1b}[31merror:\u{1b}[0m no trace\n"),
                Output::Text,
            ),
        ] {
            assert_eq!(check(&fine.0, fine.1), Ok(()), "{:?}", fine.0);
        }
        for wrong in [
            (
                answer(70, "", "execmap: a fault of execmap itself"),
                Output::Text,
            ),
            (answer(1, "a tree\n", ""), Output::Text),
            (answer(2, "", "error: one\nerror: two\n"), Output::Text),
            (answer(2, "half", "error: no trace\n"), Output::Text),
            (answer(0, "", ""), Output::Text),
            (answer(0, "a\u{1b}[2J", ""), Output::Text),
            (answer(0, "{", ""), Output::Json),
            (answer(0, "{}\n{\n", ""), Output::Lines),
            (
                answer(0, "sequenceDiagram\n    x; y\n", ""),
                Output::Mermaid,
            ),
            (
                answer(0, "@startuml\n@enduml\n@enduml\n", ""),
                Output::Plantuml,
            ),
            (answer(0, "<html>", ""), Output::Page),
        ] {
            assert!(check(&wrong.0, wrong.1).is_err(), "{:?}", wrong.0);
        }
    }
}
