//! The text of a value: for exact builtin types what `repr` would give.
//!
//! Cuts are marked with an ellipsis and the full length; addresses never
//! occur; items of sets are sorted, so that equal runs give equal text.

use std::fmt::Write as _;

use crate::definitions::Definitions;
use crate::float::{complex_repr, float_repr};
use crate::ids::TypeId;
use crate::literal::{big_int, plain, quote};
use crate::token::{bytes_kind, named_kind, seq_kind};
use crate::value::{Attributes, Items, Text, Value, ValueRef, Values};

/// No recorder nests deeper; a damaged table might.
const MAX_DEPTH: u32 = 40;
/// No recorder keeps as many values inside one; in a damaged table they might be without end.
const MAX_NODES: u32 = 1000;
/// No token is longer than 65,535 bytes with all that is in it, so no text is longer than this; in a
/// damaged table the same long value might stand in many places.
const MAX_BYTES: usize = 1 << 20;

impl Values {
    /// The text of a value.
    #[must_use]
    pub fn text(&self, value: ValueRef, definitions: &Definitions) -> String {
        let mut out = String::new();
        Writer {
            values: self,
            definitions,
            out: &mut out,
            depth: 0,
            left: MAX_NODES,
            before: 0,
        }
        .value(value);
        out
    }

    /// An exception as the last line of a traceback: type, and message if there is one.
    #[must_use]
    pub fn exception_text(&self, value: ValueRef, definitions: &Definitions) -> String {
        let Value::Exception {
            of,
            is_builtin,
            args,
            attributes,
        } = self.get(value)
        else {
            return self.text(value, definitions);
        };
        let name = type_name(definitions, of);
        let message = self.message(name, is_builtin, args, attributes, definitions);
        if message.is_empty() {
            name.to_owned()
        } else {
            format!("{name}: {message}")
        }
    }

    /// Whether an exception is the normal end of a program or a generator: `sys.exit` with no code, or
    /// one that means success. A text is none: `sys.exit("0")` is a failure.
    #[must_use]
    pub fn is_normal_end(&self, value: ValueRef, definitions: &Definitions) -> bool {
        let Value::Exception { of, args, .. } = self.get(value) else {
            return false;
        };
        match type_name(definitions, of) {
            "GeneratorExit" => true,
            "SystemExit" => {
                let Value::Items(items) = self.get(args) else {
                    return true;
                };
                let mut codes = items.iter().map(|code| self.text(code, definitions));
                match (items.full, codes.next()) {
                    (0, _) => true,
                    (1, Some(code)) => matches!(code.as_str(), "None" | "False" | "0"),
                    _ => false,
                }
            }
            _ => false,
        }
    }

    /// A text plainly, anything else as its text.
    fn plain(&self, value: ValueRef, definitions: &Definitions) -> String {
        match self.get(value) {
            Value::Str(text) => {
                let mut out = plain(text.bytes);
                if let Some(full) = text.cut_of {
                    let _ = write!(out, "… ({full} characters)");
                }
                out
            }
            Value::Symbol(symbol) => definitions.symbol(symbol).to_owned(),
            _ => self.text(value, definitions),
        }
    }

    fn message(
        &self,
        name: &str,
        is_builtin: bool,
        args: ValueRef,
        attributes: Attributes<'_>,
        definitions: &Definitions,
    ) -> String {
        let Value::Items(items) = self.get(args) else {
            return String::new();
        };
        let parts: Vec<ValueRef> = items.iter().collect();
        let own = if is_builtin {
            self.own_message(name, &parts, attributes, definitions)
        } else {
            None
        };
        own.unwrap_or_else(|| match parts.as_slice() {
            [] if items.full == 0 => String::new(),
            [one] if items.full == 1 => self.plain(*one, definitions),
            _ => self.text(args, definitions),
        })
    }

