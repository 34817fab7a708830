//! Values that differ from run to run: times, addresses, ids and temporary paths.
//!
//! They are known by their shape in the text of a value, and numbers by the name
//! they go by (`started=12.5`). What is recognised is replaced by a mark, so two
//! texts that differ in nothing else become equal.

use std::borrow::Cow;

use serde::Serialize;

/// A kind of value that differs from run to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Volatile {
    /// Dates, times of the day, seconds since 1970, and numbers that are named so.
    Time,
    /// Addresses in memory.
    Address,
    /// UUIDs, long hexadecimal numbers, numbers of processes and threads.
    Id,
    /// Temporary files and folders.
    Path,
}

impl Volatile {
    /// All kinds.
    pub const ALL: [Volatile; 4] = [
        Volatile::Time,
        Volatile::Address,
        Volatile::Id,
        Volatile::Path,
    ];

    /// The word that stands for it.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Volatile::Time => "time",
            Volatile::Address => "address",
            Volatile::Id => "id",
            Volatile::Path => "path",
        }
    }

    /// `a time`, `an address`
    #[must_use]
    pub fn described(self) -> &'static str {
        match self {
            Volatile::Time => "a time",
            Volatile::Address => "an address",
            Volatile::Id => "an id",
            Volatile::Path => "a temporary path",
        }
    }
}

/// What stands for a value that was recognised.
const MARK: char = '…';

const TIME_WORDS: [&str; 25] = [
    "time",
    "timestamp",
    "ts",
    "date",
    "datetime",
    "now",
    "today",
    "elapsed",
    "duration",
    "took",
    "started",
    "ended",
    "finished",
    "created",
    "updated",
    "modified",
    "mtime",
    "ctime",
    "atime",
    "deadline",
    "expires",
    "seconds",
    "at",
    "ms",
    "ns",
];

const ID_WORDS: [&str; 9] = [
    "pid", "ppid", "tid", "ident", "uuid", "guid", "nonce", "port", "inode",
];

/// Whether numbers of this name are such values.
pub(crate) fn is_named(name: &str, kinds: &[Volatile]) -> bool {
    let is_in = |words: &[&str]| {
        name.rsplit('.')
            .next()
            .unwrap_or(name)
            .split('_')
            .any(|word| words.iter().any(|known| word.eq_ignore_ascii_case(known)))
    };
    kinds.contains(&Volatile::Time) && is_in(&TIME_WORDS)
        || kinds.contains(&Volatile::Id) && is_in(&ID_WORDS)
}

/// Whether a text is a number.
pub(crate) fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || c == '-') && text.parse::<f64>().is_ok()
}

