//! The table of values: each distinct value once, nested ones by reference.

use crate::ids::{SymbolId, TypeId};
use crate::token;
use crate::varint::{take, take_bytes, unzigzag, zigzag};

/// A value of a trace: a small integer, a constant, or a row of the value table.
///
/// Bit 0 clear: an integer, zigzag in the bits above. Bits 1 and 0 `01`: a row
/// of the table. `11`: a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueRef(pub u64);

impl ValueRef {
    /// Nothing is known of the value.
    pub const NOT_RECORDED: ValueRef = ValueRef::constant(token::NOT_RECORDED);
    /// `None`
    pub const NONE: ValueRef = ValueRef::constant(token::NONE);
    /// Redacted.
    pub const HIDDEN: ValueRef = ValueRef::constant(token::HIDDEN);

    pub(crate) const fn constant(tag: u8) -> Self {
        ValueRef((tag as u64) << 2 | 3)
    }

    pub(crate) fn row(index: u64) -> Self {
        ValueRef(index << 2 | 1)
    }

    /// The reference of an integer, if it is small enough to be one.
    pub(crate) fn small_int(value: i64) -> Option<Self> {
        let folded = zigzag(value);
        (folded < 1 << 62).then_some(ValueRef(folded << 1))
    }
}

/// Bytes of text as recorded: UTF-8, but for lone surrogates in three bytes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a> {
    /// What was kept.
    pub bytes: &'a [u8],
    /// Full length in characters where it was cut.
    pub cut_of: Option<u64>,
}

/// Attributes of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes<'a> {
    /// How many there are; more than are kept when cut.
    pub full: u64,
    kept: u64,
    bytes: &'a [u8],
}

impl Attributes<'_> {
    /// Names and values that were kept.
    pub fn iter(&self) -> impl Iterator<Item = (SymbolId, ValueRef)> {
        let mut rest = self.bytes;
        (0..self.kept).map_while(move |_| {
            let name = SymbolId(u32::try_from(take(&mut rest)?).ok()?);
            Some((name, ValueRef(take(&mut rest)?)))
        })
    }

    /// How many were kept.
    #[must_use]
    pub fn kept(&self) -> u64 {
        self.kept
    }
}

/// Items of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Items<'a> {
    /// See [`token::seq_kind`].
    pub kind: u8,
    /// How many there are; more than are kept when cut. Of a dictionary: keys.
    pub full: u64,
    kept: u64,
    bytes: &'a [u8],
}

impl Items<'_> {
    /// Items that were kept; of a dictionary, keys and values in turn.
    pub fn iter(&self) -> impl Iterator<Item = ValueRef> {
        let mut rest = self.bytes;
        let refs = if self.is_mapping() {
            self.kept.saturating_mul(2)
        } else {
            self.kept
        };
        (0..refs).map_while(move |_| take(&mut rest).map(ValueRef))
    }

    /// How many were kept.
    #[must_use]
    pub fn kept(&self) -> u64 {
        self.kept
    }

    /// Whether the items are pairs.
    #[must_use]
    pub fn is_mapping(&self) -> bool {
        matches!(
            self.kind,
            token::seq_kind::DICT | token::seq_kind::FROZENDICT
        )
    }
}

