//! Any value that a recorder can write reads back the same.

use proptest::prelude::*;

use crate::token::{self, bytes_kind, seq_kind};
use crate::{Interner, SymbolId, TypeId, Value, ValueRef, Values};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tree {
    Constant(u8),
    Int(i64),
    Float(u64),
    Complex(u64, u64),
    BigInt(Vec<u8>),
    HugeInt(u64),
    Str(String),
    StrCut(String, u64),
    Symbol(u32),
    Bytes(u8, Vec<u8>, u64),
    Seq(u8, Vec<Tree>, u32),
    Object(u32, Option<Box<Tree>>, Vec<(u32, Tree)>, u16),
    Class(u32),
    Named(u8, String),
    Member(u32, u32),
    Exception(u32, bool, Vec<Tree>, Vec<(u32, Tree)>, u16),
    Own(String),
    Range(Box<[Tree; 3]>),
    Slice(Box<[Tree; 3]>),
}

fn sized(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[tag][..], &(body.len() as u16).to_le_bytes(), body].concat()
}

fn is_mapping(kind: u8) -> bool {
    matches!(kind, seq_kind::DICT | seq_kind::FROZENDICT)
}

impl Tree {
    /// The token, as a recorder writes it.
    pub(super) fn token(&self) -> Vec<u8> {
        let all = |items: &[Tree]| items.iter().flat_map(Tree::token).collect::<Vec<u8>>();
        let named = |items: &[(u32, Tree)]| -> Vec<u8> {
            let one =
                |(name, value): &(u32, Tree)| [&name.to_le_bytes()[..], &value.token()].concat();
            items.iter().flat_map(one).collect()
        };
        match self {
            Tree::Constant(tag) => vec![*tag],
            Tree::Int(value) => match i32::try_from(*value) {
                Ok(small) => [&[token::INT32][..], &small.to_le_bytes()].concat(),
                Err(_) => [&[token::INT64][..], &value.to_le_bytes()].concat(),
            },
            Tree::Float(bits) => [&[token::FLOAT][..], &bits.to_le_bytes()].concat(),
            Tree::Complex(real, imaginary) => sized(
                token::COMPLEX,
                &[real.to_le_bytes(), imaginary.to_le_bytes()].concat(),
            ),
            Tree::BigInt(bytes) => sized(token::BIG_INT, bytes),
            Tree::HugeInt(bits) => sized(token::HUGE_INT, &bits.to_le_bytes()),
            Tree::Str(text) => sized(token::STR, text.as_bytes()),
            Tree::StrCut(text, full) => sized(
                token::STR_CUT,
                &[&full.to_le_bytes()[..], text.as_bytes()].concat(),
            ),
            Tree::Symbol(id) => [&[token::SYMBOL][..], &id.to_le_bytes()].concat(),
            Tree::Bytes(kind, bytes, full) => sized(
                token::BYTES,
                &[&[*kind][..], &full.to_le_bytes(), bytes].concat(),
            ),
            Tree::Seq(kind, items, full) => {
                let kept = items.len() >> usize::from(is_mapping(*kind));
                let head = [*kind, kept as u8];
                sized(
                    token::SEQ,
                    &[&head[..], &full.to_le_bytes(), &all(items)].concat(),
                )
            }
            Tree::Object(of, base, attributes, full) => {
                let base_token = base.as_ref().map_or_else(Vec::new, |base| base.token());
                let head = [&of.to_le_bytes()[..], &[attributes.len() as u8]].concat();
                let counts = [&full.to_le_bytes()[..], &[u8::from(base.is_some())]].concat();
                sized(
                    token::OBJECT,
                    &[head, counts, base_token, named(attributes)].concat(),
                )
            }
            Tree::Class(of) => sized(token::CLASS, &of.to_le_bytes()),
            Tree::Named(kind, name) => {
                sized(token::NAMED, &[&[*kind][..], name.as_bytes()].concat())
            }
            Tree::Member(of, name) => sized(
                token::MEMBER,
                &[of.to_le_bytes(), name.to_le_bytes()].concat(),
            ),
            Tree::Exception(of, is_builtin, args, attributes, full) => {
                let head = [u8::from(*is_builtin), attributes.len() as u8];
                let args = Tree::Seq(seq_kind::TUPLE, args.clone(), args.len() as u32).token();
                let of = of.to_le_bytes();
                let body = [
                    &of[..],
                    &head,
                    &full.to_le_bytes(),
                    &args,
                    &named(attributes),
                ];
                sized(token::EXCEPTION, &body.concat())
            }
            Tree::Own(text) => sized(token::TEXT, text.as_bytes()),
            Tree::Range(parts) => sized(token::RANGE, &all(&parts[..])),
            Tree::Slice(parts) => sized(token::SLICE, &all(&parts[..])),
        }
    }