/// The text with marks in place of such values. `name`: what the whole value goes by.
pub(crate) fn masked<'t>(text: &'t str, name: &str, kinds: &[Volatile]) -> Cow<'t, str> {
    if kinds.is_empty() {
        return Cow::Borrowed(text);
    }
    if is_number(text) && is_named(name, kinds) {
        return Cow::Owned(MARK.to_string());
    }
    let mut shown = String::new();
    let (mut at, mut copied) = (0, 0);
    while at < text.len() {
        let rest = &text[at..];
        let is_inside = text[..at]
            .chars()
            .next_back()
            .is_some_and(|before| before.is_alphanumeric() || before == '_');
        let found = if is_inside { None } else { find(rest, kinds) };
        if let Some((kept, length)) = found.filter(|found| found.1 > 0) {
            shown.push_str(&text[copied..at + kept]);
            shown.push(MARK);
            at += length;
            copied = at;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    shown.push_str(&text[copied..]);
    Cow::Owned(shown)
}

/// How much of such a value at the beginning of a text stays, and how long it is.
fn find(text: &str, kinds: &[Volatile]) -> Option<(usize, usize)> {
    kinds
        .iter()
        .find_map(|kind| {
            let length = match kind {
                Volatile::Time => time(text),
                Volatile::Address => address(text),
                Volatile::Id => id(text),
                Volatile::Path => return path(text),
            };
            length.map(|length| (0, length))
        })
        .or_else(|| named_number(text, kinds))
}

/// `started=12.5`: the name stays.
fn named_number(text: &str, kinds: &[Volatile]) -> Option<(usize, usize)> {
    let name = text.len()
        - text
            .trim_start_matches(|c: char| c.is_alphanumeric() || c == '_')
            .len();
    let value = text.get(name..)?.strip_prefix('=')?;
    let length = number(value)?;
    is_named(&text[..name], kinds).then_some((name + 1, name + 1 + length))
}

fn ends_word(text: &str, length: usize) -> bool {
    !text[length..]
        .chars()
        .next()
        .is_some_and(|c| c.is_alphanumeric() || c == '_')
}

/// How many digits a text begins with.
fn digits(text: &str) -> usize {
    text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len()
}

/// How long the number is that a text begins with.
fn number(text: &str) -> Option<usize> {
    let sign = usize::from(text.starts_with('-'));
    let whole = digits(&text[sign..]);
    if whole == 0 {
        return None;
    }
    let mut length = sign + whole;
    let fraction = text[length..].strip_prefix('.').map_or(0, digits);
    if fraction > 0 {
        length += 1 + fraction;
    }
    ends_word(text, length).then_some(length)
}

/// The length of a text that follows a pattern in which `0` stands for a digit.
fn pattern(text: &str, pattern: &str) -> Option<usize> {
    let mut chars = text.chars();
    let is_same = pattern.chars().all(|wanted| {
        chars.next().is_some_and(|c| {
            if wanted == '0' {
                c.is_ascii_digit()
            } else {
                c == wanted
            }
        })
    });
    is_same.then_some(pattern.len())
}

fn time(text: &str) -> Option<usize> {
    for head in [
        "datetime.datetime(",
        "datetime.date(",
        "datetime.time(",
        "datetime.timedelta(",
    ] {
        if text.starts_with(head) {
            return closing(text);
        }
    }
    if let Some(mut length) = pattern(text, "0000-00-00") {
        let rest = &text[length..];
        if let Some(clock) = rest.strip_prefix(['T', ' ']).and_then(clock) {
            length += 1 + clock;
        }
        return ends_word(text, length).then_some(length);
    }
    if let Some(length) = clock(text).filter(|length| *length > 5) {
        return Some(length);
    }
    let length = number(text)?;
    let value: f64 = text[..length].parse().ok()?;
    let is_moment = [1.0, 1e3, 1e6, 1e9]
        .iter()
        .any(|unit| (1.0e9 * unit..2.2e9 * unit).contains(&value));
    is_moment.then_some(length)
}

/// `12:03:04.123456+01:00`
fn clock(text: &str) -> Option<usize> {
    let mut length = pattern(text, "00:00")?;
    if pattern(&text[length..], ":00").is_some() {
        length += 3;
        let fraction = text[length..].strip_prefix(['.', ',']).map_or(0, digits);
        if fraction > 0 {
            length += 1 + fraction;
        }
    }
    let zone = &text[length..];
    length += match zone.chars().next() {
        Some('Z') => 1,
        Some('+' | '-') => pattern(&zone[1..], "00:00").map_or(0, |length| length + 1),
        _ => 0,
    };
    Some(length)
}

/// The length up to the bracket that closes the first one.
fn closing(text: &str) -> Option<usize> {
    let mut open = 0;
    for (at, c) in text.char_indices() {
        match c {
            '(' => open += 1,
            ')' if open == 1 => return Some(at + 1),
            ')' => open -= 1,
            _ => {}
        }
    }
    None
}

fn hexadecimal(text: &str) -> usize {
    text.len()
        - text
            .trim_start_matches(|c: char| c.is_ascii_hexdigit())
            .len()
}

/// What `id()` gives: heap and mapped memory of a process on Linux.
const MEMORY: std::ops::Range<u64> = 0x5500_0000_0000..0x8000_0000_0000;

fn address(text: &str) -> Option<usize> {
    if let Some(rest) = text.strip_prefix("0x") {
        let length = 2 + hexadecimal(rest);
        return (length >= 7 && ends_word(text, length)).then_some(length);
    }
    let length = digits(text);
    let value: u64 = text[..length].parse().ok()?;
    (MEMORY.contains(&value) && ends_word(text, length)).then_some(length)
}

fn id(text: &str) -> Option<usize> {
    let mut length = 0;
    let is_uuid = [8, 4, 4, 4, 12].iter().enumerate().all(|(index, count)| {
        let dash = usize::from(index > 0);
        let rest = &text[length..];
        let is_part = (dash == 0 || rest.starts_with('-'))
            && rest
                .get(dash..)
                .is_some_and(|rest| hexadecimal(rest) == *count);
        length += if is_part { dash + count } else { 0 };
        is_part
    });
    if is_uuid {
        return ends_word(text, length).then_some(length);
    }
    let length = hexadecimal(text);
    let word = &text[..length];
    let is_mixed = word.contains(|c: char| c.is_ascii_digit())
        && word.contains(|c: char| c.is_ascii_alphabetic());
    (length >= 16 && is_mixed && ends_word(text, length)).then_some(length)
}

/// A file or folder below the folder for temporary ones: that folder's name stays.
fn path(text: &str) -> Option<(usize, usize)> {
    let home = ["/tmp/", "/var/tmp/", "/var/folders/"]
        .iter()
        .find(|home| text.starts_with(**home))?
        .len();
    let part = |from: usize| {
        let rest = &text[from..];
        rest.find(['/', '\'', '"', ' ', ')', ','])
            .unwrap_or(rest.len())
    };
    let mut length = home + part(home);
    // pytest: `/tmp/pytest-of-ann/pytest-12/test_price0/file`
    if text[home..].starts_with("pytest-of-") && text[length..].starts_with('/') {
        length += 1 + part(length + 1);
    }
    (length > home).then_some((home, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> String {
        masked(text, "", &Volatile::ALL).into_owned()
    }

    #[test]
    fn what_differs_from_run_to_run_is_recognised() {
        assert_eq!(all("<Widget at 0x7f3a2b1c4d50>"), "<Widget at …>");
        assert_eq!(all("140234567890123"), "…");
        assert_eq!(all("datetime.datetime(2026, 11, 20, 9, 40)"), "…");
        assert_eq!(
            all("[datetime.timezone(datetime.timedelta(0)), 3]"),
            "[datetime.timezone(…), 3]"
        );
        assert_eq!(
            all("'at 2026-11-20T09:40:00.123+01:00, 3 items'"),
            "'at …, 3 items'"
        );
        assert_eq!(all("'09:40:07'"), "'…'");
        assert_eq!(all("1795167600.25"), "…");
        assert_eq!(all("<Job started=12.5 size=3>"), "<Job started=… size=3>");
        assert_eq!(
            all("UUID('1b4e28ba-2fa1-11d2-883f-0016d3cca427')"),
            "UUID('…')"
        );
        assert_eq!(all("'d41d8cd98f00b204e9800998ecf8427e'"), "'…'");
        assert_eq!(
            all("PosixPath('/tmp/tmpx8f2/a.txt')"),
            "PosixPath('/tmp/…/a.txt')"
        );
        assert_eq!(
            all("'/tmp/pytest-of-ann/pytest-12/test_a0'"),
            "'/tmp/…/test_a0'"
        );
    }

    #[test]
    fn what_says_something_stays() {
        for text in [
            "1042",
            "'C-665'",
            "[1, 2, 3]",
            "Decimal('39.80')",
            "'12:30'",
            "999999999999",
            "'deadbeef'",
            "0xff",
            "<Line qty=3>",
            "漢字",
            "",
            "'facade'",
            "1e10",
        ] {
            assert_eq!(all(text), text);
        }
    }

    #[test]
    fn a_name_says_what_a_number_is() {
        let masked = |name| masked("12.5", name, &Volatile::ALL).into_owned();
        assert_eq!(
            (masked("elapsed"), masked("qty")),
            ("…".into(), "12.5".into())
        );
        assert_eq!(
            (masked("shop.now"), masked("flat")),
            ("…".into(), "12.5".into())
        );
        assert!(!is_named("started", &[Volatile::Address]));
    }
}