/// A value, one level deep.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "each is the token of that name")]
pub enum Value<'a> {
    NotRecorded,
    None,
    Bool(bool),
    Ellipsis,
    NotImplemented,
    Hidden,
    Unbound,
    Int(i64),
    BigInt(&'a [u8]),
    HugeInt {
        bits: u64,
    },
    Float(f64),
    Complex(f64, f64),
    Str(Text<'a>),
    Symbol(SymbolId),
    Bytes {
        kind: u8,
        bytes: &'a [u8],
        cut_of: Option<u64>,
    },
    Items(Items<'a>),
    Object {
        of: TypeId,
        base: Option<ValueRef>,
        attributes: Attributes<'a>,
    },
    Class(TypeId),
    Named {
        kind: u8,
        name: &'a [u8],
    },
    Member {
        of: TypeId,
        name: SymbolId,
    },
    Exception {
        of: TypeId,
        is_builtin: bool,
        args: ValueRef,
        attributes: Attributes<'a>,
    },
    Own(&'a [u8]),
    Range([ValueRef; 3]),
    Slice([ValueRef; 3]),
    /// A row that is damaged or missing.
    Lost,
}

/// The table.
#[derive(Clone, Debug, Default)]
pub struct Values {
    bytes: Vec<u8>,
    /// Where each row ends.
    ends: Vec<usize>,
    /// Rows that are known to be missing.
    lost: u64,
    /// No more rows than so many are taken in.
    pub(crate) most: Option<u64>,
    /// Rows before the first.
    base: usize,
}

/// A row comes from a token of 65,535 bytes at most, and is less than twice as long.
const MAX_ROW: usize = 1 << 17;

/// More rows than so many are not lost in a trace that can be read; a gap this wide is damage.
const MOST_LOST: u64 = 1 << 22;

impl Values {
    /// How many rows there are, those included that come before what was kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.base.saturating_add(self.ends.len())
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Says that rows before `first` were left out on purpose.
    pub(crate) fn begin_at(&mut self, first: usize) {
        if self.is_empty() {
            self.base = first;
        }
    }

    /// Takes in a block of rows: first row, then length and bytes of each. Rows between what is
    /// known and `first` were lost. False when the bytes are damaged.
    pub fn extend(&mut self, mut block: &[u8]) -> bool {
        let Some(first) = take(&mut block) else {
            return false;
        };
        let Some(missing) = first.checked_sub(self.len() as u64) else {
            return false;
        };
        self.lost = self.lost.saturating_add(missing);
        if self.lost > MOST_LOST {
            return false;
        }
        let known = self.ends.len() + missing as usize;
        self.ends.resize(known, self.bytes.len());
        while !block.is_empty() {
            let Some(row) = crate::varint::take_sized(&mut block) else {
                return false;
            };
            if self.most.is_some_and(|most| self.ends.len() as u64 >= most) {
                return false;
            }
            self.push(row);
        }
        true
    }

    pub(crate) fn push(&mut self, row: &[u8]) {
        self.bytes.extend_from_slice(row);
        self.ends.push(self.bytes.len());
    }

    fn row(&self, index: usize) -> Option<&[u8]> {
        let index = index.checked_sub(self.base)?;
        let end = *self.ends.get(index)?;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        self.bytes
            .get(start..end)
            .filter(|row| row.len() <= MAX_ROW)
    }

    /// The value behind a reference.
    #[must_use]
    pub fn get(&self, value: ValueRef) -> Value<'_> {
        if value.0 & 1 == 0 {
            return Value::Int(unzigzag(value.0 >> 1));
        }
        if value.0 & 3 == 1 {
            let row = usize::try_from(value.0 >> 2)
                .ok()
                .and_then(|index| self.row(index));
            return row.and_then(decode_row).unwrap_or(Value::Lost);
        }
        match (value.0 >> 2) as u8 {
            token::NOT_RECORDED => Value::NotRecorded,
            token::NONE => Value::None,
            token::TRUE => Value::Bool(true),
            token::FALSE => Value::Bool(false),
            token::ELLIPSIS => Value::Ellipsis,
            token::NOT_IMPLEMENTED => Value::NotImplemented,
            token::HIDDEN => Value::Hidden,
            token::UNBOUND => Value::Unbound,
            _ => Value::Lost,
        }
    }
}

fn float(input: &mut &[u8]) -> Option<f64> {
    let (head, rest) = input.split_first_chunk::<8>()?;
    *input = rest;
    Some(f64::from_le_bytes(*head))
}

fn byte(input: &mut &[u8]) -> Option<u8> {
    let (&head, rest) = input.split_first()?;
    *input = rest;
    Some(head)
}

fn type_id(input: &mut &[u8]) -> Option<TypeId> {
    Some(TypeId(u32::try_from(take(input)?).ok()?))
}

fn attributes<'a>(input: &mut &'a [u8]) -> Option<Attributes<'a>> {
    let (full, kept) = (take(input)?, take(input)?);
    Some(Attributes {
        full,
        kept,
        bytes: take_bytes(input, input.len())?,
    })
}

fn cut(full: u64) -> Option<u64> {
    (full > 0).then(|| full - 1)
}

fn three(input: &mut &[u8]) -> Option<[ValueRef; 3]> {
    Some([
        ValueRef(take(input)?),
        ValueRef(take(input)?),
        ValueRef(take(input)?),
    ])
}

/// Reads a row as [`crate::Interner`] writes it.
fn decode_row(row: &[u8]) -> Option<Value<'_>> {
    let (&tag, mut rest) = row.split_first()?;
    let input = &mut rest;
    Some(match tag {
        token::INT64 => Value::Int(i64::from_le_bytes(*input.first_chunk()?)),
        token::BIG_INT => Value::BigInt(input),
        token::HUGE_INT => Value::HugeInt { bits: take(input)? },
        token::FLOAT => Value::Float(float(input)?),
        token::COMPLEX => Value::Complex(float(input)?, float(input)?),
        token::STR => Value::Str(Text {
            bytes: input,
            cut_of: None,
        }),
        token::STR_CUT => {
            let cut_of = Some(take(input)?);
            Value::Str(Text {
                bytes: input,
                cut_of,
            })
        }
        token::SYMBOL => Value::Symbol(SymbolId(u32::try_from(take(input)?).ok()?)),
        token::BYTES => {
            let (kind, full) = (byte(input)?, take(input)?);
            Value::Bytes {
                kind,
                cut_of: cut(full),
                bytes: input,
            }
        }
        token::SEQ => {
            let (kind, full, kept) = (byte(input)?, take(input)?, take(input)?);
            Value::Items(Items {
                kind,
                full,
                kept,
                bytes: input,
            })
        }
        token::OBJECT => {
            let of = type_id(input)?;
            let base = if byte(input)? == 1 {
                Some(ValueRef(take(input)?))
            } else {
                None
            };
            Value::Object {
                of,
                base,
                attributes: attributes(input)?,
            }
        }
        token::CLASS => Value::Class(type_id(input)?),
        token::NAMED => Value::Named {
            kind: byte(input)?,
            name: input,
        },
        token::MEMBER => Value::Member {
            of: type_id(input)?,
            name: SymbolId(u32::try_from(take(input)?).ok()?),
        },
        token::EXCEPTION => {
            let (of, is_builtin) = (type_id(input)?, byte(input)? == 1);
            let args = ValueRef(take(input)?);
            Value::Exception {
                of,
                is_builtin,
                args,
                attributes: attributes(input)?,
            }
        }
        token::TEXT => Value::Own(input),
        token::RANGE => Value::Range(three(input)?),
        token::SLICE => Value::Slice(three(input)?),
        _ => return None,
    })
}