    /// The message of a builtin exception whose `str` is more than its arguments.
    fn own_message(
        &self,
        name: &str,
        args: &[ValueRef],
        attributes: Attributes<'_>,
        definitions: &Definitions,
    ) -> Option<String> {
        let text = |value: ValueRef| self.text(value, definitions);
        match (name, args) {
            ("KeyError", [one]) => Some(text(*one)),
            ("ExceptionGroup" | "BaseExceptionGroup", [message, inner, ..]) => {
                let Value::Items(inner) = self.get(*inner) else {
                    return None;
                };
                let s = if inner.full == 1 { "" } else { "s" };
                Some(format!(
                    "{} ({} sub-exception{s})",
                    self.plain(*message, definitions),
                    inner.full
                ))
            }
            ("SyntaxError" | "IndentationError" | "TabError", []) => Some("None".to_owned()),
            ("SyntaxError" | "IndentationError" | "TabError", [message, place]) => {
                let Value::Items(place) = self.get(*place) else {
                    return None;
                };
                let mut place = place.iter();
                let (file, line) = (place.next()?, place.next()?);
                let file = self.plain(file, definitions);
                let file = file.rsplit('/').next().unwrap_or_default();
                Some(format!(
                    "{} ({file}, line {})",
                    self.plain(*message, definitions),
                    text(line)
                ))
            }
            (
                "UnicodeDecodeError" | "UnicodeEncodeError",
                [encoding, object, start, end, reason],
            ) => {
                let (Value::Int(start), Value::Int(end)) = (self.get(*start), self.get(*end))
                else {
                    return None;
                };
                let what = self.undecodable(*object, start, end)?;
                let (encoding, reason) = (
                    self.plain(*encoding, definitions),
                    self.plain(*reason, definitions),
                );
                Some(format!("'{encoding}' codec can't {what}: {reason}"))
            }
            (_, [number, what]) if is_os_error(name) => {
                let mut out = format!(
                    "[Errno {}] {}",
                    self.plain(*number, definitions),
                    self.plain(*what, definitions)
                );
                for (index, (_, file)) in attributes.iter().enumerate() {
                    let _ = write!(
                        out,
                        "{}{}",
                        if index == 0 { ": " } else { " -> " },
                        text(file)
                    );
                }
                Some(out)
            }
            _ => None,
        }
    }

    /// What a codec could not do with which part of an object.
    fn undecodable(&self, object: ValueRef, start: i64, end: i64) -> Option<String> {
        let (at, last) = (usize::try_from(start).ok()?, end.checked_sub(1)?);
        match self.get(object) {
            Value::Bytes { bytes, .. } if last == start => Some(format!(
                "decode byte 0x{:02x} in position {start}",
                bytes.get(at)?
            )),
            Value::Bytes { .. } => Some(format!("decode bytes in position {start}-{last}")),
            Value::Str(text) if last == start => {
                let char = u32::from(std::str::from_utf8(text.bytes).ok()?.chars().nth(at)?);
                let escape = match char {
                    0..0x100 => format!("\\x{char:02x}"),
                    0x100..0x1_0000 => format!("\\u{char:04x}"),
                    _ => format!("\\U{char:08x}"),
                };
                Some(format!("encode character '{escape}' in position {start}"))
            }
            Value::Str(_) => Some(format!("encode characters in position {start}-{last}")),
            _ => None,
        }
    }
}

fn is_os_error(name: &str) -> bool {
    const NAMES: [&str; 16] = [
        "OSError",
        "BlockingIOError",
        "ChildProcessError",
        "ConnectionError",
        "BrokenPipeError",
        "ConnectionAbortedError",
        "ConnectionRefusedError",
        "ConnectionResetError",
        "FileExistsError",
        "FileNotFoundError",
        "InterruptedError",
        "IsADirectoryError",
        "NotADirectoryError",
        "PermissionError",
        "ProcessLookupError",
        "TimeoutError",
    ];
    NAMES.contains(&name)
}

fn type_name(definitions: &Definitions, of: TypeId) -> &str {
    definitions
        .type_def(of)
        .map_or("?", |def| def.name.as_str())
}

struct Writer<'a> {
    values: &'a Values,
    definitions: &'a Definitions,
    out: &'a mut String,
    depth: u32,
    /// Values that may still be written.
    left: u32,
    /// Bytes that are written already and not in `out`.
    before: usize,
}

