//! The map as a `PlantUML` sequence diagram.
//!
//! `PlantUML` reads `\\n` as a line break, `<…>` and `**` as markup, and a leading
//! `'` or `!` as its own; such characters are written as numbers (`<U+005C>`).

use std::fmt::Write;

use execmap_map::{BlockKind, Map, MapRow, Message};
use execmap_query::{Outcome, counted, cut, visible};

use crate::text::{more_text, nothing_text, signature, times_text};

/// A map as a diagram, values cut to `value_chars` characters.
#[must_use]
pub fn render(map: &Map, value_chars: usize) -> String {
    let mut writer = Writer {
        text: String::from("@startuml\nhide footbox\nactor \"program\" as p0\n"),
        value_chars,
        open: Vec::new(),
        blocks: Vec::new(),
    };
    if let Some(losses) = map.losses.text() {
        let _ = writeln!(writer.text, "caption {}", escape(&losses));
    }
    for (index, participant) in map.participants.iter().enumerate() {
        let name = escape(&cut(&participant.name, 80));
        let _ = writeln!(writer.text, "participant \"{name}\" as p{}", index + 1);
    }
    if let Some(nothing) = nothing_text(map) {
        writer.note(0, nothing);
    }
    for row in &map.rows {
        writer.row(row);
    }
    writer.leave_down_to(0);
    writer.text.push_str("@enduml\n");
    writer.text
}

struct Writer<'m> {
    text: String,
    value_chars: usize,
    open: Vec<&'m Message>,
    blocks: Vec<(BlockKind, u64)>,
}

fn id(participant: Option<usize>) -> usize {
    participant.map_or(0, |index| index + 1)
}

impl<'m> Writer<'m> {
    fn row(&mut self, row: &'m MapRow) {
        match row {
            MapRow::Lane(lane) => {
                self.leave_down_to(lane.level);
                let kind = if lane.task.is_some() {
                    "task"
                } else {
                    "thread"
                };
                let over = self.open.last().map_or(0, |message| message.to + 1);
                self.note(over, &format!("{kind} {}", lane.name));
            }
            MapRow::More(more) => {
                self.leave_down_to(more.level);
                self.note(id(more.from), &more_text(more));
            }
            MapRow::Call(message) => {
                self.leave_down_to(message.level);
                self.call(message);
            }
            MapRow::Block(block) => {
                self.leave_down_to(block.level);
                let word = match block.block {
                    BlockKind::Loop => "loop",
                    BlockKind::Recursion => "group recursion",
                    BlockKind::Alternatives => "alt",
                    BlockKind::Optional => "opt",
                    BlockKind::Parallel => "par",
                };
                let _ = writeln!(self.text, "{word} {}", escape(&block.text));
                self.blocks.push((block.block, block.times));
            }
            MapRow::Section(section) => {
                self.leave_down_to(section.level);
                if let Some(block) = self.blocks.last_mut() {
                    block.1 = section.times;
                }
                let _ = writeln!(self.text, "else {}", escape(&section.text));
            }
            MapRow::End(end) => {
                self.leave_down_to(end.level);
                self.blocks.pop();
                self.text.push_str("end\n");
            }
        }
    }

    fn note(&mut self, over: usize, text: &str) {
        let _ = writeln!(self.text, "note over p{over} : {}", escape(text));
    }

    fn call(&mut self, message: &'m Message) {
        let (from, to) = (id(message.from), message.to + 1);
        let around = self.blocks.last().map_or(1, |block| block.1);
        let label = signature(message, self.value_chars) + &times_text(message, around);
        let _ = writeln!(self.text, "p{from} -> p{to} : {}", escape(&label));
        let _ = writeln!(self.text, "activate p{to}");
        if message.closed {
            self.note(
                to,
                &format!("{} inside", counted(message.calls_inside, "call")),
            );
        }
        self.open.push(message);
    }

    fn leave_down_to(&mut self, level: u32) {
        while let Some(message) = self.open.pop_if(|message| message.level >= level) {
            self.leave(message);
        }
    }

    fn leave(&mut self, message: &Message) {
        let (from, to) = (id(message.from), message.to + 1);
        let exception = || message.exception.as_deref().unwrap_or("an exception");
        let (arrow, label) = match message.outcome {
            Outcome::Returned => ("-->", message.result.as_deref().unwrap_or("returned")),
            Outcome::Raised if message.has_failed => ("-[#red]->x", exception()),
            Outcome::Raised => ("-->", exception()),
            Outcome::Closed => ("-->", "closed"),
            Outcome::Unfinished => {
                self.note(to, "did not return before the recording ended");
                let _ = writeln!(self.text, "deactivate p{to}");
                return;
            }
        };
        let times = if message.has_failed { 2 } else { 1 };
        let label = escape(&cut(&visible(label), times * self.value_chars));
        let _ = writeln!(self.text, "p{to} {arrow} p{from} : {label}");
        let _ = writeln!(self.text, "deactivate p{to}");
    }
}

/// A text that `PlantUML` shows as it stands.
fn escape(text: &str) -> String {
    let text = visible(text.trim());
    let mut escaped = String::with_capacity(text.len() + 8);
    let mut before = ' ';
    for c in text.chars() {
        let is_markup = matches!(c, '<' | '\\' | '"' | '~' | '%' | '[' | ']' | '{' | '}')
            || (c == before && matches!(c, '*' | '/' | '_' | '-' | '='));
        if is_markup || (escaped.is_empty() && matches!(c, '\'' | '!' | '#')) {
            let _ = write!(escaped, "<U+{:04X}>", c as u32);
        } else {
            escaped.push(c);
        }
        before = c;
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use execmap_map::{Folded, MapQuery, fold_map};
    use execmap_query::testing::TraceBuilder;

    #[test]
    fn a_map_becomes_a_diagram() {
        let mut builder = TraceBuilder::new();
        builder.loops("main", &[], &[(100, 140, true)]);
        builder.call("main", &[]);
        for number in 0..40 {
            builder
                .at(110)
                .call("price", &[("qty", &number.to_string())]);
            if number == 7 {
                builder.raises("ValueError: <b>**no**");
            } else {
                builder.returns("1");
            }
            builder.enters(100, 1);
        }
        builder.returns("None");
        let trace = builder.trace();
        let map =
            fold_map(&trace, &Folded::of(&trace), &MapQuery::default()).expect("there is room");
        insta::assert_snapshot!(render(&map, 60), @r#"
        @startuml
        hide footbox
        actor "program" as p0
        participant "shop" as p1
        p0 -> p1 : main()
        activate p1
        loop 40×, line 100
        alt 39 of 40: with price
        p1 -> p1 : price(qty=0..39, 39 distinct)
        activate p1
        p1 --> p1 : 1
        deactivate p1
        else 1 of 40: with price fails
        p1 -> p1 : price(qty=7)
        activate p1
        p1 -[#red]->x p1 : ValueError: <U+003C>b>*<U+002A>no*<U+002A>
        deactivate p1
        end
        end
        p1 --> p0 : None
        deactivate p1
        @enduml
        "#);
    }
}
