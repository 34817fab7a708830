//! Whether a trace is whole, and what to do about what is missing: in words, the same in every face.

use serde::Serialize;

use crate::info::rfc3339;
use crate::text::{counted, duration, visible};
use crate::trace::Run;

/// How a recording ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It came to its end with the program, or where it was told to.
    Whole,
    /// It stopped before the program did, and says why.
    Stopped,
    /// Its program was killed, or runs still; the side file gave what was recorded last.
    Recovered,
    /// Its end is missing.
    CutShort,
}

/// Reasons for which a recording stops before its program.
const STOPS: [&str; 2] = [
    "early stop: limit reached",
    "early stop: the file could not be written",
];

impl Run {
    /// How the recording ended.
    #[must_use]
    pub fn state(&self) -> State {
        let is_stop = |reason: &str| STOPS.contains(&reason);
        match (self.is_complete, self.is_recovered) {
            (false, true) => State::Recovered,
            (false, false) => State::CutShort,
            _ if self.left_out.iter().any(|left| is_stop(&left.reason)) => State::Stopped,
            _ => State::Whole,
        }
    }

    /// How the recording ended, in a sentence.
    #[must_use]
    pub fn verdict(&self) -> String {
        match self.state() {
            State::Whole if self.left_out.is_empty() => "whole, nothing left out".to_owned(),
            State::Whole => format!("whole, {} left out", self.things_left_out()),
            State::Stopped => format!(
                "stopped before the program ended; everything up to {} is here",
                self.last_moment()
            ),
            State::Recovered => format!(
                "recovered: the program was killed, or runs still; everything up to {} is here",
                self.last_moment()
            ),
            State::CutShort => format!(
                "cut short: the end of the file is missing; everything up to {} is here",
                self.last_moment()
            ),
        }
    }

    /// `12:03:04 UTC, 1.24 s after the start`
    fn last_moment(&self) -> String {
        let after = duration(self.duration_ns);
        self.started_unix_ns.map_or(after.clone(), |started| {
            let moment = rfc3339(started.saturating_add(self.duration_ns));
            let time = moment.get(11..19).unwrap_or_default();
            format!("{time} UTC, {after} after the start,")
        })
    }

    /// `17 things`
    fn things_left_out(&self) -> String {
        let counts = self.left_out.iter().map(|left| left.count);
        counted(counts.fold(0, u64::saturating_add), "thing")
    }
}

/// What is left out for one reason, in a line: `5 values hidden: password, card`.
#[must_use]
pub fn left_out_line(reason: &str, count: u64, detail: &[String]) -> String {
    let is_stop = STOPS.contains(&reason);
    let mut line = if is_stop {
        reason.to_owned()
    } else {
        format!(
            "{} {}",
            crate::text::thousands(count),
            singular(reason, count)
        )
    };
    if !detail.is_empty() {
        line.push_str(": ");
        line.push_str(&visible(&detail.join(", ")));
    }
    line
}

/// `1 block damaged`, `2 blocks damaged`
fn singular(reason: &str, count: u64) -> String {
    const WORDS: [(&str, &str); 5] = [
        ("values ", "value "),
        ("blocks ", "block "),
        ("records ", "record "),
        ("faults ", "fault "),
        ("bytes ", "byte "),
    ];
    let many = WORDS.iter().find(|(many, _)| reason.starts_with(many));
    match many {
        Some((many, one)) if count == 1 => reason.replacen(many, one, 1),
        _ => reason.to_owned(),
    }
}

/// What a reason means, and what to do about it.
#[must_use]
pub fn advice(reason: &str) -> &'static str {
    match reason {
        "values hidden" => "secrets, by name or by shape; `--no-redact` records them",
        "values cut" => "their beginning is here, and how long each was",
        "values not recorded" => "everything around them is here",
        "early stop: limit reached" => {
            "allow more with `--max-calls` or `--max-size`, or keep the latest with `--ring`"
        }
        "early stop: the file could not be written" => {
            "make room where it lies, or choose another place with `-o`"
        }
        "not followed" => "what they did is not in this trace; record them by themselves",
        "programs not followed" => "they are no Python programs that were recorded",
        "processes that cannot be read" => "their files are damaged; another copy may be whole",
        "recorded in a poorer way" => "what is here is exact; the detail named is missing",
        "blocks damaged" => {
            "what was in them is missing, the rest is exact; another copy may be whole"
        }
        "records damaged" => "they speak of what cannot be; the rest is as it was recorded",
        "bytes cut off at the end" => "they belong to no whole block; another copy may be whole",
        "faults of the recorder" => "a fault of execmap, not of the program: please report it",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::LeftOut;

    fn run(reason: Option<&str>) -> Run {
        Run {
            is_complete: true,
            started_unix_ns: Some(1_795_167_600_000_000_000),
            duration_ns: 61_500_000_000,
            left_out: reason
                .map(|reason| LeftOut {
                    reason: reason.to_owned(),
                    count: 3,
                    detail: Vec::new(),
                })
                .into_iter()
                .collect(),
            ..Run::default()
        }
    }

    #[test]
    fn a_sentence_says_how_a_recording_ended() {
        let killed = Run {
            is_complete: false,
            is_recovered: true,
            ..run(None)
        };
        let cut = Run {
            is_recovered: false,
            started_unix_ns: None,
            ..killed.clone()
        };
        let all = [
            run(None),
            run(Some("values cut")),
            run(Some("early stop: limit reached")),
            killed,
            cut,
        ];
        assert_eq!(
            all.map(|run| run.verdict()),
            [
                "whole, nothing left out",
                "whole, 3 things left out",
                "stopped before the program ended; everything up to 09:41:01 UTC, 1 min 02 s after the start, is here",
                "recovered: the program was killed, or runs still; everything up to 09:41:01 UTC, 1 min 02 s after the start, is here",
                "cut short: the end of the file is missing; everything up to 1 min 02 s is here",
            ]
        );
    }

    /// A reason without a word on what to do about it is half an answer.
    #[test]
    fn each_reason_says_what_to_do() {
        for reason in execmap_format::LossReason::all() {
            assert_ne!(advice(reason.text()), "", "{}", reason.text());
        }
        for reason in STOPS {
            assert_ne!(advice(reason), "");
        }
    }

    #[test]
    fn what_is_left_out_is_counted_in_words() {
        let line = |reason, count| left_out_line(reason, count, &["a\u{1b}[1m".to_owned()]);
        assert_eq!(line("blocks damaged", 1), "1 block damaged: a\\x1b[1m");
        assert_eq!(
            line("values hidden", 1_200),
            "1,200 values hidden: a\\x1b[1m"
        );
        assert_eq!(left_out_line(STOPS[0], 1, &[]), STOPS[0]);
    }
}