impl Writer<'_> {
    fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn value(&mut self, value: ValueRef) {
        let is_full = self.before + self.out.len() > MAX_BYTES;
        if self.depth >= MAX_DEPTH || self.left == 0 || is_full {
            return self.push("…");
        }
        self.left -= 1;
        self.depth += 1;
        self.shown(self.values.get(value));
        self.depth -= 1;
    }

    fn shown(&mut self, value: Value<'_>) {
        match value {
            Value::NotRecorded | Value::Unbound => self.push("not recorded"),
            Value::Lost => self.push("lost"),
            Value::Hidden => self.push("hidden"),
            Value::None => self.push("None"),
            Value::Bool(value) => self.push(if value { "True" } else { "False" }),
            Value::Ellipsis => self.push("Ellipsis"),
            Value::NotImplemented => self.push("NotImplemented"),
            Value::Int(value) => {
                let _ = write!(self.out, "{value}");
            }
            Value::BigInt(bytes) => self.push(&big_int(bytes)),
            Value::HugeInt { bits } => {
                let _ = write!(self.out, "<int of {bits} bits>");
            }
            Value::Float(value) => self.push(&float_repr(value)),
            Value::Complex(real, imaginary) => self.push(&complex_repr(real, imaginary)),
            Value::Str(text) => self.text(text),
            Value::Symbol(symbol) => {
                let bytes = self.definitions.symbol(symbol).as_bytes();
                self.text(Text {
                    bytes,
                    cut_of: None,
                });
            }
            Value::Bytes {
                kind,
                bytes,
                cut_of,
            } => self.bytes(kind, bytes, cut_of),
            Value::Items(items) => self.items(items),
            Value::Object {
                of,
                base,
                attributes,
            } => self.object(of, base, attributes),
            Value::Class(of) => {
                let name = self
                    .definitions
                    .type_def(of)
                    .map_or("?", |def| def.full_name.as_str());
                let _ = write!(self.out, "<class '{name}'>");
            }
            Value::Named { kind, name } => self.named(kind, name),
            Value::Member { of, name } => {
                let (of, name) = (
                    type_name(self.definitions, of),
                    self.definitions.symbol(name),
                );
                let _ = write!(self.out, "<{of}.{name}>");
            }
            Value::Exception {
                of,
                is_builtin,
                args,
                attributes,
            } => self.exception(of, is_builtin, args, attributes),
            Value::Own(text) => self.push(&plain(text)),
            Value::Range(parts) => {
                let is_unit = self.values.get(parts[2]) == Value::Int(1);
                self.call("range", if is_unit { &parts[..2] } else { &parts });
            }
            Value::Slice(parts) => self.call("slice", &parts),
        }
    }

    fn call(&mut self, name: &str, args: &[ValueRef]) {
        self.push(name);
        self.push("(");
        self.separated(args.iter().copied());
        self.push(")");
    }

    fn separated(&mut self, items: impl Iterator<Item = ValueRef>) {
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.push(", ");
            }
            self.value(item);
        }
    }

    fn text(&mut self, text: Text<'_>) {
        quote(self.out, text.bytes, text.cut_of.is_some());
        if let Some(full) = text.cut_of {
            let _ = write!(self.out, " ({full} characters)");
        }
    }

    fn bytes(&mut self, kind: u8, bytes: &[u8], cut_of: Option<u64>) {
        if kind == bytes_kind::MEMORYVIEW {
            let full = cut_of.unwrap_or(bytes.len() as u64);
            let _ = write!(self.out, "<memoryview of {full} bytes>");
            return;
        }
        let is_array = kind == bytes_kind::BYTEARRAY;
        if is_array {
            self.push("bytearray(");
        }
        let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') {
            '"'
        } else {
            '\''
        };
        self.out.push('b');
        self.out.push(quote);
        for &byte in bytes {
            match byte {
                b'\\' => self.push("\\\\"),
                b'\n' => self.push("\\n"),
                b'\r' => self.push("\\r"),
                b'\t' => self.push("\\t"),
                _ if char::from(byte) == quote => {
                    self.out.push('\\');
                    self.out.push(quote);
                }
                0x20..0x7f => self.out.push(char::from(byte)),
                _ => {
                    let _ = write!(self.out, "\\x{byte:02x}");
                }
            }
        }
        if cut_of.is_some() {
            self.push("…");
        }
        self.out.push(quote);
        if is_array {
            self.push(")");
        }
        if let Some(full) = cut_of {
            let _ = write!(self.out, " ({full} bytes)");
        }
    }

    fn items(&mut self, items: Items<'_>) {
        let is_cut = items.kept() < items.full;
        let (open, close) = match (items.kind, items.full) {
            (seq_kind::SET, 0) => ("set(", ")"),
            (seq_kind::FROZENSET, 0) => ("frozenset(", ")"),
            (seq_kind::FROZENSET, _) => ("frozenset({", "})"),
            (seq_kind::SET | seq_kind::DICT, _) => ("{", "}"),
            (seq_kind::FROZENDICT, _) => ("frozendict({", "})"),
            (seq_kind::DEQUE, _) => ("deque([", "])"),
            (seq_kind::TUPLE, 1) if !is_cut => ("(", ",)"),
            (seq_kind::TUPLE, _) => ("(", ")"),
            _ => ("[", "]"),
        };
        self.push(open);
        match items.kind {
            _ if items.is_mapping() => self.pairs(items),
            seq_kind::SET | seq_kind::FROZENSET => self.sorted(items),
            _ => self.separated(items.iter()),
        }
        if is_cut {
            let comma = if items.kept() > 0 { ", " } else { "" };
            let _ = write!(self.out, "{comma}… ({} items)", items.full);
        }
        self.push(close);
    }

    fn pairs(&mut self, items: Items<'_>) {
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.push(if index % 2 == 1 { ": " } else { ", " });
            }
            self.value(item);
        }
    }

    fn sorted(&mut self, items: Items<'_>) {
        let mut texts: Vec<String> = Vec::new();
        let mut before = self.before + self.out.len();
        for item in items.iter() {
            let mut text = String::new();
            let mut inner = Writer {
                out: &mut text,
                before,
                ..*self
            };
            inner.value(item);
            self.left = inner.left;
            before += text.len();
            texts.push(text);
        }
        texts.sort_unstable();
        self.push(&texts.join(", "));
    }

    fn object(&mut self, of: TypeId, base: Option<ValueRef>, attributes: Attributes<'_>) {
        self.push("<");
        self.push(type_name(self.definitions, of));
        if let Some(base) = base {
            self.push(" ");
            self.value(base);
        }
        self.attributes(attributes);
        self.push(">");
    }

    fn attributes(&mut self, attributes: Attributes<'_>) {
        for (name, value) in attributes.iter() {
            self.push(" ");
            self.push(self.definitions.symbol(name));
            self.push("=");
            self.value(value);
        }
        match (attributes.kept(), attributes.full) {
            (kept, full) if kept == full => {}
            (0, _) => self.push(" …"),
            (_, full) => {
                let _ = write!(self.out, " … ({full} attributes)");
            }
        }
    }

    fn exception(
        &mut self,
        of: TypeId,
        is_builtin: bool,
        args: ValueRef,
        attributes: Attributes<'_>,
    ) {
        let name = type_name(self.definitions, of);
        let Value::Items(items) = self.values.get(args) else {
            return self.push(name);
        };
        if is_builtin {
            self.push(name);
            self.push("(");
            self.separated(items.iter());
            if items.kept() < items.full {
                let comma = if items.kept() > 0 { ", " } else { "" };
                let _ = write!(self.out, "{comma}… ({} items)", items.full);
            }
            return self.push(")");
        }
        self.push("<");
        self.push(name);
        for item in items.iter() {
            self.push(" ");
            self.value(item);
        }
        if items.kept() < items.full {
            let _ = write!(self.out, " … ({} items)", items.full);
        }
        self.attributes(attributes);
        self.push(">");
    }

    fn named(&mut self, kind: u8, name: &[u8]) {
        let name = plain(name);
        let what = match kind {
            named_kind::FUNCTION => "function ",
            named_kind::BUILTIN => "built-in function ",
            named_kind::METHOD => "bound method ",
            named_kind::MODULE => "module ",
            named_kind::GENERATOR => "generator ",
            named_kind::COROUTINE => "coroutine ",
            named_kind::ASYNC_GENERATOR => "async_generator ",
            _ => "",
        };
        let shown = format!("{what}{name}");
        let _ = write!(self.out, "<{}>", shown.trim_end());
    }
}
