//! The call tree, a line a row.

use std::fmt::Write;

use execmap_query::{
    CallNumber, CallRow, LaneRow, MoreRow, Outcome, Tree, TreeRow, counted, duration, thousands,
    visible,
};

use crate::fit::{columns, fit};
use crate::render::losses_line;
use crate::style::{FAILED, HERE, Link, NAME, QUIET, paint};
use crate::terminal::Layout;

/// Values are cut to so many columns where lines may be of any length.
const VALUE_COLUMNS: usize = 80;

/// Rows deeper than this say their depth, and only the last levels are drawn; less in a narrow
/// terminal.
const DEEPEST_DRAWN: usize = 30;

/// The call tree.
#[must_use]
pub fn tree_text(tree: &Tree, layout: Layout) -> String {
    let mut lines = TreeLines::new(layout);
    let mut text: String = tree.rows.iter().map(|row| lines.line(row)).collect();
    text.push_str(&lines.end(tree));
    text
}

/// Makes the lines of a tree, one by one.
pub(crate) struct TreeLines {
    layout: Layout,
    /// Whether a line goes on downwards at each depth.
    goes_on: Vec<bool>,
    rows: u64,
    /// The first call with something inside that is not shown.
    closed: Option<CallNumber>,
    has_more: bool,
    has_bodies: bool,
    deepest: u32,
}

impl TreeLines {
    pub(crate) fn new(layout: Layout) -> Self {
        TreeLines {
            layout,
            goes_on: Vec::new(),
            rows: 0,
            closed: None,
            has_more: false,
            has_bodies: false,
            deepest: 0,
        }
    }

    /// The line of the next row.
    pub(crate) fn line(&mut self, row: &TreeRow) -> String {
        let (depth, last) = match row {
            TreeRow::Lane(row) => (row.depth, row.last),
            TreeRow::Call(row) => (row.depth, row.last),
            TreeRow::More(row) => (row.depth, row.last),
        };
        self.goes_on.truncate(depth as usize);
        let frame = frame(&self.goes_on, last, self.layout.width);
        self.goes_on.push(!last);
        self.rows += 1;
        let room = self
            .layout
            .width
            .map(|width| width.saturating_sub(columns(&frame)));
        let line = match row {
            TreeRow::Lane(row) => lane(row),
            TreeRow::Call(row) => {
                self.deepest = self.deepest.max(depth);
                self.closed = self.closed.or(row.closed.then_some(row.handle));
                call(row, room, self.layout.has_links)
            }
            TreeRow::More(row) => {
                self.has_more |= row.bodies.is_none();
                self.has_bodies |= row.bodies.is_some();
                more(row)
            }
        };
        format!("{}{line}\n", paint(QUIET, frame))
    }

    /// What stands below the last row.
    pub(crate) fn end(&self, tree: &Tree) -> String {
        let nothing = match (self.rows, tree.calls) {
            (0, 0) => Some("No calls were recorded.".to_owned()),
            (0, _) => Some("No call matches.".to_owned()),
            _ => None,
        };
        let lines = [nothing, self.footer(tree), losses_line(&tree.losses)];
        lines
            .into_iter()
            .flatten()
            .map(|line| line + "\n")
            .collect()
    }

    /// What is not shown, and how to see it.
    fn footer(&self, tree: &Tree) -> Option<String> {
        let mut parts = Vec::new();
        if self.closed.is_some() || self.has_more || self.has_bodies {
            let (shown, asked) = (
                thousands(tree.shown_calls),
                counted(tree.asked_calls, "call"),
            );
            let mut ways = Vec::new();
            if let Some(call) = self.closed {
                ways.extend([
                    format!("--depth {}", self.deepest + 2),
                    format!("--root {call}"),
                ]);
            }
            if self.has_more {
                ways.push(format!("--rows {}", (self.rows * 4).next_multiple_of(100)));
            }
            ways.push("--all".to_owned());
            parts.push(format!(
                "{shown} of {asked} shown. More: {}",
                ways.join(", ")
            ));
        }
        if tree.filtered_calls > 0 {
            parts.push(format!(
                "{} left out by what was asked for",
                counted(tree.filtered_calls, "call")
            ));
        }
        (!parts.is_empty()).then(|| paint(QUIET, parts.join(". ")))
    }
}

