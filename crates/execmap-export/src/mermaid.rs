//! The map as a Mermaid sequence diagram.
//!
//! Mermaid refuses more than 50,000 UTF-16 units, ends a statement at `;` and
//! cuts a text at `#`; it reads names of participants as words of its language.
//! So participants are `p1`, `p2`, …, such characters are replaced, and a map that is too
//! long is built again with shorter values and then with fewer messages.

use std::fmt::Write;

use execmap_map::{Block, BlockKind, Folded, Map, MapError, MapQuery, MapRow, Message};
use execmap_query::{Outcome, Trace, counted, cut, visible};

use crate::fit::{Limit, fitted};
use crate::text::{more_text, nothing_text, signature, times_text};

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
    let mut writer = Writer {
        map,
        value_chars,
        text: String::from("sequenceDiagram\n"),
        open: Vec::new(),
        blocks: Vec::new(),
    };
    writer.heads();
    if let Some(nothing) = nothing_text(map) {
        writer.note(0, nothing);
    }
    for row in &map.rows {
        match row {
            MapRow::Lane(lane) => {
                writer.leave_down_to(lane.level);
                let kind = if lane.task.is_some() {
                    "task"
                } else {
                    "thread"
                };
                let over = writer.here();
                writer.note(over, &format!("{kind} {}", lane.name));
            }
            MapRow::More(more) => {
                writer.leave_down_to(more.level);
                writer.note(id(more.from), &more_text(more));
            }
            MapRow::Call(message) => {
                writer.leave_down_to(message.level);
                writer.call(message);
            }
            MapRow::Block(block) => {
                writer.leave_down_to(block.level);
                writer.block(block);
            }
            MapRow::Section(section) => {
                writer.leave_down_to(section.level);
                writer.section(&section.text, section.times);
            }
            MapRow::End(end) => {
                writer.leave_down_to(end.level);
                writer.blocks.pop();
                writer.text.push_str("    end\n");
            }
        }
    }
    writer.leave_down_to(0);
    writer.text
}

/// The participant's name in the diagram; `p0` is whatever called from outside.
fn id(participant: Option<usize>) -> usize {
    participant.map_or(0, |index| index + 1)
}

struct Writer<'m> {
    map: &'m Map,
    value_chars: usize,
    text: String,
    /// Calls that have not returned at this point of the diagram.
    open: Vec<&'m Message>,
    /// Blocks that have not ended, and how often what follows happened.
    blocks: Vec<(BlockKind, u64)>,
}

impl<'m> Writer<'m> {
    fn heads(&mut self) {
        if let Some(losses) = self.map.losses.text() {
            let _ = writeln!(self.text, "    %% {}", escape(&losses));
        }
        let command = self.map.command.split(' ').next().unwrap_or_default();
        let program = command
            .rsplit(['/', '\\'])
            .next()
            .filter(|name| !name.is_empty())
            .unwrap_or("program");
        let _ = writeln!(self.text, "    actor p0 as {}", escape(&cut(program, 40)));
        for (index, participant) in self.map.participants.iter().enumerate() {
            let name = if participant.is_class && !participant.package.is_empty() {
                format!("{}.{}", participant.package, participant.name)
            } else {
                participant.name.clone()
            };
            let _ = writeln!(
                self.text,
                "    participant p{} as {}",
                index + 1,
                escape(&cut(&name, 80))
            );
        }
    }

    /// The participant that runs at this point.
    fn here(&self) -> usize {
        self.open.last().map_or(0, |message| message.to + 1)
    }

    fn note(&mut self, over: usize, text: &str) {
        let _ = writeln!(self.text, "    Note over p{over}: {}", escape(text));
    }

    fn block(&mut self, block: &Block) {
        let word = match block.block {
            BlockKind::Loop | BlockKind::Recursion => "loop",
            BlockKind::Alternatives => "alt",
            BlockKind::Optional => "opt",
            BlockKind::Parallel => "par",
        };
        let recursion = match block.block {
            BlockKind::Recursion => "recursion: ",
            _ => "",
        };
        let text = escape(&block.text);
        let _ = writeln!(self.text, "    {word} {recursion}{text}");
        self.blocks.push((block.block, block.times));
    }

    fn section(&mut self, text: &str, times: u64) {
        let Some(block) = self.blocks.last_mut() else {
            return;
        };
        block.1 = times;
        let word = match block.0 {
            BlockKind::Parallel => "and",
            _ => "else",
        };
        let _ = writeln!(self.text, "    {word} {}", escape(text));
    }

    fn call(&mut self, message: &'m Message) {
        let (from, to) = (id(message.from), message.to + 1);
        let around = self.blocks.last().map_or(1, |block| block.1);
        let label = signature(message, self.value_chars) + &times_text(message, around);
        let label = escape(&label);
        let _ = writeln!(self.text, "    p{from}->>+p{to}: {label}");
        if message.closed {
            self.note(
                to,
                &format!("{} inside", counted(message.calls_inside, "call")),
            );
        }
        self.open.push(message);
    }

    /// Draws the returns of calls that are `level` deep or deeper.
    fn leave_down_to(&mut self, level: u32) {
        while let Some(message) = self.open.pop_if(|message| message.level >= level) {
            self.leave(message);
        }
    }

    fn leave(&mut self, message: &Message) {
        let (from, to) = (id(message.from), message.to + 1);
        let (arrow, label) = match message.outcome {
            Outcome::Returned => (
                "-->>",
                self.value(message.result.as_deref().unwrap_or("returned"), 1),
            ),
            Outcome::Raised => (
                if message.has_failed { "--x" } else { "-->>" },
                self.value(message.exception.as_deref().unwrap_or("an exception"), 2),
            ),
            Outcome::Closed => ("-->>", "closed".to_owned()),
            Outcome::Unfinished => {
                self.note(to, "did not return before the recording ended");
                let _ = writeln!(self.text, "    deactivate p{to}");
                return;
            }
        };
        let _ = writeln!(self.text, "    p{to}{arrow}-p{from}: {}", escape(&label));
    }

    fn value(&self, text: &str, times: usize) -> String {
        cut(&visible(text), times * self.value_chars).into_owned()
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
