//! The difference of two runs as lines: the verdict, where they went apart, and all that differs.

use std::fmt::Write;

use execmap_export::difference::pair_text;
use execmap_map::{Change, ComparedRun, Difference, Kind, Waypoint};
use execmap_query::{counted, thousands, visible};

use crate::fit::{columns, fit, left};
use crate::style::{ADDED, FAILED, HERE, NAME, QUIET, paint};
use crate::terminal::Layout;

/// A value takes at most so many columns.
const VALUE_COLUMNS: usize = 40;
/// A call that was added or removed takes at most so many.
const CALL_COLUMNS: usize = 90;
/// The arguments of a call on a way take at most so many.
const ARGS_COLUMNS: usize = 60;
/// So many steps of a way are shown at its beginning, and at its end.
const STEPS: usize = 10;

/// The difference of two runs, at most so many changes of it.
#[must_use]
pub fn diff_text(difference: &Difference, changes: usize, layout: Layout) -> String {
    let color = if difference.equal { ADDED } else { FAILED };
    let (word, rest) = difference
        .verdict
        .split_once(':')
        .unwrap_or((&difference.verdict, ""));
    let mut text = format!("{}:{rest}\n", paint(color, word));
    let names = [&difference.old.trace, &difference.new.trace];
    let width = names
        .iter()
        .map(|name| columns(&visible(name)))
        .max()
        .unwrap_or(0);
    for (word, run) in [("old", &difference.old), ("new", &difference.new)] {
        text.push_str(&run_line(word, run, width, layout));
    }
    for note in &difference.notes {
        let _ = writeln!(text, "{}", paint(QUIET, visible(note)));
    }
    if !difference.ignored.is_empty() {
        let words: Vec<&str> = difference.ignored.iter().map(|kind| kind.text()).collect();
        let _ = writeln!(
            text,
            "{}",
            paint(QUIET, format!("ignored: {}", words.join(", ")))
        );
    }
    if let Some(first) = &difference.first {
        let _ = writeln!(text, "\n{}", paint(NAME, "first divergence"));
        let depth = way(&first.way, &mut text);
        let indent = format!("  {}", "   ".repeat(depth.saturating_sub(1)));
        change_lines(
            &difference.changes[first.change],
            &indent,
            None,
            layout,
            &mut text,
        );
    }
    if difference.changes.len() > 1 || difference.changes.len() == 1 && difference.first.is_none() {
        let _ = writeln!(text, "\n{}", paint(NAME, "all differences"));
        for change in difference.changes.iter().take(changes) {
            let caller = change
                .caller
                .as_deref()
                .filter(|_| is_vague(change, &difference.changes));
            change_lines(change, "  ", caller, layout, &mut text);
        }
        let hidden = difference.changes.len().saturating_sub(changes) as u64;
        let all = if hidden > 0 { ". More: --all" } else { "" };
        let hidden = hidden + difference.more_changes;
        if hidden > 0 {
            let more = format!("  … {} more{all}", thousands(hidden));
            let _ = writeln!(text, "{}", paint(HERE, more));
        }
    }
    if let Some(proposal) = &difference.proposal {
        let _ = writeln!(text, "\n{}", paint(HERE, &proposal.text));
    }
    text
}

fn run_line(word: &str, run: &ComparedRun, width: usize, layout: Layout) -> String {
    let name = left(&visible(&run.trace), width);
    let calls = counted(run.calls, "call");
    let command = visible(&run.command);
    let room = layout
        .width
        .unwrap_or(160)
        .saturating_sub(width + columns(&calls) + 12);
    let rest = format!("{calls}   {}", fit(&command, room.max(8)));
    format!("{}  {name}   {}\n", paint(QUIET, word), paint(QUIET, rest))
}

/// The calls and loops on a way, each below the one before. Gives how deep the last is.
fn way(way: &[Waypoint], text: &mut String) -> usize {
    let mut depth = 0;
    let hidden = way.len().saturating_sub(2 * STEPS + 1);
    let hidden = if hidden > 0 {
        STEPS..STEPS + hidden + 1
    } else {
        0..0
    };
    for (index, step) in way.iter().enumerate() {
        if hidden.contains(&index) {
            if index == hidden.start {
                let line = format!("… {} deeper", counted(hidden.len() as u64, "step"));
                let _ = writeln!(text, "{}{}", lead(depth), paint(QUIET, line));
                depth += 1;
            }
            continue;
        }
        let line = match step {
            Waypoint::Call(call) => {
                let line = call
                    .line
                    .map_or(String::new(), |line| format!("line {line}   "));
                let handles = if call.old == call.new {
                    call.new.to_string()
                } else {
                    format!("{} → {}", call.old, call.new)
                };
                let (name, args) = call.call.split_once('(').unwrap_or((&call.call, ")"));
                format!(
                    "{}({}   {}",
                    paint(NAME, visible(name)),
                    fit(args, ARGS_COLUMNS),
                    paint(QUIET, format!("{line}{handles}"))
                )
            }
            Waypoint::Loop {
                file,
                line,
                old,
                new,
            } => {
                let place = place(file, *line);
                let iteration = if old == new {
                    thousands(*new)
                } else {
                    format!("{} → {}", thousands(*old), thousands(*new))
                };
                format!("loop{place}, iteration {iteration}")
            }
            Waypoint::Lane { old, new, is_task } => {
                let kind = if *is_task { "task" } else { "thread" };
                let (old, new) = (visible(old), visible(new));
                if old == new {
                    format!("{kind} {new}")
                } else {
                    format!("{kind} {old} → {new}")
                }
            }
            Waypoint::More { calls } => format!("… {} deeper", counted(*calls as u64, "call")),
        };
        let _ = writeln!(text, "{}{line}", lead(depth));
        depth += 1;
    }
    depth
}

