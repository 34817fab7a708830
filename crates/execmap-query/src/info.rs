//! What a trace holds, when and where it was made, and whether it is whole.

use serde::Serialize;

use crate::open::Glance;
use crate::process::{ProcessRow, ProcessState, process_rows};
use crate::rows::as_object;
use crate::trace::{Run, Trace};
use crate::verdict::{State, advice};

/// Version of the answers' shape.
pub(crate) const SCHEMA: u32 = 1;

/// The facts of a trace.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own in the answer"
)]
#[derive(Clone, Debug, Serialize)]
pub struct Info {
    /// Version of this answer's shape.
    pub schema: u32,
    /// The trace's file.
    pub trace: String,
    /// The command line, as a shell would read it.
    pub command: String,
    /// The command line, word by word.
    pub argv: Vec<String>,
    /// How many calls were recorded.
    pub calls: u64,
    /// How many functions they called.
    pub functions: u64,
    /// How many of them failed: were left by an exception, but for one that ends the program in
    /// order. `None` of a long trace, whose events are not read.
    pub failed: Option<u64>,
    /// How many of them had not ended when the recording ended. `None` where only events say.
    pub unfinished: Option<u64>,
    /// How many threads made them.
    pub threads: u64,
    /// How many asyncio tasks made them.
    pub tasks: u64,
    /// How many processes there are, those included that made no calls.
    pub processes: u64,
    /// Child processes that still ran when the files were read.
    pub running: u64,
    /// The processes, where there are several.
    pub process_list: Vec<ProcessRow>,
    /// Of a child process that was opened alone: the file of the run it belongs to.
    pub child_of: Option<String>,
    /// From the first event to the last.
    pub duration_ns: u64,
    /// Size of the trace, its side file included.
    pub bytes: u64,
    /// Size of the side file, where something was taken from it.
    pub part_bytes: u64,
    /// How the recording ended.
    pub state: State,
    /// How the recording ended, in a sentence.
    pub verdict: String,
    /// How long the program waited for what it had recorded to be written.
    pub waited_ns: u64,
    /// Whether frames were read in a poorer way than usual.
    pub degraded: bool,
    /// Whether the recording came to its end.
    pub complete: bool,
    /// Whether every block was compared with its checksum; those of a long trace are not.
    pub checked: bool,
    /// Whether something was taken from the side file of a run that did not end.
    pub recovered: bool,
    /// Version of the Python that ran.
    pub python: String,
    /// Path of the Python that ran.
    pub executable: String,
    /// Version of the execmap that recorded.
    pub execmap: String,
    /// System and machine.
    pub platform: String,
    /// The working directory.
    pub folder: String,
    /// Number of the process.
    pub pid: Option<u64>,
    /// When the recording began: RFC 3339, in UTC.
    pub started: Option<String>,
    /// `calls` or `statements`.
    pub detail: String,
    /// Whether values were recorded.
    pub values: bool,
    /// What was left out: how often, by reason.
    #[serde(serialize_with = "as_object")]
    pub left_out: Vec<(String, u64)>,
    /// What exactly was left out, by reason.
    #[serde(serialize_with = "as_object")]
    pub left_out_detail: Vec<(String, Vec<String>)>,
    /// What each reason means, and what to do about it.
    #[serde(serialize_with = "as_object")]
    pub left_out_advice: Vec<(String, &'static str)>,
}

/// The facts of a trace.
#[must_use]
pub fn info(trace: &Trace) -> Info {
    let figures = || trace.figures.iter();
    let failed = figures().map(|figures| figures.failed).sum();
    let ended: u64 = figures().map(|figures| figures.ended).sum();
    let calls = trace.calls().count();
    Info {
        calls,
        functions: figures().filter(|figures| figures.calls > 0).count() as u64,
        failed: Some(failed),
        unfinished: Some(calls.saturating_sub(ended)),
        threads: trace.threads().len() as u64,
        tasks: trace.tasks().len() as u64,
        processes: trace.processes().len() as u64,
        running: trace
            .processes()
            .iter()
            .skip(1)
            .filter(|process| process.state == ProcessState::Running)
            .count() as u64,
        process_list: if trace.processes().len() > 1 {
            process_rows(trace)
        } else {
            Vec::new()
        },
        ..info_of_run(trace.run())
    }
}

/// The facts of a trace whose events were not read.
pub(crate) fn info_of_glance(glance: &Glance) -> Info {
    Info {
        calls: glance.calls,
        functions: glance.functions,
        unfinished: glance.ended.map(|ended| glance.calls.saturating_sub(ended)),
        threads: glance.threads,
        tasks: glance.tasks,
        processes: 1 + glance.children,
        running: glance.running,
        checked: glance.is_checked,
        ..info_of_run(&glance.run)
    }
}

fn info_of_run(run: &Run) -> Info {
    Info {
        schema: SCHEMA,
        trace: run.trace.clone(),
        command: shell_words(&run.command),
        argv: run.command.clone(),
        calls: 0,
        functions: 0,
        failed: None,
        unfinished: None,
        threads: 0,
        tasks: 0,
        processes: 1,
        running: 0,
        process_list: Vec::new(),
        child_of: run.child_of.clone(),
        duration_ns: run.duration_ns,
        bytes: run.bytes,
        part_bytes: run.part_bytes,
        state: run.state(),
        verdict: run.verdict(),
        waited_ns: run.waited_ns,
        degraded: run.frames == "public API",
        complete: run.is_complete,
        checked: true,
        recovered: run.is_recovered,
        python: run.python.clone(),
        executable: run.executable.clone(),
        execmap: run.execmap.clone(),
        platform: run.platform.clone(),
        folder: run.folder.clone(),
        pid: run.pid,
        started: run.started_unix_ns.map(rfc3339),
        detail: run.detail.clone(),
        values: run.has_values,
        left_out: run
            .left_out
            .iter()
            .map(|left| (left.reason.clone(), left.count))
            .collect(),
        left_out_detail: run
            .left_out
            .iter()
            .filter(|left| !left.detail.is_empty())
            .map(|left| (left.reason.clone(), left.detail.clone()))
            .collect(),
        left_out_advice: run
            .left_out
            .iter()
            .map(|left| (left.reason.clone(), advice(&left.reason)))
            .filter(|(_, advice)| !advice.is_empty())
            .collect(),
    }
}

/// Words as one line that a shell would cut in the same way.
#[must_use]
pub fn shell_words(words: &[String]) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./=:@%+,^~".contains(c);
    let quoted = words.iter().map(|word| {
        if !word.is_empty() && word.chars().all(is_plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// A moment as `2026-11-20T09:40:00.123Z`.
#[must_use]
pub fn rfc3339(unix_ns: u64) -> String {
    let (seconds, nanos) = (unix_ns / 1_000_000_000, unix_ns % 1_000_000_000);
    let (year, month, day) = civil(seconds / 86_400);
    let second = seconds % 86_400;
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        second / 3600,
        second / 60 % 60,
        second % 60,
        nanos / 1_000_000
    )
}

/// Year, month and day of a day counted from 1970-01-01.
///
/// Years are counted from March, in eras of 400 years, so that the leap day comes last.
fn civil(day: u64) -> (u64, u64, u64) {
    let shifted = day + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (
        year_of_era + era * 400 + u64::from(month <= 2),
        month,
        day_of_month,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_utc() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(
            rfc3339(1_709_164_800_000_000_000),
            "2024-02-29T00:00:00.000Z"
        );
        assert_eq!(
            rfc3339(1_795_167_600_123_456_789),
            "2026-11-20T09:40:00.123Z"
        );
        assert_eq!(
            rfc3339(4_102_444_799_999_000_000),
            "2099-12-31T23:59:59.999Z"
        );
    }

    #[test]
    fn words_are_quoted_where_a_shell_would_cut_them() {
        let words = ["shop.py", "a b", "it's", ""].map(String::from);
        assert_eq!(shell_words(&words), r"shop.py 'a b' 'it'\''s' ''");
    }
}
