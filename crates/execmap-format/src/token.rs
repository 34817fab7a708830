//! Values as a recorder writes them, one byte of tag and what it needs.
//!
//! Tags below 0x20 have a fixed length. All others are followed by two bytes
//! that count the bytes after them, so a reader can step over what it does not
//! know, and remember a whole value by its bytes.

use crate::varint::take_bytes;

/// Nothing is known of the value.
pub const NOT_RECORDED: u8 = 0;
/// `None`
pub const NONE: u8 = 1;
/// `True`
pub const TRUE: u8 = 2;
/// `False`
pub const FALSE: u8 = 3;
/// `...`
pub const ELLIPSIS: u8 = 4;
/// `NotImplemented`
pub const NOT_IMPLEMENTED: u8 = 5;
/// Redacted before it was written.
pub const HIDDEN: u8 = 6;
/// A name without a value.
pub const UNBOUND: u8 = 7;
/// An int in 4 bytes.
pub const INT32: u8 = 0x10;
/// An int in 8 bytes.
pub const INT64: u8 = 0x11;
/// A float in 8 bytes.
pub const FLOAT: u8 = 0x12;
/// A text that is a symbol, 4 bytes.
pub const SYMBOL: u8 = 0x13;
/// A text in UTF-8 (surrogates as three bytes each).
pub const STR: u8 = 0x20;
/// The beginning of a text: its full length in characters (8 bytes), then as [`STR`].
pub const STR_CUT: u8 = 0x21;
/// Kind (see [`bytes_kind`]), full length in bytes (8 bytes), then those that are kept.
pub const BYTES: u8 = 0x22;
/// An int in two's complement, as many bytes as it needs.
pub const BIG_INT: u8 = 0x23;
/// An int too large to keep: its bits (8 bytes).
pub const HUGE_INT: u8 = 0x24;
/// Two floats.
pub const COMPLEX: u8 = 0x25;
/// Kind (see [`seq_kind`]), items kept (1 byte), full length (4 bytes), then the items.
pub const SEQ: u8 = 0x26;
/// Type (4 bytes), attributes kept (1), attributes there are (2), whether a base value comes
/// first (1), that value, then symbol (4) and value of each attribute.
pub const OBJECT: u8 = 0x27;
/// A class: type (4 bytes).
pub const CLASS: u8 = 0x28;
/// Kind (see [`named_kind`]) and the name as text.
pub const NAMED: u8 = 0x29;
/// A member of an enumeration: type (4), symbol of its name (4).
pub const MEMBER: u8 = 0x2a;
/// An exception: type (4), whether the type is builtin (1), attributes kept (1), attributes there
/// are (2), arguments as one [`SEQ`], then symbol and value of each attribute.
pub const EXCEPTION: u8 = 0x2b;
/// The text that the type itself gives.
pub const TEXT: u8 = 0x2c;
/// Three values.
pub const RANGE: u8 = 0x2d;
/// Three values.
pub const SLICE: u8 = 0x2e;

/// Kinds of [`SEQ`].
pub mod seq_kind {
    #![expect(missing_docs, reason = "each is the Python type of that name")]
    pub const LIST: u8 = 0;
    pub const TUPLE: u8 = 1;
    pub const SET: u8 = 2;
    pub const FROZENSET: u8 = 3;
    /// Keys and values in turn.
    pub const DICT: u8 = 4;
    pub const DEQUE: u8 = 5;
    /// 3.15
    pub const FROZENDICT: u8 = 6;
}

/// Kinds of [`BYTES`].
pub mod bytes_kind {
    #![expect(missing_docs, reason = "each is the Python type of that name")]
    pub const BYTES: u8 = 0;
    pub const BYTEARRAY: u8 = 1;
    pub const MEMORYVIEW: u8 = 2;
}

/// Kinds of [`NAMED`].
pub mod named_kind {
    #![expect(missing_docs, reason = "each is the Python type of that name")]
    pub const FUNCTION: u8 = 0;
    pub const BUILTIN: u8 = 1;
    pub const METHOD: u8 = 2;
    pub const MODULE: u8 = 3;
    pub const GENERATOR: u8 = 4;
    pub const COROUTINE: u8 = 5;
    pub const ASYNC_GENERATOR: u8 = 6;
    /// A type's name alone.
    pub const OPAQUE: u8 = 7;
}

/// Takes one token from the front: tag and payload.
#[inline]
pub fn take<'a>(input: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&tag, rest) = input.split_first()?;
    *input = rest;
    let len = match tag {
        0..0x10 => 0,
        INT32 | SYMBOL => 4,
        INT64 | FLOAT => 8,
        _ => {
            let (len, rest) = input.split_first_chunk::<2>()?;
            *input = rest;
            usize::from(u16::from_le_bytes(*len))
        }
    };
    Some((tag, take_bytes(input, len)?))
}
