//! Which call stands at which position of the tree.
//!
//! Calls are numbered in order of start. On one thread without suspended calls
//! that is the order of the tree; only where it is not, something is kept.

/// Calls one after the other in the tree, as numbers in a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// The first number, and how many.
    first: (u32, u32),
    rest: Vec<(u32, u32)>,
}

impl Stretch {
    pub(crate) fn one(call: u32) -> Self {
        Stretch {
            first: (call, 1),
            rest: Vec::new(),
        }
    }

    pub(crate) fn append(&mut self, other: Stretch) {
        self.push(other.first);
        for run in other.rest {
            self.push(run);
        }
    }

    fn push(&mut self, run: (u32, u32)) {
        let last = self.rest.last_mut().unwrap_or(&mut self.first);
        if last.1 == 0 {
            *last = run;
        } else if last.0 + last.1 == run.0 {
            last.1 += run.1;
        } else {
            self.rest.push(run);
        }
    }
}

/// The calls by position.
#[derive(Debug)]
pub(crate) struct Order {
    /// Positions at which numbers begin that are in a row, and the first of these numbers.
    runs: Vec<(u64, u32)>,
}

impl Order {
    pub(crate) fn new(stretch: Stretch) -> Self {
        let mut position = 0;
        let all = std::iter::once(stretch.first).chain(stretch.rest);
        let runs = all.map(|(first, count)| {
            let run = (position, first);
            position += u64::from(count);
            run
        });
        Order {
            runs: runs.collect(),
        }
    }

    pub(crate) fn runs(&self) -> &[(u64, u32)] {
        &self.runs
    }

    /// The position of a call; `all`: how many there are.
    pub(crate) fn position(&self, call: u32, all: u64) -> Option<u64> {
        let ends = self.runs.iter().skip(1).map(|run| run.0).chain([all]);
        for (&(start, first), end) in self.runs.iter().zip(ends) {
            let offset = u64::from(call).checked_sub(u64::from(first));
            if let Some(offset) = offset.filter(|offset| start + offset < end) {
                return Some(start + offset);
            }
        }
        None
    }

    pub(crate) fn at(&self, position: u64) -> u32 {
        let behind = self.runs.partition_point(|run| run.0 <= position);
        let (start, first) = self.runs[behind.saturating_sub(1)];
        first + (position - start) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_a_row_are_one_run() {
        let mut all = Stretch::default();
        for call in [0, 1, 2, 7, 8, 3] {
            all.append(Stretch::one(call));
        }
        let order = Order::new(all);
        assert_eq!(order.runs.len(), 3);
        let calls: Vec<u32> = (0..6).map(|position| order.at(position)).collect();
        assert_eq!(calls, [0, 1, 2, 7, 8, 3]);
        assert_eq!(order.position(8, 6), Some(4));
        assert_eq!(order.position(9, 6), None);
    }
}
