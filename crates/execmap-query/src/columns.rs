//! Columns that cost little where little varies.

use rustc_hash::FxHashMap;

/// Stands for "none" in a column of numbers.
pub(crate) const NONE: u32 = u32::MAX;

/// A column of numbers that takes no room while all of them are equal.
#[derive(Debug)]
pub(crate) struct Uniform {
    value: u32,
    len: usize,
    many: Vec<u32>,
}

impl Uniform {
    pub(crate) fn new(value: u32) -> Self {
        Uniform {
            value,
            len: 0,
            many: Vec::new(),
        }
    }

    pub(crate) fn get(&self, index: usize) -> u32 {
        self.many.get(index).copied().unwrap_or(self.value)
    }

    /// The greatest number but `except`.
    pub(crate) fn greatest(&self, except: u32) -> Option<u32> {
        let uniform = (self.many.is_empty() && self.len > 0).then_some(self.value);
        let all = self.many.iter().copied().chain(uniform);
        all.filter(|number| *number != except).max()
    }

    pub(crate) fn resize(&mut self, len: usize) {
        self.len = len;
        if !self.many.is_empty() {
            self.many.resize(len, self.value);
        }
    }

    pub(crate) fn set(&mut self, index: usize, value: u32) {
        if self.many.is_empty() {
            if value == self.value {
                return;
            }
            self.many = vec![self.value; self.len];
        }
        self.many[index] = value;
    }
}

/// References of eight bytes kept in four: those that fit stand for themselves, the others are
/// kept once in a table.
#[derive(Debug, Default)]
pub(crate) struct References {
    wide: Vec<u64>,
    known: FxHashMap<u64, u32>,
}

/// Marks a short reference that is a position in the table.
const IS_WIDE: u32 = 1 << 31;

impl References {
    pub(crate) fn shorten(&mut self, reference: u64) -> u32 {
        match u32::try_from(reference) {
            Ok(short) if short < IS_WIDE => short,
            _ => {
                let wide = &mut self.wide;
                let position = *self.known.entry(reference).or_insert_with(|| {
                    wide.push(reference);
                    (wide.len() - 1) as u32
                });
                position | IS_WIDE
            }
        }
    }

    pub(crate) fn lengthen(&self, short: u32) -> u64 {
        if short & IS_WIDE == 0 {
            u64::from(short)
        } else {
            self.wide[(short & !IS_WIDE) as usize]
        }
    }

    /// Makes ready for writing again.
    pub(crate) fn reopen(&mut self) {
        let places = self.wide.iter().copied().zip(0u32..);
        self.known = places.collect();
    }

    /// Gives back what only writing needs.
    pub(crate) fn finish(&mut self) {
        self.known = FxHashMap::default();
        self.wide.shrink_to_fit();
    }
}

/// Facts that few calls have, in order of the calls.
#[derive(Debug)]
pub(crate) struct Sparse<T> {
    rows: Vec<(u32, T)>,
    is_sorted: bool,
}

impl<T> Default for Sparse<T> {
    fn default() -> Self {
        Sparse {
            rows: Vec::new(),
            is_sorted: true,
        }
    }
}

impl<T: Copy> Sparse<T> {
    pub(crate) fn push(&mut self, call: u32, fact: T) {
        self.is_sorted &= self.rows.last().is_none_or(|last| last.0 <= call);
        self.rows.push((call, fact));
    }

    /// Leaves out the facts that do not hold.
    pub(crate) fn retain(&mut self, mut holds: impl FnMut(&T) -> bool) {
        self.rows.retain(|row| holds(&row.1));
    }

    /// Puts the rows in order; needed once before [`Sparse::get`].
    pub(crate) fn finish(&mut self) {
        if !self.is_sorted {
            self.rows.sort_by_key(|row| row.0);
            self.is_sorted = true;
        }
        self.rows.shrink_to_fit();
    }

    /// All of them.
    pub(crate) fn rows(&self) -> &[(u32, T)] {
        &self.rows
    }

    pub(crate) fn get(&self, call: u32) -> Option<T> {
        let position = self.rows.binary_search_by_key(&call, |row| row.0).ok()?;
        Some(self.rows[position].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uniform_column_takes_room_only_when_something_differs() {
        let mut column = Uniform::new(NONE);
        column.resize(3);
        column.set(1, NONE);
        assert!(column.many.is_empty());
        column.set(1, 7);
        column.resize(4);
        assert_eq!([0, 1, 3].map(|index| column.get(index)), [NONE, 7, NONE]);
    }

    #[test]
    fn a_reference_of_any_size_comes_back() {
        let mut references = References::default();
        let all = [0, 5, u64::from(IS_WIDE), u64::MAX, u64::MAX, 1 << 31];
        let short = all.map(|reference| references.shorten(reference));
        references.finish();
        assert_eq!(short.map(|short| references.lengthen(short)), all);
        assert_eq!(references.wide.len(), 2);
    }

    #[test]
    fn sparse_facts_are_found_in_any_order() {
        let mut facts = Sparse::default();
        facts.push(9, 'b');
        facts.push(2, 'a');
        facts.finish();
        assert_eq!(
            (facts.get(2), facts.get(9), facts.get(3)),
            (Some('a'), Some('b'), None)
        );
    }
}
