//! The map as a `PlantUML` sequence diagram.
//!
//! `PlantUML` reads `\\n` as a line break, `<…>` and `**` as markup, and a leading
//! `'` or `!` as its own; such characters are written as numbers (`<U+005C>`).

use std::fmt::Write;

use execmap_map::{BlockKind, Map};
use execmap_query::visible;

use crate::sequence::{Back, Language, draw};

/// A map as a diagram, values cut to `value_chars` characters.
#[must_use]
pub fn render(map: &Map, value_chars: usize) -> String {
    let start = PlantUml(String::from("@startuml\nhide footbox\n"));
    let mut drawn = draw(map, value_chars, start).0;
    drawn.push_str("@enduml\n");
    drawn
}

struct PlantUml(String);

impl PlantUml {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.0, "{line}");
    }
}

impl Language for PlantUml {
    fn losses(&mut self, text: &str) {
        self.line(format_args!("caption {}", escape(text)));
    }

    fn outside(&mut self, program: &str) {
        self.line(format_args!("actor \"{}\" as p0", escape(program)));
    }

    fn participant(&mut self, id: usize, name: &str) {
        self.line(format_args!("participant \"{}\" as p{id}", escape(name)));
    }

    fn note(&mut self, over: usize, text: &str) {
        self.line(format_args!("note over p{over} : {}", escape(text)));
    }

    fn call(&mut self, from: usize, to: usize, label: &str) {
        self.line(format_args!("p{from} -> p{to} : {}", escape(label)));
        self.line(format_args!("activate p{to}"));
    }

    fn back(&mut self, from: usize, to: usize, back: Back, label: &str) {
        let arrow = match back {
            Back::Returned => "-->",
            Back::Failed => "-[#red]->x",
        };
        self.line(format_args!("p{from} {arrow} p{to} : {}", escape(label)));
        self.stop(from);
    }

    fn stop(&mut self, at: usize) {
        self.line(format_args!("deactivate p{at}"));
    }

    fn block(&mut self, kind: BlockKind, text: &str) {
        let word = match kind {
            BlockKind::Loop => "loop",
            BlockKind::Recursion => "group recursion",
            BlockKind::Alternatives => "alt",
            BlockKind::Optional => "opt",
            BlockKind::Parallel => "par",
        };
        self.line(format_args!("{word} {}", escape(text)));
    }

    fn section(&mut self, _: BlockKind, text: &str) {
        self.line(format_args!("else {}", escape(text)));
    }

    fn end(&mut self) {
        self.line(format_args!("end"));
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
    use execmap_query::testing::{TraceBuilder, shop};

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
        actor "shop.py" as p0
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

    #[test]
    fn a_class_is_named_with_its_package() {
        let trace = shop();
        let map =
            fold_map(&trace, &Folded::of(&trace), &MapQuery::default()).expect("there is room");
        let drawn = render(&map, 60);
        assert!(
            drawn.contains("participant \"shop.cart.Cart\" as p2\n"),
            "{drawn}"
        );
    }
}
