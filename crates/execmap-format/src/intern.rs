//! Turns tokens into references, storing each distinct value once.
//!
//! Memory is bounded: only values met lately are known. One that was forgotten
//! gets a second row, which costs bytes and changes nothing.

use crate::lately::{Lately, Room};
use crate::token;
use crate::value::ValueRef;
use crate::varint::{put, put_bytes};

/// Tokens that are remembered, twice as many at most. They only save going through a value again.
const TOKENS: Room = Room {
    strings: 7 << 10,
    bytes: 512 << 10,
};
/// Rows that are remembered, twice as many at most. Fewer make a longer trace.
const ROWS: Room = Room {
    strings: 28 << 10,
    bytes: 512 << 10,
};
/// Nesting deeper than any recorder writes is damage.
const MAX_DEPTH: u32 = 64;

/// Turns tokens into references.
pub struct Interner {
    /// Whole composite tokens, so that a value seen again is one look-up however deep it is.
    tokens: Lately,
    rows: Lately,
    next_row: u64,
    /// Rows not yet taken: length and bytes of each.
    fresh: Vec<u8>,
    fresh_from: u64,
    scratch: Vec<Vec<u8>>,
}

impl Interner {
    /// Rows begin at `next_row`.
    #[must_use]
    pub fn new(next_row: u64) -> Self {
        Interner {
            tokens: Lately::new(TOKENS),
            rows: Lately::new(ROWS),
            next_row,
            fresh: Vec::new(),
            fresh_from: next_row,
            scratch: Vec::new(),
        }
    }

    /// The payload of a block of values with all rows since the last call, if there are any.
    pub fn take_fresh(&mut self, payload: &mut Vec<u8>) -> bool {
        payload.clear();
        if self.fresh.is_empty() {
            return false;
        }
        put(payload, self.fresh_from);
        payload.append(&mut self.fresh);
        self.fresh_from = self.next_row;
        true
    }

    /// The number of the next row.
    #[must_use]
    pub fn next_row(&self) -> u64 {
        self.next_row
    }

    /// Forgets all rows: values seen before get a new one, so that what follows can be read alone.
    pub fn forget(&mut self) {
        self.tokens.clear();
        self.rows.clear();
    }

    /// Bytes of rows not yet taken.
    #[must_use]
    pub fn fresh_len(&self) -> usize {
        self.fresh.len()
    }

    /// The reference of the value whose token is at the front of `input`. `None` when damaged.
    #[inline]
    pub fn value(&mut self, input: &mut &[u8]) -> Option<ValueRef> {
        self.value_at(input, 0)
    }

    #[inline]
    fn value_at(&mut self, input: &mut &[u8], depth: u32) -> Option<ValueRef> {
        let before = *input;
        let (tag, payload) = token::take(input)?;
        match tag {
            0..0x10 => Some(ValueRef::constant(tag)),
            token::INT32 => {
                let value = i32::from_le_bytes(payload.try_into().ok()?);
                ValueRef::small_int(i64::from(value))
            }
            token::INT64 => {
                let value = i64::from_le_bytes(payload.try_into().ok()?);
                ValueRef::small_int(value).or_else(|| Some(self.row(&before[..9])))
            }
            token::FLOAT => Some(self.row(&before[..9])),
            token::SYMBOL => {
                let id = u32::from_le_bytes(payload.try_into().ok()?);
                let mut row = [token::SYMBOL, 0, 0, 0, 0, 0];
                let len = put_small(&mut row[1..], id);
                Some(self.row(&row[..=len]))
            }
            _ => self.composite(&before[..before.len() - input.len()], tag, payload, depth),
        }
    }

    fn composite(&mut self, whole: &[u8], tag: u8, payload: &[u8], depth: u32) -> Option<ValueRef> {
        if depth > MAX_DEPTH {
            return None;
        }
        let hash = self.tokens.hash(whole);
        if let Some(value) = self.tokens.find(hash, whole) {
            return Some(value);
        }
        let mut row = self.scratch.pop().unwrap_or_default();
        row.clear();
        row.push(tag);
        let is_sound = self.row_of(tag, payload, &mut row, depth + 1).is_some();
        let value = is_sound.then(|| self.row(&row));
        self.scratch.push(row);
        let value = value?;
        self.tokens.insert(hash, whole, value);
        Some(value)
    }

    /// The table's row of these bytes, a new one if there is none.
    fn row(&mut self, bytes: &[u8]) -> ValueRef {
        let hash = self.rows.hash(bytes);
        if let Some(value) = self.rows.find(hash, bytes) {
            return value;
        }
        let value = ValueRef::row(self.next_row);
        self.next_row += 1;
        put_bytes(&mut self.fresh, bytes);
        self.rows.insert(hash, bytes, value);
        value
    }

