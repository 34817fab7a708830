//! Events as a recorder writes them: words of eight bytes, little-endian.
//!
//! The first word is `kind` in bits 0 to 7, `a` in bits 8 to 31 and the low
//! half of the tick counter in bits 32 to 63 (or a count, where the kind has no
//! time). What follows depends on the kind, see [`kind`]. Records never cross a
//! segment's end.

/// Kinds of records and what stands in them.
pub mod kind {
    /// A call begins. `a`: code. Then a word: site + 1 in bits 0 to 31 (0: unknown), bytes of
    /// arguments in bits 32 to 55, number of arguments in bits 56 to 63. Then the arguments as
    /// tokens, padded to a word.
    pub const START: u8 = 1;
    /// The running call returns. `a`: bytes of the value. Then the value as a token, padded.
    pub const RETURN: u8 = 2;
    /// The running call is suspended by `yield`. As [`RETURN`].
    pub const YIELD: u8 = 3;
    /// The running call is suspended by `await`.
    pub const AWAIT: u8 = 4;
    /// A suspended call goes on. Then a word: its number.
    pub const RESUME: u8 = 5;
    /// As [`RESUME`], by an exception thrown into it. `a`: the exception.
    pub const THROW: u8 = 6;
    /// The running call is left by an exception. `a`: the exception.
    pub const UNWIND: u8 = 7;
    /// An exception is raised in the running call. `a`: the exception. Then a word: site + 1 in
    /// bits 0 to 31, bytes of the value in bits 32 to 55. Then the value, padded.
    pub const RAISE: u8 = 8;
    /// The running call raises again what it was handling. As [`RAISE`].
    pub const RERAISE: u8 = 9;
    /// The running call catches an exception. As [`RAISE`].
    pub const HANDLED: u8 = 10;
    /// The running call enters a loop's header again. `a`: the header's site; time half: how often.
    pub const LOOP: u8 = 11;
    /// Another call is the running one from here. Then a word: its number, or all ones for none.
    pub const SWITCH: u8 = 12;
    /// Calls begin in another task from here. Time half: task + 1, or 0 for none.
    pub const TASK: u8 = 13;
    /// The next call to begin has this number. Then a word: the number.
    pub const NEXT_CALL: u8 = 14;
    /// The tick counter, whole. Then a word.
    pub const TICK: u8 = 15;
    /// A suspended call was closed or dropped. `a`: 1 when the time is exact. Then a word: its number.
    pub const CLOSED: u8 = 16;
    /// The next call to begin on this thread was created by a call. Then a word: its number.
    pub const CREATED_BY: u8 = 17;
}

/// No call.
pub(crate) const NO_CALL: u64 = u64::MAX;

/// The first word of a record.
#[inline]
#[must_use]
pub fn pack(kind: u8, a: u32, tick: u64) -> u64 {
    u64::from(kind) | u64::from(a & 0xff_ffff) << 8 | tick << 32
}

/// The first word of a record that has a count in place of the time.
#[inline]
#[must_use]
pub fn pack_counted(kind: u8, a: u32, count: u32) -> u64 {
    pack(kind, a, u64::from(count))
}

/// One record of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// See [`kind`].
    pub kind: u8,
    /// 24 bits, see [`kind`].
    pub a: u32,
    /// Low half of the tick counter, or a count.
    pub low: u32,
    /// The second word, 0 where there is none.
    pub word: u64,
    /// Tokens of values.
    pub tokens: &'a [u8],
}

/// The records of a segment, in order. Ends at the first record that is not whole.
pub struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    /// Records in the published bytes of a segment.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Records { rest: bytes }
    }

    /// Bytes not read so far: empty at the end of a sound segment.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    fn word(&mut self) -> Option<u64> {
        let (head, rest) = self.rest.split_first_chunk::<8>()?;
        self.rest = rest;
        Some(u64::from_le_bytes(*head))
    }

    #[inline]
    fn tokens(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(len.next_multiple_of(8))?;
        self.rest = rest;
        Some(&head[..len])
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    #[inline]
    fn next(&mut self) -> Option<Record<'a>> {
        let before = self.rest;
        let head = self.word()?;
        let mut record = Record {
            kind: head as u8,
            a: (head >> 8) as u32 & 0xff_ffff,
            low: (head >> 32) as u32,
            word: 0,
            tokens: &[],
        };
        let whole = match record.kind {
            kind::AWAIT | kind::UNWIND | kind::LOOP | kind::TASK => Some(()),
            kind::RETURN | kind::YIELD => self
                .tokens(record.a as usize)
                .map(|tokens| record.tokens = tokens),
            kind::START | kind::RAISE | kind::RERAISE | kind::HANDLED => {
                self.word().and_then(|word| {
                    record.word = word;
                    self.tokens((word >> 32) as usize & 0xff_ffff)
                        .map(|tokens| record.tokens = tokens)
                })
            }
            kind::RESUME
            | kind::THROW
            | kind::SWITCH
            | kind::NEXT_CALL
            | kind::TICK
            | kind::CLOSED
            | kind::CREATED_BY => self.word().map(|word| record.word = word),
            _ => None,
        };
        if whole.is_none() {
            self.rest = before;
            return None;
        }
        Some(record)
    }
}