    /// The value as a reader sees it.
    pub(super) fn read(values: &Values, value: ValueRef) -> Option<Tree> {
        let inner = |value: ValueRef| Tree::read(values, value);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let attributes = |all: crate::value::Attributes<'_>| {
            let one = |(name, value): (SymbolId, ValueRef)| Some((name.0, inner(value)?));
            all.iter().map(one).collect::<Option<Vec<_>>>()
        };
        let three = |parts: [ValueRef; 3]| -> Option<Box<[Tree; 3]>> {
            Some(Box::new([
                inner(parts[0])?,
                inner(parts[1])?,
                inner(parts[2])?,
            ]))
        };
        Some(match values.get(value) {
            Value::NotRecorded => Tree::Constant(token::NOT_RECORDED),
            Value::None => Tree::Constant(token::NONE),
            Value::Bool(true) => Tree::Constant(token::TRUE),
            Value::Bool(false) => Tree::Constant(token::FALSE),
            Value::Ellipsis => Tree::Constant(token::ELLIPSIS),
            Value::NotImplemented => Tree::Constant(token::NOT_IMPLEMENTED),
            Value::Hidden => Tree::Constant(token::HIDDEN),
            Value::Unbound => Tree::Constant(token::UNBOUND),
            Value::Int(value) => Tree::Int(value),
            Value::BigInt(bytes) => Tree::BigInt(bytes.to_vec()),
            Value::HugeInt { bits } => Tree::HugeInt(bits),
            Value::Float(value) => Tree::Float(value.to_bits()),
            Value::Complex(real, imaginary) => Tree::Complex(real.to_bits(), imaginary.to_bits()),
            Value::Str(shown) => match shown.cut_of {
                Some(full) => Tree::StrCut(text(shown.bytes)?, full),
                None => Tree::Str(text(shown.bytes)?),
            },
            Value::Symbol(SymbolId(id)) => Tree::Symbol(id),
            Value::Bytes {
                kind,
                bytes,
                cut_of,
            } => {
                let full = cut_of.unwrap_or(bytes.len() as u64);
                Tree::Bytes(kind, bytes.to_vec(), full)
            }
            Value::Items(items) => {
                let kept = items.iter().map(inner).collect::<Option<_>>()?;
                Tree::Seq(items.kind, kept, items.full as u32)
            }
            Value::Object {
                of: TypeId(of),
                base,
                attributes: kept,
            } => {
                let base = match base {
                    Some(base) => Some(Box::new(inner(base)?)),
                    None => None,
                };
                Tree::Object(of, base, attributes(kept)?, kept.full as u16)
            }
            Value::Class(TypeId(of)) => Tree::Class(of),
            Value::Named { kind, name } => Tree::Named(kind, text(name)?),
            Value::Member { of, name } => Tree::Member(of.0, name.0),
            Value::Exception {
                of,
                is_builtin,
                args,
                attributes: kept,
            } => {
                let Tree::Seq(_, args, _) = inner(args)? else {
                    return None;
                };
                Tree::Exception(of.0, is_builtin, args, attributes(kept)?, kept.full as u16)
            }
            Value::Own(shown) => Tree::Own(text(shown)?),
            Value::Range(parts) => Tree::Range(three(parts)?),
            Value::Slice(parts) => Tree::Slice(three(parts)?),
            Value::Lost => return None,
        })
    }
}