    /// Appends the row's bytes after its tag, nested tokens replaced by references.
    fn row_of(&mut self, tag: u8, payload: &[u8], row: &mut Vec<u8>, depth: u32) -> Option<()> {
        let input = &mut { payload };
        match tag {
            token::STR_CUT => {
                put(row, word(input)?);
                row.extend_from_slice(input);
            }
            token::BYTES => {
                row.push(byte(input)?);
                let full = word(input)?;
                put(
                    row,
                    if full > input.len() as u64 {
                        full.saturating_add(1)
                    } else {
                        0
                    },
                );
                row.extend_from_slice(input);
            }
            token::HUGE_INT => put(row, word(input)?),
            token::SEQ => {
                let (kind, kept, full) = (byte(input)?, byte(input)?, half(input)?);
                row.push(kind);
                put(row, u64::from(full));
                put(row, u64::from(kept));
                let is_mapping =
                    matches!(kind, token::seq_kind::DICT | token::seq_kind::FROZENDICT);
                self.refs(
                    input,
                    usize::from(kept) << usize::from(is_mapping),
                    row,
                    depth,
                )?;
            }
            token::OBJECT => {
                put(row, u64::from(half(input)?));
                let (kept, full, has_base) = (byte(input)?, quarter(input)?, byte(input)?);
                row.push(has_base);
                self.refs(input, usize::from(has_base & 1), row, depth)?;
                self.attributes(input, kept, full, row, depth)?;
            }
            token::CLASS => put(row, u64::from(half(input)?)),
            token::MEMBER => {
                put(row, u64::from(half(input)?));
                put(row, u64::from(half(input)?));
            }
            token::EXCEPTION => {
                put(row, u64::from(half(input)?));
                row.push(byte(input)?);
                let (kept, full) = (byte(input)?, quarter(input)?);
                self.refs(input, 1, row, depth)?;
                self.attributes(input, kept, full, row, depth)?;
            }
            token::RANGE | token::SLICE => self.refs(input, 3, row, depth)?,
            token::STR | token::BIG_INT | token::COMPLEX | token::NAMED | token::TEXT => {
                row.extend_from_slice(input);
            }
            _ => return None,
        }
        Some(())
    }

    fn refs(
        &mut self,
        input: &mut &[u8],
        count: usize,
        row: &mut Vec<u8>,
        depth: u32,
    ) -> Option<()> {
        for _ in 0..count {
            let value = self.value_at(input, depth)?;
            put(row, value.0);
        }
        Some(())
    }

    fn attributes(
        &mut self,
        input: &mut &[u8],
        kept: u8,
        full: u16,
        row: &mut Vec<u8>,
        depth: u32,
    ) -> Option<()> {
        put(row, u64::from(full));
        put(row, u64::from(kept));
        for _ in 0..kept {
            put(row, u64::from(half(input)?));
            self.refs(input, 1, row, depth)?;
        }
        Some(())
    }
}

/// Writes a varint of up to 5 bytes; returns how many.
fn put_small(into: &mut [u8], mut value: u32) -> usize {
    let mut len = 0;
    while value >= 0x80 {
        into[len] = value as u8 | 0x80;
        value >>= 7;
        len += 1;
    }
    into[len] = value as u8;
    len + 1
}

fn byte(input: &mut &[u8]) -> Option<u8> {
    let (&head, rest) = input.split_first()?;
    *input = rest;
    Some(head)
}

fn quarter(input: &mut &[u8]) -> Option<u16> {
    let (head, rest) = input.split_first_chunk::<2>()?;
    *input = rest;
    Some(u16::from_le_bytes(*head))
}

fn half(input: &mut &[u8]) -> Option<u32> {
    let (head, rest) = input.split_first_chunk::<4>()?;
    *input = rest;
    Some(u32::from_le_bytes(*head))
}

fn word(input: &mut &[u8]) -> Option<u64> {
    let (head, rest) = input.split_first_chunk::<8>()?;
    *input = rest;
    Some(u64::from_le_bytes(*head))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list of a float that no other number gives.
    fn list_of(number: u64) -> Vec<u8> {
        let mut token = vec![
            token::SEQ,
            15,
            0,
            token::seq_kind::LIST,
            1,
            1,
            0,
            0,
            0,
            token::FLOAT,
        ];
        token.extend_from_slice(&number.to_le_bytes());
        token
    }

    fn intern(interner: &mut Interner, number: u64) -> ValueRef {
        interner
            .value(&mut &list_of(number)[..])
            .expect("the token is sound")
    }

    #[test]
    fn memory_is_full_early_and_then_grows_no_more() {
        let mut interner = Interner::new(0);
        let mut held_after = |numbers: std::ops::Range<u64>| {
            for number in numbers {
                intern(&mut interner, number);
                interner.fresh.clear();
            }
            interner.tokens.held() + interner.rows.held()
        };
        let early = held_after(0..50_000);
        assert!(early <= 4 << 20, "{early} bytes");
        assert_eq!(held_after(50_000..500_000), early);
    }

    #[test]
    fn a_value_that_is_met_again_and_again_keeps_its_row() {
        let mut interner = Interner::new(0);
        let first = intern(&mut interner, u64::MAX);
        for number in 0..500_000 {
            intern(&mut interner, number);
            if number % 5000 == 0 {
                assert_eq!(intern(&mut interner, u64::MAX), first);
            }
        }
        let forgotten = intern(&mut interner, 0);
        assert_ne!(forgotten, intern(&mut Interner::new(0), 0), "a second row");
    }
}
