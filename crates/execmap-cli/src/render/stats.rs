//! Functions as a table.

use execmap_query::{FunctionStats, Stats, StatsSort, counted, duration, thousands, visible};

use crate::fit::{columns, left, right};
use crate::render::losses_line;
use crate::style::{FAILED, Link, NAME, QUIET, paint};
use crate::terminal::Layout;

/// A column of figures.
struct Column {
    head: &'static str,
    sort: Option<StatsSort>,
    text: fn(&FunctionStats) -> String,
}

const COLUMNS: [Column; 7] = [
    Column {
        head: "calls",
        sort: Some(StatsSort::Calls),
        text: |f| thousands(f.calls),
    },
    Column {
        head: "failed",
        sort: Some(StatsSort::Failed),
        text: |f| {
            if f.failed == 0 {
                String::new()
            } else {
                thousands(f.failed)
            }
        },
    },
    Column {
        head: "self",
        sort: Some(StatsSort::SelfTime),
        text: |f| duration(f.self_ns),
    },
    Column {
        head: "total",
        sort: Some(StatsSort::Total),
        text: |f| duration(f.total_ns),
    },
    Column {
        head: "mean",
        sort: Some(StatsSort::Mean),
        text: |f| duration(f.mean_ns),
    },
    Column {
        head: "slowest",
        sort: Some(StatsSort::Slowest),
        text: |f| duration(f.slowest_ns),
    },
    Column {
        head: "suspended",
        sort: None,
        text: |f| {
            if f.suspended_ns == 0 {
                String::new()
            } else {
                duration(f.suspended_ns)
            }
        },
    },
];

/// Blanks between columns.
const GAP: &str = "   ";

/// The table of functions.
#[must_use]
pub fn stats_text(stats: &Stats, sort: StatsSort, layout: Layout) -> String {
    let mut text = String::new();
    if stats.functions.is_empty() {
        text.push_str(if stats.calls == 0 {
            "No calls were recorded.\n"
        } else {
            "No function matches.\n"
        });
    } else {
        table(stats, sort, layout, &mut text);
    }
    if stats.more_functions > 0 {
        let more = format!(
            "… {} with {}: --all",
            counted(stats.more_functions, "more function"),
            counted(stats.more_calls, "call")
        );
        text.push_str(&paint(QUIET, more));
        text.push('\n');
    }
    if let Some(losses) = losses_line(&stats.losses) {
        text.push_str(&losses);
        text.push('\n');
    }
    text
}

fn table(stats: &Stats, sort: StatsSort, layout: Layout, text: &mut String) {
    let functions = &stats.functions;
    let shown = chosen_columns(functions, sort, layout);
    let widths: Vec<usize> = shown
        .iter()
        .map(|column| {
            let widest = functions
                .iter()
                .map(|function| columns(&(column.text)(function)))
                .max();
            widest.unwrap_or(0).max(columns(column.head))
        })
        .collect();
    let name_width = functions
        .iter()
        .map(|function| columns(&function.shown))
        .max()
        .unwrap_or(0)
        .min(60);
    for (column, width) in shown.iter().zip(&widths) {
        let style = if column.sort == Some(sort) {
            NAME
        } else {
            QUIET
        };
        text.push_str(&paint(style, right(column.head, *width)));
        text.push_str(GAP);
    }
    text.push_str(&paint(QUIET, "function"));
    text.push('\n');
    for function in functions {
        for (column, width) in shown.iter().zip(&widths) {
            let figure = right(&(column.text)(function), *width);
            let style = if column.sort == Some(StatsSort::Failed) {
                FAILED
            } else {
                anstyle::Style::new()
            };
            text.push_str(&paint(style, figure));
            text.push_str(GAP);
        }
        text.push_str(&paint(NAME, left(&function.shown, name_width)));
        text.push_str(&location(function, layout, &widths, name_width));
        text.push('\n');
    }
}

/// Columns that say something, as many as there is room for.
fn chosen_columns(
    functions: &[FunctionStats],
    sort: StatsSort,
    layout: Layout,
) -> Vec<&'static Column> {
    let is_narrow = layout.width.is_some_and(|width| width < 100);
    let has_text = |column: &&Column| {
        functions
            .iter()
            .any(|function| !(column.text)(function).is_empty())
    };
    let is_spare =
        |column: &Column| matches!(column.sort, Some(StatsSort::Mean | StatsSort::Slowest));
    let is_kept = |column: &&Column| column.sort == Some(sort) || !(is_narrow && is_spare(column));
    COLUMNS.iter().filter(has_text).filter(is_kept).collect()
}

/// `shop.py:12`, where there is room for it.
fn location(
    function: &FunctionStats,
    layout: Layout,
    widths: &[usize],
    name_width: usize,
) -> String {
    let name = function.file.rsplit('/').next().unwrap_or_default();
    let place = format!("{}:{}", visible(name), function.line);
    let before = widths.iter().sum::<usize>() + GAP.len() * (widths.len() + 1) + name_width;
    if layout
        .width
        .is_some_and(|width| before + columns(&place) > width)
    {
        return String::new();
    }
    let link = Link {
        is_on: layout.has_links,
        file: &function.file,
        line: function.line,
        text: place,
    };
    format!("{GAP}{}", paint(QUIET, link))
}
