//! The map as a Mermaid sequence diagram.
//!
//! Mermaid refuses more than 50,000 UTF-16 units, ends a statement at `;` and
//! cuts a text at `#`; it reads names of participants as words of its language.
//! So participants are `p1`, `p2`, …, such characters are replaced, and a map that is too
//! long is built again with shorter values and then with fewer messages.

use std::fmt::Write;

use execmap_map::{BlockKind, Folded, Map, MapError, MapQuery};
use execmap_query::{Trace, visible};

use crate::fit::{Limit, fitted};
use crate::sequence::{Back, Language, draw};

/// The longest diagram that Mermaid draws, in UTF-16 units.
pub const MOST_UNITS: usize = 50_000;

/// The map of a trace as a diagram that Mermaid draws, within a limit of its own.
pub fn of_trace(trace: &Trace, query: &MapQuery) -> Result<String, MapError> {
    let folded = Folded::of(trace);
    fitted(trace, &folded, query, LIMIT, &render)
}

/// What Mermaid draws.
pub const LIMIT: Limit = Limit::Chars(MOST_UNITS);

/// The diagram in a fenced block, for Markdown. The fence is longer than any in a value.
#[must_use]
pub fn in_markdown(diagram: &str) -> String {
    let mut fence = "```".to_owned();
    while diagram.contains(&fence) {
        fence.push('`');
    }
    format!("{fence}mermaid\n{diagram}{fence}\n")
}

/// A map as a diagram, values cut to `value_chars` characters.
#[must_use]
pub fn render(map: &Map, value_chars: usize) -> String {
    let start = Mermaid(String::from("sequenceDiagram\n"));
    draw(map, value_chars, start).0
}

struct Mermaid(String);

impl Mermaid {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.0, "    {line}");
    }
}

impl Language for Mermaid {
    fn losses(&mut self, text: &str) {
        self.line(format_args!("%% {}", escape(text)));
    }

    fn outside(&mut self, program: &str) {
        self.line(format_args!("actor p0 as {}", escape(program)));
    }

    fn participant(&mut self, id: usize, name: &str) {
        self.line(format_args!("participant p{id} as {}", escape(name)));
    }

    fn note(&mut self, over: usize, text: &str) {
        self.line(format_args!("Note over p{over}: {}", escape(text)));
    }

    fn call(&mut self, from: usize, to: usize, label: &str) {
        self.line(format_args!("p{from}->>+p{to}: {}", escape(label)));
    }

    fn back(&mut self, from: usize, to: usize, back: Back, label: &str) {
        let arrow = match back {
            Back::Returned => "-->>",
            Back::Failed => "--x",
        };
        self.line(format_args!("p{from}{arrow}-p{to}: {}", escape(label)));
    }

    fn stop(&mut self, at: usize) {
        self.line(format_args!("deactivate p{at}"));
    }

    fn block(&mut self, kind: BlockKind, text: &str) {
        let word = match kind {
            BlockKind::Loop => "loop",
            BlockKind::Recursion => "loop recursion:",
            BlockKind::Alternatives => "alt",
            BlockKind::Optional => "opt",
            BlockKind::Parallel => "par",
        };
        self.line(format_args!("{word} {}", escape(text)));
    }

    fn section(&mut self, of: BlockKind, text: &str) {
        let word = match of {
            BlockKind::Parallel => "and",
            _ => "else",
        };
        self.line(format_args!("{word} {}", escape(text)));
    }

    fn end(&mut self) {
        self.line(format_args!("end"));
    }
}

