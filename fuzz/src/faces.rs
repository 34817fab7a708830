//! Every question on a trace in every face, and what must hold of the answers.
//!
//! A program's texts stand in traces. None of them may reach a terminal as a control sequence, a
//! page as markup or a diagram as a statement.

use execmap_cli::Layout;
use execmap_export::fit::Limit;
use execmap_export::{json, mermaid, ndjson};
use execmap_map::{Filter, MapQuery};
use execmap_query::{
    CallNumber, Fold, FunctionPattern, StatsQuery, StatsSort, Trace, TreeQuery, info, stats, tree,
};
use execmap_web::{PageOptions, page};
use serde::de::IgnoredAny;

use crate::maps;

/// Rows of a tree in which nothing is left out, and calls that are asked for one by one.
pub(crate) const MANY: u64 = 2_000;

/// Asks everything.
///
/// # Panics
/// When an answer breaks a rule.
pub fn all(trace: &Trace) {
    facts(trace);
    trees(trace);
    functions(trace);
    maps::all(trace);
    exports(trace);
    in_page(trace, 5_000_000);
}

/// `execmap info`
pub fn facts(trace: &Trace) {
    let facts = info(trace);
    is_json(&facts);
    is_safe(&execmap_cli::info_text(&facts));
}

/// `execmap tree`
pub fn trees(trace: &Trace) {
    let root = trace.calls().iter().next_back();
    for query in [
        TreeQuery {
            rows: Some(20),
            fold: Fold::Alike,
            ..TreeQuery::default()
        },
        TreeQuery {
            depth: Some(3),
            at_least_ns: 1_000,
            root,
            ..TreeQuery::default()
        },
    ] {
        one_tree(trace, &query);
    }
    if trace.calls().count() <= MANY {
        let query = TreeQuery::default();
        one_tree(trace, &query);
        let whole = tree(trace, &query);
        assert_eq!(whole.shown_calls, whole.calls, "calls are nowhere");
    }
}

/// A tree as JSON and as text.
pub fn one_tree(trace: &Trace, query: &TreeQuery) {
    let answer = tree(trace, query);
    assert!(answer.shown_calls <= answer.calls);
    is_json(&answer);
    for width in [None, Some(80), Some(1)] {
        is_safe(&execmap_cli::tree_text(
            &answer,
            Layout {
                width,
                has_links: width.is_some(),
            },
        ));
    }
}

/// `execmap stats`
pub fn functions(trace: &Trace) {
    for sort in [StatsSort::SelfTime, StatsSort::Mean, StatsSort::Failed] {
        let query = StatsQuery {
            functions: None,
            sort,
            limit: Some(20),
        };
        one_table(trace, &query);
    }
}

/// A table of functions as JSON and as text.
pub fn one_table(trace: &Trace, query: &StatsQuery) {
    let answer = stats(trace, query);
    is_json(&answer);
    for width in [None, Some(80)] {
        let layout = Layout {
            width,
            has_links: true,
        };
        is_safe(&execmap_cli::stats_text(&answer, query.sort, layout));
    }
}

/// `execmap export`
pub fn exports(trace: &Trace) {
    let mut out = Vec::new();
    json::write(trace, &mut out).expect("memory can be written");
    serde_json::from_slice::<IgnoredAny>(&out).expect("json is JSON");
    out.clear();
    ndjson::write(trace, &mut out).expect("memory can be written");
    let lines = out
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    for line in lines.take(MANY as usize) {
        serde_json::from_slice::<IgnoredAny>(line).expect("a line is JSON");
    }
    let Ok(diagram) = mermaid::of_trace(trace, &MapQuery::default()) else {
        return;
    };
    let diagram = mermaid::in_markdown(&diagram);
    let fence = diagram.split_once("mermaid").map_or("", |(fence, _)| fence);
    assert_eq!(
        diagram.matches(fence).count(),
        2,
        "a value closes the block"
    );
}

