//! The sentences of a difference.

use std::fmt::Write;

use execmap_query::{CallNumber, Losses, State, Trace, counted, thousands};

use super::side::is_late;
use super::{Change, Kind, Proposal, Volatile};

pub(super) fn verdict(
    [old, new]: [&Trace; 2],
    changes: &[Change],
    more: u64,
    beyond: [u64; 2],
    is_bare: bool,
) -> String {
    let calls = [old, new].map(|trace| trace.calls().count());
    if changes.is_empty() {
        let with = if is_bare {
            "the same outcomes"
        } else {
            "the same arguments, results and outcomes"
        };
        let [old, new] = [0, 1].map(|side| calls[side] - beyond[side].min(calls[side]));
        let far = match beyond {
            [0, 0] => "",
            _ => "as far as both were recorded, ",
        };
        let what = counted(old.min(new), "call");
        return format!("equal: {far}{what} in the same order, with {with}");
    }
    let places = counted(changes.len() as u64 + more, "difference");
    if calls[0] == calls[1] {
        format!("different: {places} in {}", counted(calls[0], "call"))
    } else {
        let [old, new] = calls.map(thousands);
        format!("different: {places}, {old} → {new} calls")
    }
}

pub(super) fn notes(traces: [&Trace; 2], beyond: [u64; 2], has_values: bool) -> Vec<String> {
    let mut notes = Vec::new();
    let names = ["the old run", "the new run"];
    for (side, trace) in traces.iter().enumerate() {
        let state = match trace.run().state() {
            State::Whole if is_late(trace) => {
                "keeps its latest calls only: compared from where both have calls"
            }
            State::Whole => continue,
            State::Stopped => "was recorded up to a limit: compared up to its end",
            State::Recovered => {
                "was recovered, its program was killed or runs still: compared up to its end"
            }
            State::CutShort => "was cut short: compared up to its end",
        };
        let name = names[side];
        let rest = beyond[1 - side];
        let rest = if rest == 0 {
            String::new()
        } else {
            let place = if is_late(trace) { "beyond" } else { "behind" };
            let other = names[1 - side];
            format!("; {} of {other} lie {place} it", counted(rest, "call"))
        };
        notes.push(format!("{name} {state}{rest}"));
    }
    if !has_values {
        notes
            .push("no values were recorded of one run: calls and outcomes are compared".to_owned());
    }
    let left_out = traces.map(|trace| {
        let losses = Losses {
            complete: true,
            ..trace.run().losses()
        };
        losses.text()
    });
    if left_out[0] == left_out[1] {
        let text = left_out[0].as_ref();
        notes.extend(text.map(|text| format!("both runs: {text}")));
    } else {
        for (name, text) in names.iter().zip(left_out) {
            notes.extend(text.map(|text| format!("{name}: {text}")));
        }
    }
    notes
}

/// Values that differ in every run, if some look like that.
pub(super) fn proposal(changes: &[Change], ignored: &[Volatile]) -> Option<Proposal> {
    let mut ignore: Vec<Volatile> = Vec::new();
    let (mut arguments, mut others) = (0, 0);
    for change in changes
        .iter()
        .filter(|change| !change.looks_like.is_empty())
    {
        ignore.extend(&change.looks_like);
        if change.kind == Kind::Argument {
            arguments += 1;
        } else {
            others += 1;
        }
    }
    if ignore.is_empty() {
        return None;
    }
    ignore.sort_unstable();
    ignore.dedup();
    let what = match (arguments, others) {
        (arguments, 0) => counted(arguments, "argument"),
        (0, others) => counted(others, "result"),
        (arguments, others) => counted(arguments + others, "argument and result")
            .replace("argument and results", "arguments and results"),
    };
    let differ = if arguments + others == 1 {
        "differs"
    } else {
        "differ"
    };
    let looks: Vec<&str> = ignore.iter().map(|kind| kind.described()).collect();
    let mut all = ignored.to_vec();
    all.extend(&ignore);
    all.sort_unstable();
    all.dedup();
    let words: Vec<&str> = all.iter().map(|kind| kind.text()).collect();
    let text = format!(
        "{what} {differ} only in what looks like {}: repeat with --ignore {}",
        looks.join(" or "),
        words.join(",")
    );
    Some(Proposal {
        places: arguments + others,
        ignore: all,
        text,
    })
}

/// `price(qty=3)`
pub(super) fn asked(trace: &Trace, call: CallNumber) -> String {
    let function = trace.function_of(call);
    let args: Vec<String> = if trace.has_unknown_args(call) {
        vec!["…".to_owned()]
    } else {
        let args = trace.args(call).enumerate();
        args.filter(|(index, (name, _))| !function.is_receiver(*index) && !name.starts_with('.'))
            .map(|(_, (name, key))| format!("{name}={}", trace.value_text(key)))
            .collect()
    };
    format!("{}({})", function.shown_name(), args.join(", "))
}

/// `price(qty=3) → 9`
pub(super) fn signature(trace: &Trace, call: CallNumber) -> String {
    let mut text = asked(trace, call);
    if let Some(result) = trace.result_text(call) {
        let _ = write!(text, " → {result}");
    } else if let Some(exception) = trace.failure_text(call) {
        let _ = write!(text, " × {exception}");
    }
    text
}
