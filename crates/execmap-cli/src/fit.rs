//! Texts in columns of a terminal, where one character may take two.

use execmap_query::visible;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns that a text takes.
pub(crate) fn columns(text: &str) -> usize {
    text.width()
}

/// The text, made visible, in at most `most` columns; an ellipsis stands before the closing quote
/// or bracket.
pub(crate) fn fit(text: &str, most: usize) -> String {
    let text = visible(text);
    if columns(&text) <= most {
        return text.into_owned();
    }
    let closing = text
        .chars()
        .next_back()
        .filter(|c| "'\")]}>".contains(*c) && most > 4);
    let room = most.saturating_sub(1 + usize::from(closing.is_some()));
    let mut taken = 0;
    let mut shown: String = text
        .chars()
        .take_while(|c| {
            taken += c.width().unwrap_or(0);
            taken <= room
        })
        .collect();
    shown.truncate(shown.trim_end().len());
    shown.push('…');
    shown.extend(closing);
    shown
}

/// The text with blanks before it, so that it takes `width` columns.
pub(crate) fn right(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(columns(text))))
}

/// The text with blanks after it, so that it takes `width` columns.
pub(crate) fn left(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(columns("漢字"), 4);
        assert_eq!(fit("'漢字漢字'", 7), "'漢字…'");
        assert_eq!(columns(&fit("'漢字漢字'", 7)), 7);
        assert_eq!(fit("plain", 5), "plain");
        assert_eq!(
            (right("ab", 4), left("漢", 4)),
            ("  ab".into(), "漢  ".into())
        );
    }
}