/// `execmap export -f html`
pub fn in_page(trace: &Trace, page_size: u64) {
    is_page(&page(trace, &PageOptions { page_size }).html);
}

/// Trees, tables and maps that somebody typed.
pub fn asked(trace: &Trace, choice: u64, pattern: &str, number: u64) {
    let functions = || FunctionPattern::new(pattern).ok();
    let small = (number % 300) as usize;
    let root = Some(CallNumber(number as u32)).filter(|call| trace.calls().contains(*call));
    match choice % 4 {
        0 => one_tree(
            trace,
            &TreeQuery {
                functions: functions(),
                at_least_ns: if choice & 8 == 0 { 0 } else { number },
                depth: (choice & 16 != 0).then_some(number as u32),
                rows: (choice & 32 != 0).then_some(small),
                fold: if choice & 64 == 0 {
                    Fold::Never
                } else {
                    Fold::Alike
                },
                root: root.filter(|_| choice & 128 != 0),
            },
        ),
        1 => one_table(
            trace,
            &StatsQuery {
                functions: functions(),
                sort: StatsSort::Total,
                limit: (choice & 8 != 0).then_some(small),
            },
        ),
        2 => {
            let some = |bit: u64| functions().filter(|_| choice & bit != 0);
            maps::Asked {
                query: MapQuery {
                    messages: (choice & 8 == 0).then_some(small),
                    depth: (choice & 16 != 0).then_some(number as u32 % 70),
                    root: root.filter(|_| choice & 32 != 0),
                    participants: small % 20,
                    focus: some(64),
                    ..MapQuery::default()
                },
                filter: Filter {
                    include: some(128).into_iter().collect(),
                    exclude: some(256).into_iter().collect(),
                },
                limit: match choice >> 9 & 3 {
                    0 => Limit::Chars(number as usize),
                    1 => Limit::Tokens(small),
                    2 => Limit::None,
                    _ => mermaid::LIMIT,
                },
            }
            .of(trace);
        }
        _ => in_page(trace, number % 1_000_000),
    }
}

/// Whether a page holds nothing but what it is meant to.
pub(crate) fn is_page(html: &str) {
    let (head, rest) = html
        .rsplit_once("id=\"execmap-page\">")
        .expect("a page holds its data");
    let (data, rest) = rest.split_once("</script>").expect("the data ends");
    serde_json::from_str::<IgnoredAny>(data).expect("the data is JSON");
    assert!(
        !data.contains(['<', '>', '&', '\u{2028}', '\u{2029}']),
        "the data holds markup"
    );
    let (_, title) = head.split_once("<title>").expect("a page has a title");
    let (title, _) = title.split_once("</title>").expect("the title ends");
    assert!(!title.contains(['<', '>']), "the title holds markup");
    let (_, columns) = rest
        .rsplit_once("id=\"execmap-columns\">")
        .expect("a page holds its columns");
    let (columns, _) = columns.split_once("</script>").expect("the columns end");
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=\n".contains(&byte);
    assert!(columns.bytes().all(is_base64), "the columns are base64");
}

pub(crate) fn is_json(answer: &impl serde::Serialize) {
    let text = serde_json::to_string(answer).expect("an answer is JSON");
    serde_json::from_str::<IgnoredAny>(&text).expect("an answer is JSON again");
}

/// Whether a text holds nothing that moves a cursor, hides or reorders something, but for our own
/// few colours and links.
pub(crate) fn is_safe(text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(is_unseen) {
        rest = &rest[at..];
        let own = own_sequence(rest).unwrap_or_else(|| {
            let until = rest.char_indices().nth(12).map_or(rest.len(), |(at, _)| at);
            panic!("a text holds a control character: {:?}", &rest[..until]);
        });
        rest = &rest[own..];
    }
}

