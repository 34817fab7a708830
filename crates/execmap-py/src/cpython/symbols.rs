//! Names and keys as numbers.
//!
//! An interned text keeps its number by its address, because a reference to it
//! is held; any other is looked up by its bytes. The table is bounded: when it
//! is full, texts are written out instead.

use std::hash::BuildHasher;

use execmap_record::format::{Definition, SymbolId};
use execmap_record::{Redactor, Session};
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use pyo3::ffi;

/// Symbols a process may define.
const MAX_SYMBOLS: usize = 64 << 10;
/// Longer texts are no symbols.
const MAX_BYTES: usize = 64;
/// Places of the look-up by address; a power of two.
const PLACES: usize = 8 << 10;

/// What is known of a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Symbol {
    pub(super) id: SymbolId,
    /// Text under this name is a secret.
    pub(super) is_secret_name: bool,
    /// The text itself is a secret.
    pub(super) is_secret_text: bool,
}

struct Entry {
    hash: u64,
    text: Box<[u8]>,
    symbol: Symbol,
}

/// All symbols of a process.
pub(super) struct Symbols {
    by_address: Vec<(*mut ffi::PyObject, Symbol)>,
    by_text: HashTable<Entry>,
    hasher: FixedState,
}

/// The state word of a `str`, the same on 3.12 to 3.15: interning in bits 0 and 1, `compact` in bit
/// 5, `ascii` in bit 6.
///
/// # Safety
/// A live `str`.
#[inline]
unsafe fn state_of(text: *mut ffi::PyObject) -> u32 {
    // SAFETY: the caller's; head, length and hash come before it.
    unsafe { text.cast::<u32>().add(8).read() }
}

/// The bytes of a text whose characters are all ASCII, else `None`.
///
/// # Safety
/// A live `str`.
#[inline]
pub(super) unsafe fn ascii_bytes<'a>(text: *mut ffi::PyObject) -> Option<&'a [u8]> {
    const COMPACT_ASCII: u32 = 0x60;
    const HEAD: usize = 40;
    // SAFETY: the caller's; ASCII text lies right behind the object's head and lives as long as it.
    unsafe {
        if state_of(text) & COMPACT_ASCII != COMPACT_ASCII {
            return None;
        }
        let len = ffi::PyUnicode_GET_LENGTH(text) as usize;
        Some(std::slice::from_raw_parts(text.cast::<u8>().add(HEAD), len))
    }
}

/// Whether a text is interned.
///
/// # Safety
/// A live `str`.
#[inline]
pub(super) unsafe fn is_interned(text: *mut ffi::PyObject) -> bool {
    // SAFETY: the caller's.
    unsafe { state_of(text) & 3 != 0 }
}

impl Symbols {
    pub(super) fn new() -> Symbols {
        let nothing = Symbol {
            id: SymbolId(0),
            is_secret_name: false,
            is_secret_text: false,
        };
        Symbols {
            by_address: vec![(std::ptr::null_mut(), nothing); PLACES],
            by_text: HashTable::new(),
            hasher: FixedState::default(),
        }
    }

    /// The symbol of a text; `None` for one that is too long, not ASCII, or one too many.
    ///
    /// # Safety
    /// A live `str`; the thread is attached.
    #[inline]
    pub(super) unsafe fn of_str(
        &mut self,
        text: *mut ffi::PyObject,
        session: &mut Session,
        redactor: &Redactor,
    ) -> Option<Symbol> {
        let place = (text as usize >> 4) & (PLACES - 1);
        let (known, symbol) = self.by_address[place];
        if known == text {
            return Some(symbol);
        }
        // SAFETY: the caller's.
        unsafe { self.of_new_str(text, place, session, redactor) }
    }

    #[cold]
    unsafe fn of_new_str(
        &mut self,
        text: *mut ffi::PyObject,
        place: usize,
        session: &mut Session,
        redactor: &Redactor,
    ) -> Option<Symbol> {
        // SAFETY: the caller's.
        let bytes = unsafe { ascii_bytes(text) }?;
        let symbol = self.of_bytes(bytes, session, redactor)?;
        // SAFETY: the caller's. A reference is held for each address in the table, so that the
        // address stays the text's own. Interned text is never changed in place, so the reference
        // changes nothing for the program.
        unsafe {
            if is_interned(text) {
                ffi::Py_INCREF(text);
                let (before, _) = std::mem::replace(&mut self.by_address[place], (text, symbol));
                ffi::Py_XDECREF(before);
            }
        }
        Some(symbol)
    }

    /// The symbol of a text given as bytes.
    pub(super) fn of_bytes(
        &mut self,
        bytes: &[u8],
        session: &mut Session,
        redactor: &Redactor,
    ) -> Option<Symbol> {
        if bytes.len() > MAX_BYTES {
            return None;
        }
        let hash = self.hasher.hash_one(bytes);
        if let Some(entry) = self
            .by_text
            .find(hash, |entry| entry.hash == hash && *entry.text == *bytes)
        {
            return Some(entry.symbol);
        }
        if self.by_text.len() >= MAX_SYMBOLS {
            return None;
        }
        let text = std::str::from_utf8(bytes).ok()?;
        let is_secret_text = redactor.is_secret_text(bytes);
        let symbol = Symbol {
            id: SymbolId(self.by_text.len() as u32),
            is_secret_name: redactor.is_secret_name(text),
            is_secret_text,
        };
        let shown = if is_secret_text { "hidden" } else { text };
        session.define(&Definition::Symbol(shown.to_owned()));
        self.by_text.insert_unique(
            hash,
            Entry {
                hash,
                text: bytes.into(),
                symbol,
            },
            |entry| entry.hash,
        );
        Some(symbol)
    }

    /// Gives the references back.
    ///
    /// # Safety
    /// The thread is attached.
    pub(super) unsafe fn clear(&mut self) {
        for (text, _) in self.by_address.drain(..) {
            // SAFETY: each is a reference of ours, or null.
            unsafe { ffi::Py_XDECREF(text) };
        }
    }
}
