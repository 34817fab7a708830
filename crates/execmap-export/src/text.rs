//! The map as indented lines, for terminals and for reading in a review.

use std::fmt::Write;

use execmap_map::{BlockKind, Map, MapRow, Message, MoreNote};
use execmap_query::{Outcome, counted, cut, thousands, visible};

/// The map, a line a message.
#[must_use]
pub fn render(map: &Map, value_chars: usize) -> String {
    let mut text = String::new();
    let mut blocks: Vec<(BlockKind, u64)> = Vec::new();
    if let Some(nothing) = nothing_text(map) {
        let _ = writeln!(text, "{nothing}");
    }
    for row in &map.rows {
        let mut deeper = blocks.len();
        let (level, line) = match row {
            MapRow::Lane(lane) => {
                let kind = if lane.task.is_some() {
                    "task"
                } else {
                    "thread"
                };
                (lane.level, format!("{kind} {}", visible(&lane.name)))
            }
            MapRow::More(more) => {
                let mark = if more.bodies.is_some() { '▸' } else { '…' };
                (more.level, format!("{mark} {}", more_text(more)))
            }
            MapRow::Call(message) => {
                let around = blocks.last().map_or(1, |block| block.1);
                (
                    message.level,
                    message_text(map, message, around, value_chars),
                )
            }
            MapRow::Block(block) => {
                blocks.push((block.block, block.times));
                let word = match block.block {
                    BlockKind::Loop => "loop",
                    BlockKind::Recursion => "recursion",
                    BlockKind::Alternatives => "either",
                    BlockKind::Optional => "sometimes",
                    BlockKind::Parallel => "side by side",
                };
                (block.level, format!("{word} {}", visible(&block.text)))
            }
            MapRow::Section(section) => {
                deeper -= 1;
                let mut word = "or";
                if let Some(block) = blocks.last_mut() {
                    block.1 = section.times;
                    if block.0 == BlockKind::Parallel {
                        word = "and";
                    }
                }
                (section.level, format!("{word} {}", visible(&section.text)))
            }
            MapRow::End(_) => {
                blocks.pop();
                continue;
            }
        };
        let depth = level as usize + deeper;
        let _ = writeln!(text, "{}{line}", "  ".repeat(depth));
    }
    if let Some(losses) = map.losses.text() {
        let _ = writeln!(text, "{losses}");
    }
    text
}

/// Why a map has no rows.
pub(crate) fn nothing_text(map: &Map) -> Option<&'static str> {
    match (map.rows.is_empty(), map.calls) {
        (false, _) => None,
        (true, 0) => Some("no calls were recorded"),
        (true, _) => Some("no call is of the functions asked for"),
    }
}

/// `980 more calls of shop.price, 12,980 calls inside them`
pub(crate) fn more_text(note: &MoreNote) -> String {
    let mut text = match note.bodies {
        Some(bodies) => bodies.counted(note.calls),
        None => counted(note.calls, "more call"),
    };
    if let Some(function) = &note.function {
        let _ = write!(text, " of {function}");
    }
    if note.calls_inside > 0 {
        let _ = write!(text, ", {} inside them", counted(note.calls_inside, "call"));
    }
    text
}

/// ` 4×` where a message stands for more calls than what is around it says.
pub(crate) fn times_text(message: &Message, around: u64) -> String {
    if message.times == around {
        String::new()
    } else {
        format!(" {}×", thousands(message.times))
    }
}

fn message_text(map: &Map, message: &Message, around: u64, value_chars: usize) -> String {
    let mut text = String::new();
    if let Some(from) = message.from
        && from != message.to
    {
        let _ = write!(text, "{} → ", map.participants[from].name);
    }
    let _ = write!(
        text,
        "{}.{}",
        map.participants[message.to].name,
        signature(message, value_chars)
    );
    text.push_str(&times_text(message, around));
    match message.outcome {
        Outcome::Returned => {
            if let Some(result) = &message.result {
                let _ = write!(text, " → {}", cut(&visible(result), value_chars));
            }
        }
        Outcome::Raised if !message.has_failed => {
            let exception = message.exception.as_deref().unwrap_or("an exception");
            let _ = write!(text, " left by {}", cut(&visible(exception), value_chars));
        }
        Outcome::Raised => {
            let exception = message.exception.as_deref().unwrap_or("an exception");
            let _ = write!(text, " × {}", cut(&visible(exception), 2 * value_chars));
        }
        Outcome::Closed => text.push_str(" closed"),
        Outcome::Unfinished => text.push_str(" did not return before the recording ended"),
    }
    if message.closed {
        let _ = write!(text, "   ▸ {}", counted(message.calls_inside, "call"));
    }
    text
}

/// `add(name='pen', qty=2)`, or `add(…)` where arguments were not recorded
pub(crate) fn signature(message: &Message, value_chars: usize) -> String {
    if message.has_unknown_args {
        return format!("{}(…)", message.name);
    }
    let mut args = String::new();
    for (position, (name, value)) in message.args.iter().enumerate() {
        let arg = format!("{name}={}", cut(&visible(value), value_chars));
        let is_long = args.chars().count() + arg.chars().count() > 2 * value_chars;
        if position > 0 {
            args.push_str(", ");
            if is_long {
                args.push('…');
                break;
            }
        }
        args.push_str(&arg);
    }
    format!("{}({args})", message.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use execmap_map::{Folded, MapQuery, fold_map};
    use execmap_query::testing::shop;

    #[test]
    fn the_map_reads_as_text() {
        let trace = shop();
        let query = MapQuery {
            messages: Some(18),
            ..MapQuery::default()
        };
        insta::assert_snapshot!(render(&fold_map(&trace, &Folded::of(&trace), &query).expect("there is room"), 60), @r#"
        shop.<module>() → None
          shop.checkout(user='ann') → 1
            shop → Cart.add(name='pen', qty=2) → 1
            shop.countdown(n=2) → 0   ▸ 2 calls
            shop → shop.pricing.price(line=('pen', 2)) → Decimal('39.80')
            shop → shop.pricing.price(line=('pen', 2)) → Decimal('39.80')
            shop → shop.pricing.price(line=('pen', 2)) → Decimal('39.80')
            shop → shop.pricing.price(line=('pen', 2)) → Decimal('39.80')
            shop.fails(x='ann') × ValueError: bad; "quoted" <tag>\nsecond line #1
        "#);
    }
    #[test]
    fn a_map_without_calls_says_so_in_every_format() {
        let empty = execmap_query::testing::TraceBuilder::new().trace();
        let nothing = Folded::of_kept(&shop(), &|_| false);
        let query = MapQuery::default();
        for (trace, folded, expected) in [
            (&empty, Folded::of(&empty), "no calls were recorded"),
            (&shop(), nothing, "no call is of the functions asked for"),
        ] {
            let map = fold_map(trace, &folded, &query).expect("there is room");
            let plantuml = format!("note over p0 : {expected}\n");
            assert_eq!(render(&map, 60), format!("{expected}\n"));
            assert!(crate::plantuml::render(&map, 60).contains(&plantuml));
            let mermaid = format!("    Note over p0: {expected}\n");
            assert!(crate::mermaid::render(&map, 60).contains(&mermaid));
        }
    }
}