fn is_unseen(c: char) -> bool {
    c != '\n' && c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// How long one of the sequences is that execmap writes.
fn own_sequence(text: &str) -> Option<usize> {
    for style in [
        "\u{1b}[0m",
        "\u{1b}[1m",
        "\u{1b}[2m",
        "\u{1b}[31m",
        "\u{1b}[33m",
        "\u{1b}[36m",
    ] {
        if text.starts_with(style) {
            return Some(style.len());
        }
    }
    let link = text.strip_prefix("\u{1b}]8;;")?;
    let end = link.find("\u{1b}\\")?;
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    let is_ours = link[..end].is_empty() || link[..end].starts_with("file:///");
    (is_ours && link[..end].bytes().all(is_plain)).then_some(text.len() - link.len() + end + 2)
}

/// Whether Mermaid would read a diagram as it was meant: each line is one of a few statements, and
/// no text ends one.
pub(crate) fn is_diagram(diagram: &str) {
    let mut lines = diagram.lines();
    assert_eq!(lines.next(), Some("sequenceDiagram"));
    let mut active = 0i64;
    let mut blocks = 0i64;
    for line in lines {
        let line = line.strip_prefix("    ").expect("a statement is indented");
        if line.starts_with("%% ") {
            continue;
        }
        assert!(
            !line.contains([';', '#']),
            "a text ends its statement: {line}"
        );
        assert!(!line.to_ascii_lowercase().contains("<br"), "{line}");
        assert!(!line.contains(is_unseen), "{line:?}");
        let (statement, text) = line.split_once(": ").unwrap_or((line, ""));
        let is_id = |word: &str| {
            word.strip_prefix('p')
                .is_some_and(|number| number.parse::<u32>().is_ok())
        };
        if let Some(head) = line
            .strip_prefix("participant ")
            .or_else(|| line.strip_prefix("actor "))
        {
            let (id, name) = head.split_once(" as ").expect("a head has a name");
            assert!(is_id(id) && !name.is_empty(), "{line}");
        } else if let Some(over) = statement.strip_prefix("Note over ") {
            assert!(is_id(over) && !text.is_empty(), "{line}");
        } else if let Some(id) = line.strip_prefix("deactivate ") {
            assert!(is_id(id), "{line}");
            active -= 1;
        } else if line == "end" {
            blocks -= 1;
            assert!(blocks >= 0, "a block ends that did not begin");
        } else if let Some((word, _)) = line.split_once(' ')
            && ["loop", "alt", "opt", "par"].contains(&word)
        {
            blocks += 1;
        } else if let Some((word, _)) = line.split_once(' ')
            && ["else", "and"].contains(&word)
        {
            assert!(blocks > 0, "{line}");
        } else if let Some((from, to)) = statement.split_once("->>+") {
            assert!(is_id(from) && is_id(to) && !text.is_empty(), "{line}");
            active += 1;
        } else {
            let (from, to) = statement
                .split_once("-->>-")
                .or_else(|| statement.split_once("--x-"))
                .unwrap_or_else(|| panic!("no statement: {line}"));
            assert!(is_id(from) && is_id(to) && !text.is_empty(), "{line}");
            active -= 1;
        }
        assert!(active >= 0, "more returns than calls");
    }
    assert_eq!(active, 0, "calls and returns do not match");
    assert_eq!(blocks, 0, "a block has no end");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_traces_pass() {
        for seed in crate::seeds::all() {
            for files in seed.processes {
                let trace = execmap_query::testing::open_bytes(files.main, files.part);
                all(&trace.unwrap_or_else(|error| panic!("{}: {error}", seed.name)));
            }
        }
    }

    #[test]
    fn our_colours_and_links_pass_and_nothing_else_does() {
        is_safe("\u{1b}[2mtook\u{1b}[0m \u{1b}]8;;file:///a.py#3\u{1b}\\6 ms\u{1b}]8;;\u{1b}\\\n");
        for text in [
            "\u{1b}[5m",
            "\u{1b}]0;x\u{7}",
            "\u{1b}]8;;http://x\u{1b}\\",
            "a\rb",
            "\u{202e}",
        ] {
            assert!(
                std::panic::catch_unwind(|| is_safe(text)).is_err(),
                "{text:?}"
            );
        }
    }
}