fn leaf() -> impl Strategy<Value = Tree> {
    let text = || "\\PC{0,12}";
    prop_oneof![
        (0u8..8).prop_map(Tree::Constant),
        any::<i64>().prop_map(Tree::Int),
        any::<i32>().prop_map(|value| Tree::Int(value.into())),
        any::<u64>().prop_map(Tree::Float),
        any::<(u64, u64)>().prop_map(|(real, imaginary)| Tree::Complex(real, imaginary)),
        prop::collection::vec(any::<u8>(), 9..40).prop_map(Tree::BigInt),
        any::<u64>().prop_map(Tree::HugeInt),
        text().prop_map(Tree::Str),
        (text(), 13u64..).prop_map(|(text, full)| Tree::StrCut(text, full)),
        any::<u32>().prop_map(Tree::Symbol),
        (
            0..=bytes_kind::MEMORYVIEW,
            prop::collection::vec(any::<u8>(), 0..20),
            0u64..1 << 40
        )
            .prop_map(|(kind, bytes, more)| {
                let full = bytes.len() as u64 + more;
                Tree::Bytes(kind, bytes, full)
            }),
        any::<u32>().prop_map(Tree::Class),
        (0u8..8, text()).prop_map(|(kind, name)| Tree::Named(kind, name)),
        any::<(u32, u32)>().prop_map(|(of, name)| Tree::Member(of, name)),
        text().prop_map(Tree::Own),
    ]
}

/// Any value that a recorder can write.
pub(super) fn tree() -> impl Strategy<Value = Tree> {
    leaf().prop_recursive(4, 24, 6, |inner| {
        let items = prop::collection::vec(inner.clone(), 0..6);
        let attributes = prop::collection::vec((any::<u32>(), inner.clone()), 0..4);
        let three = || [inner.clone(), inner.clone(), inner.clone()].prop_map(Box::new);
        let base = prop::option::of(inner.clone().prop_map(Box::new));
        prop_oneof![
            (0..=seq_kind::FROZENDICT, items.clone(), any::<u32>()).prop_map(
                |(kind, mut items, full)| {
                    items.truncate(items.len() >> 1 << usize::from(is_mapping(kind)));
                    Tree::Seq(kind, items, full)
                }
            ),
            (any::<u32>(), base, attributes.clone(), any::<u16>())
                .prop_map(|(of, base, kept, full)| Tree::Object(of, base, kept, full)),
            (any::<(u32, bool)>(), items, attributes, any::<u16>()).prop_map(
                |((of, is_builtin), args, kept, full)| {
                    Tree::Exception(of, is_builtin, args, kept, full)
                }
            ),
            three().prop_map(Tree::Range),
            three().prop_map(Tree::Slice),
        ]
    })
}

proptest! {
    #[test]
    fn values_read_back(trees in prop::collection::vec(tree(), 1..20), cut in any::<prop::sample::Index>()) {
        let mut interner = Interner::new(0);
        let mut values = Values::default();
        let (mut references, mut block) = (Vec::new(), Vec::new());
        let cut = cut.index(trees.len());
        for (index, tree) in trees.iter().chain(&trees).enumerate() {
            if index == cut && interner.take_fresh(&mut block) {
                prop_assert!(values.extend(&block));
            }
            let token = tree.token();
            let mut input = &token[..];
            references.push(interner.value(&mut input).expect("the token is sound"));
            prop_assert!(input.is_empty());
        }
        if interner.take_fresh(&mut block) {
            prop_assert!(values.extend(&block));
        }
        let (first, again) = references.split_at(trees.len());
        prop_assert_eq!(first, again, "equal values have one row");
        for (tree, reference) in trees.iter().zip(first) {
            prop_assert_eq!(Some(tree.clone()), Tree::read(&values, *reference));
        }
    }
}