/// A text that Mermaid shows as it stands. Characters that mean something to Mermaid are written in
/// their wide form, because its own escapes (`#59;`) hold what they escape and are shown raw by
/// everything else that reads the diagram.
pub(crate) fn escape(text: &str) -> String {
    let text = visible(text.trim());
    let mut escaped = String::with_capacity(text.len() + 8);
    for (position, c) in text.char_indices() {
        escaped.push(match c {
            // Would end the statement, and the text.
            ';' => '；',
            '#' => '＃',
            // Would break the line.
            '<' if text[position..]
                .get(..3)
                .is_some_and(|tag| tag.eq_ignore_ascii_case("<br")) =>
            {
                '＜'
            }
            // `wrap:` and `nowrap:` at the beginning are instructions.
            ':' if text[..position].trim_start_matches("no").eq("wrap") => '：',
            c => c,
        });
    }
    // A message needs a text.
    if escaped.is_empty() {
        "–".to_owned()
    } else {
        escaped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use execmap_query::testing::{TraceBuilder, shop};

    #[test]
    fn a_map_becomes_a_diagram() {
        insta::assert_snapshot!(of_trace(&shop(), &MapQuery::default()).expect("there is room"), @r#"
        sequenceDiagram
            actor p0 as shop.py
            participant p1 as shop
            participant p2 as shop.cart.Cart
            participant p3 as shop.pricing
            p0->>+p1: <module>()
            p1->>+p1: checkout(user='ann')
            p1->>+p2: add(name='pen', qty=2)
            p2-->>-p1: 1
            p1->>+p1: countdown(n=2)
            p1->>+p1: countdown(n=1)
            p1->>+p1: countdown(n=0)
            p1-->>-p1: 0
            p1-->>-p1: 0
            p1-->>-p1: 0
            p1->>+p3: price(line=('pen', 2))
            p3-->>-p1: Decimal('39.80')
            p1->>+p3: price(line=('pen', 2))
            p3-->>-p1: Decimal('39.80')
            p1->>+p3: price(line=('pen', 2))
            p3-->>-p1: Decimal('39.80')
            p1->>+p3: price(line=('pen', 2))
            p3-->>-p1: Decimal('39.80')
            p1->>+p1: fails(x='ann')
            p1--x-p1: ValueError: bad； "quoted" <tag>\nsecond line ＃1
            p1-->>-p1: 1
            p1-->>-p0: None
        "#);
    }

    #[test]
    fn what_is_collapsed_is_said() {
        let query = MapQuery {
            messages: Some(12),
            ..MapQuery::default()
        };
        insta::assert_snapshot!(of_trace(&shop(), &query).expect("there is room"), @r#"
        sequenceDiagram
            actor p0 as shop.py
            participant p1 as shop
            participant p2 as shop.cart.Cart
            participant p3 as shop.pricing
            p0->>+p1: <module>()
            p1->>+p1: checkout(user='ann')
            p1->>+p2: add(name='pen', qty=2)
            p2-->>-p1: 1
            p1->>+p1: countdown(n=2)
            Note over p1: 2 calls inside
            p1-->>-p1: 0
            p1->>+p3: price(line=('pen', 2))
            p3-->>-p1: Decimal('39.80')
            Note over p1: 3 more calls of shop.pricing.price
            p1->>+p1: fails(x='ann')
            p1--x-p1: ValueError: bad； "quoted" <tag>\nsecond line ＃1
            p1-->>-p1: 1
            p1-->>-p0: None
        "#);
    }

    #[test]
    fn imports_are_closed_and_the_normal_end_is_no_failure() {
        let mut builder = TraceBuilder::new();
        builder.call("__main__:<module>", &[]);
        for name in ["A", "B", "C"] {
            builder.leaf(&format!("__main__:class {name}"), &[], "None");
        }
        builder.raises("SystemExit: 0");
        insta::assert_snapshot!(of_trace(&builder.trace(), &MapQuery::default()).expect("there is room"), @r"
        sequenceDiagram
            actor p0 as shop.py
            participant p1 as __main__
            p0->>+p1: <module>()
            Note over p1: 3 class bodies
            p1-->>-p0: SystemExit: 0
        ");
    }

    #[test]
    fn calls_that_never_returned_leave_the_diagram_balanced() {
        let mut builder = TraceBuilder::new();
        builder.call("main", &[]);
        builder.new_thread("pool-0", None);
        builder.call("work", &[]);
        insta::assert_snapshot!(of_trace(&builder.trace(), &MapQuery::default()).expect("there is room"), @r"
        sequenceDiagram
            actor p0 as shop.py
            participant p1 as shop
            par thread MainThread
            p0->>+p1: main()
            Note over p1: did not return before the recording ended
            deactivate p1
            and thread pool-0
            p0->>+p1: work()
            Note over p1: did not return before the recording ended
            deactivate p1
            end
        ");
    }

    #[test]
    fn a_text_is_shown_as_it_is() {
        assert_eq!(escape("a;b #1 \n<br/> <tag>"), "a；b ＃1 \\n＜br/> <tag>");
        assert_eq!(escape("nowrap: x: y"), "nowrap： x: y");
        assert_eq!(escape(""), "–");
    }

    #[test]
    fn no_diagram_is_too_long_for_mermaid() {
        let mut builder = TraceBuilder::new();
        let long = format!("'{}'", "漢;".repeat(100));
        for number in 0..3_000 {
            builder.leaf(&format!("price{number}"), &[("line", &long)], &long);
        }
        let query = MapQuery {
            messages: None,
            ..MapQuery::default()
        };
        let diagram = of_trace(&builder.trace(), &query).expect("there is room");
        assert!(diagram.encode_utf16().count() <= MOST_UNITS);
        assert!(
            diagram.contains(" more calls"),
            "what is left out is counted"
        );
    }
}