fn lead(depth: usize) -> String {
    match depth.checked_sub(1) {
        None => "  ".to_owned(),
        Some(above) => paint(QUIET, format!("  {}└─ ", "   ".repeat(above))),
    }
}

/// ` at shop.py:12`
fn place(file: &str, line: Option<u32>) -> String {
    let name = file.rsplit(['/', '\\']).next().unwrap_or_default();
    match line {
        Some(line) if !name.is_empty() => format!(" at {}:{line}", visible(name)),
        Some(line) => format!(" at line {line}"),
        None => String::new(),
    }
}

/// Whether nothing but its caller says which change this is.
fn is_vague(change: &Change, all: &[Change]) -> bool {
    let is_like = |other: &&Change| {
        (other.kind, &other.function, &other.argument)
            == (change.kind, &change.function, &change.argument)
    };
    matches!(change.kind, Kind::Added | Kind::Removed)
        || all.iter().filter(is_like).nth(1).is_some()
}

fn change_lines(
    change: &Change,
    indent: &str,
    caller: Option<&str>,
    layout: Layout,
    text: &mut String,
) {
    let room = layout.width.map_or(CALL_COLUMNS, |width| {
        width.saturating_sub(columns(indent) + 4).max(24)
    });
    let (sign, what) = said(change, room);
    let style = match sign {
        '+' => ADDED,
        '-' => FAILED,
        _ => HERE,
    };
    let mut often = often(change);
    if let Some(caller) = caller {
        let _ = write!(often, "   from {}", visible(caller));
    }
    let _ = writeln!(
        text,
        "{indent}{} {what}{}",
        paint(style, sign),
        paint(QUIET, often)
    );
    for inside in &change.inside {
        change_lines(inside, &format!("{indent}  "), None, layout, text);
    }
}

fn said(change: &Change, room: usize) -> (char, String) {
    let most = VALUE_COLUMNS.min(room / 2);
    let mut values: Vec<String> = change
        .values
        .iter()
        .map(|values| pair_text(values, most))
        .collect();
    if change.has_more_values {
        values.push("…".to_owned());
    }
    let values = values.join(", ");
    let function = paint(NAME, visible(&change.function));
    let only = |text: Option<&String>| fit(text.map_or("", String::as_str), room.min(CALL_COLUMNS));
    let first = change.values.first();
    match change.kind {
        Kind::Added => ('+', only(first.and_then(|values| values.new.as_ref()))),
        Kind::Removed => ('-', only(first.and_then(|values| values.old.as_ref()))),
        Kind::Argument => {
            let name = change.argument.as_deref().unwrap_or_default();
            ('~', format!("{function}  {}: {values}", visible(name)))
        }
        Kind::Result => ('~', format!("{function}  result: {values}")),
        Kind::Exception => ('~', format!("{function}  exception: {values}")),
        Kind::Outcome => ('~', format!("{function}  {values}")),
        Kind::Order => ('~', format!("{function}  order: {values}")),
        Kind::Iterations => {
            let place = place(&change.file, change.line);
            ('~', format!("loop{place}: {values} iterations"))
        }
        Kind::Function => ('~', format!("{values}, in place of one another")),
    }
}

/// How often, where it was more than once, and how much is inside.
fn often(change: &Change) -> String {
    let mut text = String::new();
    match change.kind {
        Kind::Added | Kind::Removed if change.times > 1 => {
            let _ = write!(text, "   {}×", thousands(change.times));
        }
        Kind::Iterations if change.times > 1 => {
            let _ = write!(text, "   {} times", thousands(change.times));
        }
        Kind::Function => {
            let _ = write!(text, "   {}", counted(change.times, "call"));
        }
        Kind::Argument | Kind::Result | Kind::Exception | Kind::Outcome | Kind::Order
            if change.of > 1 =>
        {
            let (times, of) = (thousands(change.times), counted(change.of, "call"));
            let _ = write!(text, "   {times} of {of}");
        }
        _ => {}
    }
    if change.calls_inside > 0 {
        let _ = write!(text, "   {} inside", counted(change.calls_inside, "call"));
    }
    text
}
