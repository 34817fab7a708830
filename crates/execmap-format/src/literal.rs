//! Texts and integers as Python's `repr` writes them.

use std::fmt::Write as _;

/// No recorder keeps longer integers; a damaged table might, and their digits would take hours.
const MAX_INT_BYTES: usize = 4096;

/// A piece of recorded text, which is UTF-8 but for lone surrogates in three bytes each.
enum Piece<'a> {
    Text(&'a str),
    Surrogate(u32),
}

fn pieces(bytes: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if let [0xed, second @ 0xa0..=0xbf, third @ 0x80..=0xbf, after @ ..] = rest {
            rest = after;
            let unit = 0xd000 | u32::from(second & 0x3f) << 6 | u32::from(third & 0x3f);
            return Some(Piece::Surrogate(unit));
        }
        let chunk = rest.utf8_chunks().next()?;
        if chunk.valid().is_empty() {
            rest = &rest[chunk.invalid().len()..];
            return Some(Piece::Text("\u{fffd}"));
        }
        rest = &rest[chunk.valid().len()..];
        Some(Piece::Text(chunk.valid()))
    })
}

/// Recorded text without quotes, lone surrogates as Python escapes them.
pub(crate) fn plain(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for piece in pieces(bytes) {
        let _ = match piece {
            Piece::Text(text) => out.write_str(text),
            Piece::Surrogate(unit) => write!(out, "\\u{unit:04x}"),
        };
    }
    out
}

/// Recorded text in quotes, which are chosen and escaped as `repr` does.
pub(crate) fn quote(out: &mut String, bytes: &[u8], is_cut: bool) {
    let is_double = bytes.contains(&b'\'') && !bytes.contains(&b'"');
    let quote = if is_double { '"' } else { '\'' };
    out.push(quote);
    for piece in pieces(bytes) {
        match piece {
            Piece::Text(text) => text.chars().for_each(|char| escape(out, char, quote)),
            Piece::Surrogate(unit) => {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    if is_cut {
        out.push('…');
    }
    out.push(quote);
}

fn escape(out: &mut String, char: char, quote: char) {
    match char {
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        _ if char == quote => {
            out.push('\\');
            out.push(quote);
        }
        ' '..='~' => out.push(char),
        _ if is_printable(char) => out.push(char),
        _ => {
            let code = u32::from(char);
            let _ = match code {
                0..0x100 => write!(out, "\\x{code:02x}"),
                0x100..0x1_0000 => write!(out, "\\u{code:04x}"),
                _ => write!(out, "\\U{code:08x}"),
            };
        }
    }
}

/// Whether `repr` shows a character as it is. Close to `str.isprintable`: it knows the control,
/// format, space, private and surrogate ranges, not every unassigned code point.
fn is_printable(char: char) -> bool {
    !matches!(u32::from(char),
        0..0x20 | 0x7f..=0xa0 | 0xad | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f | 0x890..=0x891 | 0x8e2
        | 0x1680 | 0x180e | 0x2000..=0x200f | 0x2028..=0x202f | 0x205f..=0x206f | 0x3000
        | 0xd800..=0xf8ff | 0xfeff | 0xfff0..=0xfffb | 0xfffe..=0xffff
        | 0x110bd | 0x110cd | 0x13430..=0x1343f | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a
        | 0xe0000..=0x10_ffff)
}

/// Decimal digits of an integer in two's complement, little-endian.
pub(crate) fn big_int(bytes: &[u8]) -> String {
    if bytes.len() > MAX_INT_BYTES {
        return format!("<int of {} bytes>", bytes.len());
    }
    let is_negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut magnitude: Vec<u8> = bytes.to_vec();
    if is_negative {
        let mut carry = true;
        for byte in &mut magnitude {
            let (value, over) = (!*byte).overflowing_add(u8::from(carry));
            (*byte, carry) = (value, over);
        }
    }
    let mut limbs: Vec<u32> = Vec::new();
    for chunk in magnitude.chunks(4) {
        let mut limb = [0; 4];
        limb[..chunk.len()].copy_from_slice(chunk);
        limbs.push(u32::from_le_bytes(limb));
    }
    let mut parts = Vec::new();
    while limbs.iter().any(|limb| *limb != 0) {
        let mut remainder = 0u64;
        for limb in limbs.iter_mut().rev() {
            let value = remainder << 32 | u64::from(*limb);
            *limb = (value / 1_000_000_000) as u32;
            remainder = value % 1_000_000_000;
        }
        parts.push(remainder);
    }
    let mut out = String::new();
    if is_negative {
        out.push('-');
    }
    let mut parts = parts.into_iter().rev();
    let _ = write!(out, "{}", parts.next().unwrap_or(0));
    for part in parts {
        let _ = write!(out, "{part:09}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(bytes: &[u8]) -> String {
        let mut out = String::new();
        quote(&mut out, bytes, false);
        out
    }

    #[test]
    fn big_integers_are_written_in_decimal() {
        assert_eq!(
            big_int(&[0, 0, 0, 0, 0, 0, 0, 0, 1]),
            "18446744073709551616"
        );
        assert_eq!(
            big_int(&[0, 0, 0, 0, 0, 0, 0, 0, 0xff]),
            "-18446744073709551616"
        );
        assert_eq!(big_int(&[]), "0");
    }

    #[test]
    fn text_is_quoted_as_python_quotes_it() {
        assert_eq!(quoted(b"it's"), "\"it's\"");
        assert_eq!(quoted(b"a\"b'c"), "'a\"b\\'c'");
        assert_eq!(quoted("é\u{202e}\n\0".as_bytes()), "'é\\u202e\\n\\x00'");
    }

    #[test]
    fn lone_surrogates_are_told_from_text_that_looks_like_them() {
        assert_eq!(quoted(&[b'a', 0xed, 0xb2, 0x80]), "'a\\udc80'");
        assert_eq!(quoted(b"\0dc80"), "'\\x00dc80'");
        assert_eq!(plain(&[0xed, 0xb2, 0x80, b'!', 0xff]), "\\udc80!\u{fffd}");
    }
}
