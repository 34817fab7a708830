//! The facts of a trace: first whether it is whole, then the run, then what is missing and what to
//! do about it.

use std::fmt::Write;

use execmap_query::{
    Info, ProcessRow, ProcessState, State, bytes, counted, duration, left_out_line, thousands,
    visible,
};

use crate::fit::{columns, left};
use crate::style::{FAILED, NAME, QUIET, paint};

/// Columns of the words at the left.
const HEAD: usize = 11;
/// Columns of the sentences at the right.
const WIDTH: usize = 80 - HEAD - 1;

/// The facts of a trace.
#[must_use]
pub fn info_text(info: &Info) -> String {
    let mut lines = Vec::new();
    lines.extend(several("state", state(info)));
    if let Some(first) = &info.child_of {
        let text = format!(
            "one child process of a run; all of it: execmap info {}",
            visible(first)
        );
        lines.push(("part of", text));
    }
    lines.push(("calls", calls(info)));
    lines.push(("ran on", ran_on(info)));
    lines.extend(processes(info));
    lines.push(("took", took(info)));
    lines.push(("detail", detail(info)));
    lines.extend(several("left out", left_out(info)));
    lines.extend(several("files", files(info)));
    let facts = [
        ("command", visible(&info.command).into_owned()),
        ("folder", visible(&info.folder).into_owned()),
        (
            "recorded",
            info.started.clone().map_or_else(String::new, |started| {
                started.replace('T', " ").replace('Z', " UTC")
            }),
        ),
        ("python", python(info)),
        ("system", visible(&info.platform).into_owned()),
        ("execmap", visible(&info.execmap).into_owned()),
    ];
    lines.extend(
        facts
            .into_iter()
            .filter(|(_, text)| !text.trim().is_empty()),
    );
    let mut text = String::new();
    for (head, fact) in lines {
        let _ = writeln!(text, "{} {fact}", paint(QUIET, left(head, HEAD)));
    }
    text
}

/// Lines below one head.
fn several(head: &'static str, lines: Vec<String>) -> impl Iterator<Item = (&'static str, String)> {
    let heads = std::iter::once(head).chain(std::iter::repeat(""));
    heads.zip(lines)
}

/// A sentence in lines that fit.
fn wrapped(text: &str, indent: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if columns(line) + 1 + columns(word) <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) => lines.push(format!("{indent}{word}")),
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

fn state(info: &Info) -> Vec<String> {
    let style = match info.state {
        State::Whole => NAME,
        State::Stopped | State::Recovered | State::CutShort => FAILED,
    };
    let mut verdict = info.verdict.clone();
    if info.state == State::Whole && !info.checked {
        verdict.push_str(" by its index; `execmap stats` reads every block of it");
    }
    let lines = wrapped(&verdict, "");
    lines.iter().map(|line| paint(style, line)).collect()
}

/// Each reason with its count, and below it what to do.
fn left_out(info: &Info) -> Vec<String> {
    let mut lines = Vec::new();
    for (reason, count) in &info.left_out {
        let detail = info
            .left_out_detail
            .iter()
            .find(|(other, _)| other == reason)
            .map_or(&[][..], |(_, detail)| detail);
        lines.extend(wrapped(&left_out_line(reason, *count, detail), "  "));
        let advice = info
            .left_out_advice
            .iter()
            .find(|(other, _)| other == reason);
        if let Some((_, advice)) = advice {
            let advice = wrapped(&format!("  {advice}"), "  ");
            lines.extend(advice.iter().map(|line| paint(QUIET, line)));
        }
    }
    lines
}

fn files(info: &Info) -> Vec<String> {
    let file = |name: &str, size: u64| {
        let name = visible(name);
        format!("{}  {}", paint(NAME, name), paint(QUIET, bytes(size)))
    };
    let main = info.bytes.saturating_sub(info.part_bytes);
    let mut files = vec![file(&info.trace, main)];
    if info.part_bytes > 0 {
        let side = file(&format!("{}.part", info.trace), info.part_bytes);
        files.push(format!(
            "{side}{}",
            paint(QUIET, ", what was recorded last")
        ));
    }
    files
}

fn took(info: &Info) -> String {
    let took = duration(info.duration_ns);
    if info.waited_ns == 0 {
        return took;
    }
    let waited = duration(info.waited_ns);
    format!("{took}, of which the program waited {waited} for its trace to be written")
}

fn python(info: &Info) -> String {
    match (info.python.as_str(), info.executable.as_str()) {
        (version, "") => visible(version).into_owned(),
        (version, path) => format!("{}  {}", visible(version), paint(QUIET, visible(path))),
    }
}

fn calls(info: &Info) -> String {
    let mut parts = vec![format!(
        "{} of {}",
        thousands(info.calls),
        counted(info.functions, "function")
    )];
    if let Some(failed) = info.failed.filter(|count| *count > 0) {
        parts.push(paint(FAILED, format!("{} failed", thousands(failed))));
    }
    if let Some(unfinished) = info.unfinished.filter(|count| *count > 0) {
        parts.push(format!("{} had not returned", thousands(unfinished)));
    }
    parts.join(", ")
}

/// Processes that have a line of their own.
const MOST_PROCESSES: usize = 12;

/// A line for each process, where there are several.
fn processes(info: &Info) -> Vec<(&'static str, String)> {
    let list = &info.process_list;
    let mut lines: Vec<String> = list.iter().take(MOST_PROCESSES).map(process).collect();
    if list.len() > MOST_PROCESSES {
        let more = list.len() - MOST_PROCESSES;
        lines.push(format!(
            "… {} more: execmap info --json",
            thousands(more as u64)
        ));
    }
    let heads = std::iter::once("processes").chain(std::iter::repeat(""));
    heads.zip(lines).collect()
}

/// `p-1 4243 ForkProcess-1: 12 calls, ended with exit code 0, started by p-0 in c-12`
fn process(row: &ProcessRow) -> String {
    let number = row.pid.map_or_else(String::new, |pid| format!(" {pid}"));
    let name = if row.name.is_empty() {
        String::new()
    } else {
        format!(" {}", visible(&row.name))
    };
    let mut parts = vec![counted(row.calls, "call")];
    parts.push(match (row.state, row.exit_code) {
        (ProcessState::Running, _) => paint(FAILED, row.state.text()),
        (_, Some(code)) if code < 0 => paint(FAILED, format!("killed by signal {}", -code)),
        (ProcessState::Ended, Some(code)) => format!("ended with exit code {code}"),
        (state, Some(code)) => format!("{}, exit code {code}", state.text()),
        (state, None) => state.text().to_owned(),
    });
    if let Some(parent) = row.parent {
        let call = row
            .created_by
            .map_or_else(String::new, |call| format!(" in {call}"));
        parts.push(format!("started by {parent}{call}"));
    }
    format!("{}{number}{name}: {}", row.handle, parts.join(", "))
}

fn ran_on(info: &Info) -> String {
    let mut parts = Vec::new();
    if info.processes > 1 {
        parts.push(format!("{} processes", thousands(info.processes)));
    }
    parts.push(counted(info.threads, "thread"));
    if info.tasks > 0 {
        parts.push(counted(info.tasks, "task"));
    }
    parts.join(", ")
}

fn detail(info: &Info) -> String {
    let values = if info.values {
        "with values"
    } else {
        "without values"
    };
    let frames = if info.degraded {
        ", frames read through the public API"
    } else {
        ""
    };
    format!("{} {values}{frames}", visible(&info.detail))
}
