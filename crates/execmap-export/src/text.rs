//! The map as indented lines, for terminals and for reading in a review.

use std::fmt::Write;

use execmap_map::{Map, MapRow, Message, MoreNote};
use execmap_query::{Outcome, counted, cut, visible};

/// Values are cut to so many characters.
const VALUE_CHARS: usize = 60;

/// The map, a line a message.
#[must_use]
pub fn render(map: &Map) -> String {
    let mut text = String::new();
    for row in &map.rows {
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
            MapRow::Call(message) => (message.level, message_text(map, message)),
        };
        let _ = writeln!(text, "{}{line}", "  ".repeat(level as usize));
    }
    if let Some(losses) = map.losses.text() {
        let _ = writeln!(text, "{losses}");
    }
    text
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

fn message_text(map: &Map, message: &Message) -> String {
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
        signature(message, VALUE_CHARS)
    );
    match message.outcome {
        Outcome::Returned => {
            if let Some(result) = &message.result {
                let _ = write!(text, " → {}", cut(&visible(result), VALUE_CHARS));
            }
        }
        Outcome::Raised if !message.has_failed => {
            let exception = message.exception.as_deref().unwrap_or("an exception");
            let _ = write!(text, " left by {}", cut(&visible(exception), VALUE_CHARS));
        }
        Outcome::Raised => {
            let exception = message.exception.as_deref().unwrap_or("an exception");
            let _ = write!(text, " × {}", cut(&visible(exception), 2 * VALUE_CHARS));
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
    let arg =
        |(name, value): &(String, String)| format!("{name}={}", cut(&visible(value), value_chars));
    let args: Vec<String> = message.args.iter().map(arg).collect();
    format!("{}({})", message.name, args.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use execmap_map::{MapQuery, build};
    use execmap_query::testing::shop;

    #[test]
    fn the_map_reads_as_text() {
        let query = MapQuery {
            messages: Some(9),
            ..MapQuery::default()
        };
        insta::assert_snapshot!(render(&build(&shop(), &query)), @r#"
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
}
