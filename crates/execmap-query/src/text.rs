//! Texts of a program on their way to a reader's eyes.

use std::borrow::Cow;
use std::fmt::Write;

/// The text with characters made visible that would break a line, move the cursor or reorder what
/// stands around them.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unseen) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            '\0' => shown.push_str("\\0"),
            c if is_unseen(c) => {
                let code = c as u32;
                let _ = if code < 0x100 {
                    write!(shown, "\\x{code:02x}")
                } else {
                    write!(shown, "\\u{code:04x}")
                };
            }
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Control characters, separators of lines, marks of direction, and what has no width at all.
pub(crate) fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        )
}

/// At most `most` characters of a text; an ellipsis stands for what is left out, before the
/// closing quote or bracket.
#[must_use]
pub fn cut(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most || text.chars().count() <= most {
        return Cow::Borrowed(text);
    }
    let closing = text
        .chars()
        .next_back()
        .filter(|c| "'\")]}>".contains(*c) && most > 4);
    let kept = most.saturating_sub(1 + usize::from(closing.is_some()));
    let head: String = text.chars().take(kept).collect();
    let mut shown = head.trim_end().to_owned();
    shown.push('…');
    shown.extend(closing);
    Cow::Owned(shown)
}

/// `1,204,331`
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 call`, `1,002 calls`
#[must_use]
pub fn counted(number: u64, what: &str) -> String {
    format!(
        "{} {what}{}",
        thousands(number),
        if number == 1 { "" } else { "s" }
    )
}

/// `840 ns`, `2.3 µs`, `21 µs`, `6.1 ms`, `1.24 s`, `2 min 05 s`, `1 h 02 min`
#[must_use]
pub fn duration(nanos: u64) -> String {
    let ns = nanos as f64;
    if nanos < 1_000 {
        format!("{nanos} ns")
    } else if ns < 9_950.0 {
        format!("{:.1} µs", ns / 1e3)
    } else if ns < 999_500.0 {
        format!("{:.0} µs", ns / 1e3)
    } else if ns < 999.95e6 {
        format!("{:.1} ms", ns / 1e6)
    } else if ns < 59.995e9 {
        format!("{:.2} s", ns / 1e9)
    } else {
        long_duration((ns / 1e9).round() as u64)
    }
}

fn long_duration(seconds: u64) -> String {
    if seconds < 3_600 {
        return format!("{} min {:02} s", seconds / 60, seconds % 60);
    }
    let minutes = (seconds + 30) / 60;
    format!("{} h {:02} min", thousands(minutes / 60), minutes % 60)
}

/// `812 bytes`, `12 KB`, `0.6 MB`, `1.2 GB`
#[must_use]
pub fn bytes(count: u64) -> String {
    let number = count as f64;
    if count < 1_000 {
        counted(count, "byte")
    } else if number < 99_500.0 {
        format!("{:.0} KB", number / 1e3)
    } else if number < 999.95e6 {
        format!("{:.1} MB", number / 1e6)
    } else {
        format!("{:.1} GB", number / 1e9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_can_break_its_line_or_reorder_it() {
        assert_eq!(visible("plain é 漢"), "plain é 漢");
        assert_eq!(
            visible("a\nb\t\u{1b}[31m\u{202e}x\u{2028}"),
            r"a\nb\t\x1b[31m\u202ex\u2028"
        );
    }

    #[test]
    fn a_cut_keeps_what_closes() {
        assert_eq!(cut("'abcdefghij'", 8), "'abcde…'");
        assert_eq!(cut("abcdefghij", 8), "abcdefg…");
        assert_eq!(cut("漢字漢字", 4), "漢字漢字");
    }

    #[test]
    fn numbers_read_the_same_everywhere() {
        assert_eq!(
            [1, 999, 1_000, 1_204_331].map(thousands),
            ["1", "999", "1,000", "1,204,331"]
        );
        let times = [
            0,
            999,
            4_200,
            21_000,
            999_499,
            6_100_000,
            120_000_000,
            1_240_000_000,
            125_000_000_000,
            59_999_000_000,
        ];
        assert_eq!(
            times.map(duration),
            [
                "0 ns",
                "999 ns",
                "4.2 µs",
                "21 µs",
                "999 µs",
                "6.1 ms",
                "120.0 ms",
                "1.24 s",
                "2 min 05 s",
                "1 min 00 s"
            ]
        );
        assert_eq!(
            [1, 812, 4_096, 300_000, 1_200_000_000].map(bytes),
            ["1 byte", "812 bytes", "4 KB", "0.3 MB", "1.2 GB"]
        );
    }
}
