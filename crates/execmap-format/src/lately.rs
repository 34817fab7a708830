//! Byte strings that were met lately, each with the value that stands for it.
//!
//! Memory is bounded, and what is met again and again stays: there are two
//! generations. When the younger one is full, the older one is forgotten, and
//! the younger one takes its place. What is found in the older one is noted in
//! the younger one.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::value::ValueRef;

/// What one generation holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) strings: usize,
    pub(crate) bytes: usize,
}

/// A bounded set of byte strings.
pub(crate) struct Lately {
    younger: Generation,
    older: Generation,
    room: Room,
    hasher: FixedState,
}

impl Lately {
    pub(crate) fn new(room: Room) -> Lately {
        Lately {
            younger: Generation::default(),
            older: Generation::default(),
            room,
            hasher: FixedState::default(),
        }
    }

    pub(crate) fn hash(&self, bytes: &[u8]) -> u64 {
        self.hasher.hash_one(bytes)
    }

    /// The value that stands for these bytes, if they were met lately.
    pub(crate) fn find(&mut self, hash: u64, bytes: &[u8]) -> Option<ValueRef> {
        if let Some(value) = self.younger.find(hash, bytes) {
            return Some(value);
        }
        let value = self.older.find(hash, bytes)?;
        self.insert(hash, bytes, value);
        Some(value)
    }

    /// Remembers bytes that the younger generation does not hold.
    pub(crate) fn insert(&mut self, hash: u64, bytes: &[u8], value: ValueRef) {
        if !self.younger.has_room(bytes.len(), self.room) {
            std::mem::swap(&mut self.younger, &mut self.older);
            self.younger.clear();
        }
        self.younger
            .insert(hash, bytes, value, self.room, &self.hasher);
    }

    /// Forgets everything, and keeps the memory for what comes.
    pub(crate) fn clear(&mut self) {
        self.younger.clear();
        self.older.clear();
    }

    /// Bytes that it holds.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        [&self.younger, &self.older]
            .map(|one| one.known.allocation_size() + one.bytes.capacity())
            .iter()
            .sum()
    }
}

struct Known {
    start: u32,
    len: u32,
    value: ValueRef,
}

#[derive(Default)]
struct Generation {
    known: HashTable<Known>,
    bytes: Vec<u8>,
}

impl Generation {
    fn find(&self, hash: u64, bytes: &[u8]) -> Option<ValueRef> {
        let is_same = |known: &Known| of(&self.bytes, known) == bytes;
        self.known.find(hash, is_same).map(|known| known.value)
    }

    fn clear(&mut self) {
        self.known.clear();
        self.bytes.clear();
    }

    fn has_room(&self, len: usize, room: Room) -> bool {
        self.known.len() < room.strings && self.bytes.len() + len <= room.bytes
    }

    fn insert(
        &mut self,
        hash: u64,
        bytes: &[u8],
        value: ValueRef,
        room: Room,
        hasher: &FixedState,
    ) {
        if bytes.len() > room.bytes {
            return;
        }
        let all = &mut self.bytes;
        if all.capacity() == 0 {
            // At once, so that nothing is copied and left behind while it grows.
            self.known = HashTable::with_capacity(room.strings);
            all.reserve_exact(room.bytes);
        }
        let known = Known {
            start: all.len() as u32,
            len: bytes.len() as u32,
            value,
        };
        all.extend_from_slice(bytes);
        self.known
            .insert_unique(hash, known, |known| hasher.hash_one(of(all, known)));
    }
}

fn of<'a>(all: &'a [u8], known: &Known) -> &'a [u8] {
    &all[known.start as usize..][..known.len as usize]
}