/// The lines that lead to a row.
fn frame(goes_on: &[bool], last: bool, width: Option<usize>) -> String {
    let Some((_, above)) = goes_on.split_first() else {
        return String::new();
    };
    let mut frame = String::new();
    let mut above = above;
    let deepest = width.map_or(DEEPEST_DRAWN, |width| (width / 8).clamp(4, DEEPEST_DRAWN));
    if above.len() > deepest {
        frame = format!("{} deep ", thousands(goes_on.len() as u64));
        above = &above[above.len() - deepest / 2..];
    }
    for goes_on in above {
        frame.push_str(if *goes_on { "│  " } else { "   " });
    }
    frame.push_str(if last { "└─ " } else { "├─ " });
    frame
}

fn lane(row: &LaneRow) -> String {
    let kind = if row.task.is_some() { "task" } else { "thread" };
    let verb = if row.task.is_some() {
        "created"
    } else {
        "started"
    };
    let mut line = format!("{} {}", paint(QUIET, kind), paint(NAME, visible(&row.name)));
    if let (Some(call), Some(creator)) = (row.created_by, &row.creator) {
        line.push_str(&paint(QUIET, format!("   {verb} by {creator} {call}")));
    }
    line
}

fn more(row: &MoreRow) -> String {
    let mut line = match row.bodies {
        Some(bodies) => format!("▸ {}", bodies.counted(row.calls)),
        None => format!("… {}", counted(row.calls, "more call")),
    };
    if let Some(function) = &row.function {
        let _ = write!(line, " of {function}");
    }
    if row.calls_inside > 0 {
        let _ = write!(line, ", {} inside them", counted(row.calls_inside, "call"));
    }
    paint(HERE, line)
}

/// What a call says, in its parts.
struct Parts {
    module: String,
    name: String,
    args: Vec<(String, String)>,
    /// Result or failure.
    end: String,
    has_failed: bool,
    times: String,
    tail: String,
    tail_columns: usize,
}

fn call(row: &CallRow, room: Option<usize>, has_links: bool) -> String {
    let parts = parts(row, has_links);
    let args = |most: usize| {
        if row.has_unknown_args {
            return "…".to_owned();
        }
        let args = parts
            .args
            .iter()
            .map(|(name, value)| format!("{name}={}", fit(value, most)));
        args.collect::<Vec<_>>().join(", ")
    };
    let (args, end) = match room {
        None => (
            args(VALUE_COLUMNS),
            fit(
                &parts.end,
                VALUE_COLUMNS * if parts.has_failed { 2 } else { 1 },
            ),
        ),
        Some(room) => fitted(&parts, room, &args),
    };
    let mark = if parts.has_failed {
        paint(FAILED, format!(" × {end}"))
    } else {
        arrow(&end)
    };
    format!(
        "{}{}({args}){}{mark}{}",
        paint(QUIET, &parts.module),
        paint(NAME, &parts.name),
        parts.times,
        parts.tail
    )
}

fn arrow(end: &str) -> String {
    if end.is_empty() {
        String::new()
    } else {
        format!("{}{end}", paint(QUIET, " → "))
    }
}

