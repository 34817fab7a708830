//! Colours and links. What is written here is stripped where nobody sees it.

use std::fmt::{self, Display};

use anstyle::{AnsiColor, Style};

/// Names.
pub(crate) const NAME: Style = Style::new().bold();
/// Keywords, units, times, frames: what is read last.
pub(crate) const QUIET: Style = Style::new().dimmed();
/// Failures.
pub(crate) const FAILED: Style = AnsiColor::Red.on_default();
/// What is new, and what is as it should be.
pub(crate) const ADDED: Style = AnsiColor::Green.on_default();
/// Where to go on.
pub(crate) const HERE: Style = AnsiColor::Cyan.on_default();

/// A text in a style.
pub(crate) fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// A text that opens a place in a file, where the terminal understands links.
pub(crate) struct Link<'a> {
    pub(crate) is_on: bool,
    pub(crate) file: &'a str,
    pub(crate) line: u32,
    pub(crate) text: String,
}

impl Display for Link<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_on || !self.file.starts_with('/') {
            return f.write_str(&self.text);
        }
        f.write_str("\u{1b}]8;;file://")?;
        for byte in self.file.bytes() {
            match byte {
                b'/' | b'.' | b'-' | b'_' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                    write!(f, "{}", char::from(byte))?;
                }
                byte => write!(f, "%{byte:02X}")?,
            }
        }
        write!(f, "#{}\u{1b}\\{}\u{1b}]8;;\u{1b}\\", self.line, self.text)
    }
}

/// The help of clap in the same few styles.
pub(crate) fn help() -> clap::builder::Styles {
    clap::builder::Styles::styled()
        .header(NAME)
        .usage(NAME)
        .literal(HERE)
        .placeholder(Style::new())
        .error(FAILED)
        .valid(HERE)
        .invalid(FAILED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_names_its_place_and_is_plain_text_elsewhere() {
        let link = |is_on| {
            Link {
                is_on,
                file: "/src/a b.py",
                line: 3,
                text: "6 ms".into(),
            }
            .to_string()
        };
        assert_eq!(
            link(true),
            "\u{1b}]8;;file:///src/a%20b.py#3\u{1b}\\6 ms\u{1b}]8;;\u{1b}\\"
        );
        assert_eq!(link(false), "6 ms");
    }
}
