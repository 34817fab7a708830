//! Turns tokens into references, storing each distinct value once.
//!
//! Memory is bounded: when the table of known values is full it is forgotten
//! and begins anew; values seen before then get a second row, which costs bytes
//! and changes nothing.

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

use crate::token;
use crate::value::ValueRef;
use crate::varint::{put, put_bytes};

/// Bytes of rows kept for comparison.
const MAX_BYTES: usize = 6 << 20;
/// Rows kept for comparison.
const MAX_ROWS: usize = 128 << 10;
/// Nesting deeper than any recorder writes is damage.
const MAX_DEPTH: u32 = 64;

struct Known {
    hash: u64,
    start: u32,
    len: u32,
    value: ValueRef,
}

/// A bounded set of byte strings, each with the reference that stands for it.
#[derive(Default)]
struct Table {
    known: HashTable<Known>,
    bytes: Vec<u8>,
}

impl Table {
    fn find(&self, hash: u64, bytes: &[u8]) -> Option<ValueRef> {
        let is_same = |known: &Known| {
            known.hash == hash && self.bytes[known.start as usize..][..known.len as usize] == *bytes
        };
        self.known.find(hash, is_same).map(|known| known.value)
    }

    fn insert(&mut self, hash: u64, bytes: &[u8], value: ValueRef) {
        if self.bytes.len() + bytes.len() > MAX_BYTES || self.known.len() >= MAX_ROWS {
            self.known.clear();
            self.bytes.clear();
        }
        let known = Known {
            hash,
            start: self.bytes.len() as u32,
            len: bytes.len() as u32,
            value,
        };
        self.bytes.extend_from_slice(bytes);
        self.known.insert_unique(hash, known, |known| known.hash);
    }
}

/// Turns tokens into references.
pub struct Interner {
    /// Whole composite tokens, so that a value seen again is one look-up however deep it is.
    tokens: Table,
    rows: Table,
    next_row: u64,
    /// Rows not yet taken: length and bytes of each.
    fresh: Vec<u8>,
    fresh_from: u64,
    hasher: FixedState,
    scratch: Vec<Vec<u8>>,
}

impl Interner {
    /// Rows begin at `next_row`.
    #[must_use]
    pub fn new(next_row: u64) -> Self {
        Interner {
            tokens: Table::default(),
            rows: Table::default(),
            next_row,
            fresh: Vec::new(),
            fresh_from: next_row,
            hasher: FixedState::default(),
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
        self.tokens = Table::default();
        self.rows = Table::default();
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
        let hash = self.hasher.hash_one(whole);
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
        let hash = self.hasher.hash_one(bytes);
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