/// Arguments and result in the room there is: first arguments give way, then the result, the name
/// never.
fn fitted(parts: &Parts, room: usize, args: &dyn Fn(usize) -> String) -> (String, String) {
    let fixed = columns(&parts.module)
        + columns(&parts.name)
        + columns(&parts.times)
        + parts.tail_columns
        + 5;
    let whole_end = columns(&visible(&parts.end));
    for (arg_columns, end_columns) in [
        (80, 160),
        (40, 80),
        (24, 60),
        (16, 40),
        (10, 40),
        (8, 24),
        (6, 16),
    ] {
        let args = args(arg_columns);
        let left = room.saturating_sub(fixed + columns(&args));
        if left >= whole_end.min(end_columns) {
            return (args, fit(&parts.end, left));
        }
    }
    let short = if parts.args.is_empty() {
        String::new()
    } else {
        "…".to_owned()
    };
    let left = room.saturating_sub(fixed + columns(&short));
    let least = if parts.has_failed { 8 } else { 1 };
    (short, fit(&parts.end, left.max(least)))
}

fn parts(row: &CallRow, has_links: bool) -> Parts {
    let name = row.function.clone();
    let module = row
        .shown
        .strip_suffix(name.as_str())
        .unwrap_or_default()
        .to_owned();
    let skipped = usize::from(row.has_receiver);
    // A generator expression's iterator has a name that nobody wrote.
    let is_written = |arg: &&(String, String)| !arg.0.starts_with('.');
    let args = row
        .args
        .iter()
        .skip(skipped)
        .filter(is_written)
        .cloned()
        .collect();
    let has_failed = row.has_failed;
    let end = match row.outcome {
        Outcome::Returned => row.result.clone().unwrap_or_default(),
        Outcome::Raised if row.has_failed => row
            .exception
            .clone()
            .unwrap_or_else(|| "an exception".to_owned()),
        // None is a value or a failure; the tail says them.
        Outcome::Raised | Outcome::Closed | Outcome::Unfinished => String::new(),
    };
    let times = if row.times > 1 {
        format!(" {}×", thousands(row.times))
    } else {
        String::new()
    };
    let (tail, tail_columns) = tail(row, has_links);
    Parts {
        module,
        name,
        args,
        end,
        has_failed,
        times,
        tail,
        tail_columns,
    }
}

const UNFINISHED: &str = "did not return before the recording ended";

