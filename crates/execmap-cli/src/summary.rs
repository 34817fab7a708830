//! The one line after a run.

use std::fmt::Write;
use std::path::Path;

use execmap_query::{
    Glance, Process, ProcessState, Run, Trace, bytes, counted, duration, shell_words, thousands,
};

/// Above so many calls no page is written after a run.
pub const MOST_CALLS_FOR_A_PAGE: u64 = 1_000_000;

/// What a run left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunSummary {
    /// Calls that were recorded.
    pub calls: u64,
    /// Threads that made them.
    pub threads: u64,
    /// Tasks that made them.
    pub tasks: u64,
    /// Child processes among those that made them.
    pub children: u64,
    /// How many of these still run.
    pub running: u64,
    /// From the first event to the last.
    pub duration_ns: u64,
    /// What was left out: reason and count.
    pub left_out: Vec<(String, u64)>,
    /// The working directory of the run. Files below it are said as seen from there.
    pub folder: String,
    /// Path of the trace and its size.
    pub trace: (String, u64),
    /// Path of the page and its size, if one was written.
    pub page: Option<(String, u64)>,
    /// Whether a page was wanted.
    pub is_page_wanted: bool,
}

impl RunSummary {
    /// The figures of a trace that was opened.
    #[must_use]
    pub fn of(trace: &Trace) -> Self {
        let (threads, tasks) = (trace.threads().len() as u64, trace.tasks().len() as u64);
        let children = || {
            trace
                .processes()
                .iter()
                .skip(1)
                .filter(|child| child.calls > 0)
        };
        let runs = |child: &&Process| child.state == ProcessState::Running;
        RunSummary {
            children: children().count() as u64,
            running: children().filter(runs).count() as u64,
            ..Self::of_run(trace.run(), trace.calls().count(), threads, tasks)
        }
    }

    /// The figures of a trace that was looked at.
    #[must_use]
    pub fn of_glance(glance: &Glance) -> Self {
        RunSummary {
            children: glance.children,
            running: glance.running,
            ..Self::of_run(&glance.run, glance.calls, glance.threads, glance.tasks)
        }
    }

    fn of_run(run: &Run, calls: u64, threads: u64, tasks: u64) -> Self {
        let left_out = run
            .left_out
            .iter()
            .map(|left| (left.reason.clone(), left.count));
        RunSummary {
            calls,
            threads,
            tasks,
            children: 0,
            running: 0,
            duration_ns: run.duration_ns,
            left_out: left_out.collect(),
            folder: run.folder.clone(),
            trace: (run.trace.clone(), run.bytes),
            page: None,
            is_page_wanted: false,
        }
    }
}

/// The one line after a run, without a line break.
#[must_use]
pub fn run_summary(summary: &RunSummary) -> String {
    let mut what = vec![counted(summary.calls, "call")];
    if summary.threads > 0 {
        what.push(counted(summary.threads, "thread"));
    }
    if summary.tasks > 0 {
        what.push(counted(summary.tasks, "task"));
    }
    if summary.children > 0 {
        let processes = if summary.children == 1 {
            "process"
        } else {
            "processes"
        };
        let mut text = format!("{} child {processes}", thousands(summary.children));
        if summary.running > 0 {
            let _ = write!(text, " ({} still running)", thousands(summary.running));
        }
        what.push(text);
    }
    let file = |(path, size): &(String, u64)| {
        let path = seen_from(&summary.folder, path);
        format!("{path} ({})", bytes(*size))
    };
    let mut files = vec![file(&summary.trace)];
    files.extend(summary.page.as_ref().map(file));
    let mut line = format!(
        "execmap: {} in {} -> {}",
        what.join(", "),
        duration(summary.duration_ns),
        files.join(", ")
    );
    if !summary.left_out.is_empty() {
        let total: u64 = summary.left_out.iter().map(|(_, count)| count).sum();
        let parts = summary
            .left_out
            .iter()
            .map(|(reason, count)| format!("{} {reason}", thousands(*count)));
        let parts = parts.collect::<Vec<_>>().join(", ");
        let _ = write!(line, " ({} left out: {parts})", thousands(total));
    }
    if summary.page.is_none() && summary.is_page_wanted && summary.calls > MOST_CALLS_FOR_A_PAGE {
        let trace = shell_words(&[seen_from(&summary.folder, &summary.trace.0)]);
        let _ = write!(
            line,
            "; for a page of its first calls: execmap export -f html {trace}"
        );
    }
    line
}

/// A path as seen from a folder it lies below, or as it is.
fn seen_from(folder: &str, path: &str) -> String {
    let below = Path::new(path).strip_prefix(folder).ok();
    below
        .filter(|below| !folder.is_empty() && !below.as_os_str().is_empty())
        .map_or_else(|| path.to_owned(), |below| below.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> RunSummary {
        RunSummary {
            calls: 120_433,
            threads: 3,
            tasks: 12,
            children: 0,
            running: 0,
            duration_ns: 200_000_000,
            left_out: Vec::new(),
            folder: "/home/ann".into(),
            trace: ("shop.execmap".into(), 300_000),
            page: Some(("shop.html".into(), 600_000)),
            is_page_wanted: true,
        }
    }

    #[test]
    fn a_run_ends_with_one_line() {
        insta::assert_snapshot!(run_summary(&summary()), @"execmap: 120,433 calls, 3 threads, 12 tasks in 200.0 ms -> shop.execmap (0.3 MB), shop.html (0.6 MB)");
        let elsewhere = RunSummary {
            trace: ("/home/ann/runs/shop.execmap".into(), 300_000),
            page: Some(("/home/anna/shop.html".into(), 600_000)),
            ..summary()
        };
        insta::assert_snapshot!(run_summary(&elsewhere), @"execmap: 120,433 calls, 3 threads, 12 tasks in 200.0 ms -> runs/shop.execmap (0.3 MB), /home/anna/shop.html (0.6 MB)");
        let lossy = RunSummary {
            left_out: vec![("values hidden".into(), 2)],
            tasks: 0,
            threads: 1,
            page: None,
            ..summary()
        };
        insta::assert_snapshot!(run_summary(&lossy), @"execmap: 120,433 calls, 1 thread in 200.0 ms -> shop.execmap (0.3 MB) (2 left out: 2 values hidden)");
        let family = RunSummary {
            children: 3,
            running: 1,
            tasks: 0,
            ..summary()
        };
        insta::assert_snapshot!(run_summary(&family), @"execmap: 120,433 calls, 3 threads, 3 child processes (1 still running) in 200.0 ms -> shop.execmap (0.3 MB), shop.html (0.6 MB)");
        let large = RunSummary {
            calls: 7_049_155,
            page: None,
            ..summary()
        };
        insta::assert_snapshot!(run_summary(&large), @"execmap: 7,049,155 calls, 3 threads, 12 tasks in 200.0 ms -> shop.execmap (0.3 MB); for a page of its first calls: execmap export -f html shop.execmap");
    }
}
