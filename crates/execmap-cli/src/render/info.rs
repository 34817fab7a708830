//! The facts of a trace in two columns.

use std::fmt::Write;

use execmap_query::{Info, ProcessRow, ProcessState, bytes, counted, duration, thousands, visible};

use crate::fit::left;
use crate::style::{FAILED, NAME, QUIET, paint};

/// Columns of the words at the left.
const HEAD: usize = 11;

/// The facts of a trace.
#[must_use]
pub fn info_text(info: &Info) -> String {
    let mut lines: Vec<(&str, String)> = vec![
        (
            "trace",
            format!(
                "{}  {}",
                paint(NAME, &info.trace),
                paint(QUIET, bytes(info.bytes))
            ),
        ),
        ("state", state(info)),
    ];
    if let Some(first) = &info.child_of {
        let text = format!(
            "one child process of a run; all of it: execmap info {}",
            visible(first)
        );
        lines.push(("part of", text));
    }
    lines.extend(left_out(info));
    lines.push(("calls", calls(info)));
    lines.push(("ran on", ran_on(info)));
    lines.extend(processes(info));
    lines.push(("took", duration(info.duration_ns)));
    lines.push(("detail", detail(info)));
    let facts = [
        ("command", visible(&info.command).into_owned()),
        ("folder", info.folder.clone()),
        (
            "recorded",
            info.started.clone().map_or_else(String::new, |started| {
                started.replace('T', " ").replace('Z', " UTC")
            }),
        ),
        ("python", python(info)),
        ("system", info.platform.clone()),
        ("execmap", info.execmap.clone()),
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

fn python(info: &Info) -> String {
    match (info.python.as_str(), info.executable.as_str()) {
        (version, "") => version.to_owned(),
        (version, path) => format!("{version}  {}", paint(QUIET, path)),
    }
}

fn state(info: &Info) -> String {
    match (info.complete, info.recovered) {
        (true, _) if !info.left_out.is_empty() => "whole, but for what was left out".to_owned(),
        (true, _) if info.checked => "whole".to_owned(),
        (true, _) => "whole by its index; `execmap stats` reads every block of it".to_owned(),
        (false, true) => paint(
            FAILED,
            format!(
                "recovered: the program ended before the recording did, or runs still. Complete up to {}",
                duration(info.duration_ns)
            ),
        ),
        (false, false) => paint(
            FAILED,
            "cut short: the end of the recording was not written",
        ),
    }
}

fn left_out(info: &Info) -> Vec<(&'static str, String)> {
    let detail_of = |reason: &str| {
        let found = info
            .left_out_detail
            .iter()
            .find(|(other, _)| other == reason);
        found.map_or_else(String::new, |(_, detail)| {
            format!(": {}", visible(&detail.join(", ")))
        })
    };
    let line = |(reason, count): &(String, u64)| {
        format!("{} {reason}{}", thousands(*count), detail_of(reason))
    };
    let heads = std::iter::once("left out").chain(std::iter::repeat(""));
    heads.zip(info.left_out.iter().map(line)).collect()
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
    format!("{} {values}", info.detail)
}