/// How it ended without a result, how long it took, and what is not shown of it.
fn tail(row: &CallRow, has_links: bool) -> (String, usize) {
    let (mut tail, mut width) = (String::new(), 0);
    let mut add = |styled: String, plain: usize| {
        tail.push_str("   ");
        tail.push_str(&styled);
        width += plain + 3;
    };
    match row.outcome {
        Outcome::Closed => add(paint(QUIET, "closed"), 6),
        Outcome::Unfinished => add(paint(QUIET, UNFINISHED), UNFINISHED.len()),
        Outcome::Raised if !row.has_failed => {
            let text = format!(
                "left by {}",
                visible(row.exception.as_deref().unwrap_or_default())
            );
            add(paint(QUIET, &text), columns(&text));
        }
        Outcome::Returned | Outcome::Raised => {}
    }
    if let Some(nanos) = row.duration_ns {
        let text = duration(nanos);
        let plain = columns(&text);
        let link = Link {
            is_on: has_links,
            file: &row.file,
            line: row.line,
            text,
        };
        add(paint(QUIET, link), plain);
    }
    if row.suspended_ns > 0 {
        let text = format!("suspended {}", duration(row.suspended_ns));
        add(paint(QUIET, &text), columns(&text));
    }
    if row.closed {
        let text = format!("▸ {}", counted(row.calls_inside, "call"));
        add(paint(HERE, &text), columns(&text));
    }
    (tail, width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::plain;
    use execmap_query::testing::{TraceBuilder, shop};
    use execmap_query::{Fold, TreeQuery, tree};

    fn text(builder: TraceBuilder, width: Option<usize>) -> String {
        let tree = tree(&builder.trace(), &TreeQuery::default());
        plain(&tree_text(
            &tree,
            Layout {
                width,
                has_links: true,
            },
        ))
    }

    #[test]
    fn equal_neighbours_and_failures_stand_out() {
        let query = TreeQuery {
            fold: Fold::Alike,
            ..TreeQuery::default()
        };
        let text = tree_text(
            &tree(&shop(), &query),
            Layout {
                width: Some(80),
                has_links: false,
            },
        );
        insta::assert_snapshot!(plain(&text), @r#"
        shop.<module>() → None   1.2 ms
        └─ shop.checkout(user='ann') → 1   1.2 ms
           ├─ shop.cart.Cart.add(name='pen', qty=2) → 1   1.0 µs
           ├─ shop.countdown(n=2) → 0   5.0 µs
           │  └─ shop.countdown(n=1) → 0   3.0 µs
           │     └─ shop.countdown(n=0) → 0   1.0 µs
           ├─ shop.pricing.price(line=('pen', 2)) 4× → Decimal('39.80')   4.0 µs
           └─ shop.fails(x='ann') × ValueError: bad; "quoted" <tag>\nsecond li…   1.0 µs
        "#);
    }

    #[test]
    fn imports_stay_closed_and_the_normal_end_is_no_failure() {
        let mut builder = TraceBuilder::new();
        builder.call("__main__:<module>", &[]);
        for name in ["A", "B", "C"] {
            builder.leaf(&format!("__main__:class {name}"), &[], "None");
        }
        builder.leaf("main", &[], "0");
        builder.raises("SystemExit: 0");
        let query = TreeQuery {
            rows: Some(60),
            ..TreeQuery::default()
        };
        let text = tree_text(&tree(&builder.trace(), &query), Layout::default());
        insta::assert_snapshot!(plain(&text), @r"
        __main__.<module>()   left by SystemExit: 0   9.0 µs
        ├─ ▸ 3 class bodies
        └─ shop.main() → 0   1.0 µs
        2 of 5 calls shown. More: --all
        ");
    }

    #[test]
    fn threads_and_tasks_have_lines_of_their_own() {
        let mut builder = TraceBuilder::new();
        let main = builder.call("main", &[]);
        builder.new_task("charge", Some(main));
        builder.call("charge", &[("order", "7")]);
        let charge = builder.suspends();
        builder.wait(500).resumes(charge).returns("True");
        builder.in_task(None);
        builder.new_thread("pool-0", Some(main));
        builder.leaf("work", &[], "3");
        builder.on_thread(0).returns("None");
        insta::assert_snapshot!(text(builder, None), @r"
        thread MainThread
        └─ shop.main() → None   507 µs
           └─ task charge   created by shop.main c-0
              └─ shop.charge(order=7) → True   503 µs   suspended 501 µs
        thread pool-0   started by shop.main c-0
        └─ shop.work() → 3   1.0 µs
        ");
    }

    #[test]
    fn wide_characters_and_long_values_fit_the_line() {
        let mut builder = TraceBuilder::new();
        builder.call(
            "main",
            &[
                ("title", "'漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字'"),
                ("count", "12"),
            ],
        );
        builder.leaf(
            "shop.pricing:price",
            &[("line", "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]")],
            "{'a': 1, 'b': 2, 'c': 3}",
        );
        builder.call("fails", &[]);
        builder.raises("ValueError: a message that is longer than what there is room for");
        builder.returns("None");
        let text = text(builder, Some(60));
        assert!(text.lines().all(|line| columns(line) <= 60), "{text}");
        insta::assert_snapshot!(text, @r"
        shop.main(title='漢字漢字漢字…', count=12) → None   5.0 µs
        ├─ shop.pricing.price(…) → {'a': 1, 'b': 2, 'c': 3}   1.0 µs
        └─ shop.fails() × ValueError: a message that is lo…   1.0 µs
        ");
    }

    #[test]
    fn a_deep_chain_stays_readable() {
        let mut builder = TraceBuilder::new();
        for _ in 0..1_300 {
            builder.call("down", &[]);
        }
        let text = text(builder, None);
        insta::assert_snapshot!(text.lines().nth(1_204).unwrap_or_default(), @"1,204 deep                                              └─ shop.down()   did not return before the recording ended");
    }
}
