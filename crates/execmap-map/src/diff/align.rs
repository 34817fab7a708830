//! Which parts of two sequences belong together.
//!
//! Parts are compared by keys of several levels, the strictest first: what is
//! equal there stays together, and the next level decides about what lies between.

use std::hash::Hash;

use rustc_hash::{FxHashMap, FxHashSet};

/// A sequence that may go on where it was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Open {
    /// Both are whole.
    None,
    /// The first was cut: what the second has behind its end says nothing.
    First,
    /// The second was cut.
    Second,
}

/// The keys of both sequences on one level.
pub(crate) type Keys<K> = (Vec<K>, Vec<K>);

/// Pairs of positions that belong together, in order.
pub(crate) fn align<K: Hash + Eq + Copy>(levels: &[Keys<K>], open: Open) -> Vec<(usize, usize)> {
    let Some((first, second)) = levels.first() else {
        return Vec::new();
    };
    let lengths = (first.len(), second.len());
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for (first, second) in levels {
        let mut next = Vec::with_capacity(pairs.len());
        let mut from = (0, 0);
        for end in pairs.iter().copied().map(Some).chain([None]) {
            let (to, open) = end.map_or((lengths, open), |end| (end, Open::None));
            let gap = (&first[from.0..to.0], &second[from.1..to.1]);
            let found = between(gap.0, gap.1, open);
            next.extend(found.into_iter().map(|(i, j)| (from.0 + i, from.1 + j)));
            if let Some(end) = end {
                next.push(end);
                from = (end.0 + 1, end.1 + 1);
            }
        }
        pairs = next;
    }
    pairs
}

/// Positions of equal lines of two texts, in order.
#[must_use]
pub fn lines_in_common(first: &[&str], second: &[&str]) -> Vec<(usize, usize)> {
    align(&[(first.to_vec(), second.to_vec())], Open::None)
}

/// Equal parts of two sequences, as many as are found in time.
fn between<K: Hash + Eq + Copy>(first: &[K], second: &[K], open: Open) -> Vec<(usize, usize)> {
    let equal = first
        .iter()
        .zip(second)
        .take_while(|(one, other)| one == other);
    let head = equal.count();
    let mut pairs: Vec<(usize, usize)> = (0..head).map(|at| (at, at)).collect();
    let (first, second) = (&first[head..], &second[head..]);
    let tail = if open == Open::None {
        let equal = first.iter().rev().zip(second.iter().rev());
        equal.take_while(|(one, other)| one == other).count()
    } else {
        0
    };
    let (inner_first, inner_second) =
        (&first[..first.len() - tail], &second[..second.len() - tail]);
    let inner = inner(inner_first, inner_second, open);
    pairs.extend(inner.into_iter().map(|(i, j)| (head + i, head + j)));
    let ends = (head + first.len() - tail, head + second.len() - tail);
    pairs.extend((0..tail).map(|at| (ends.0 + at, ends.1 + at)));
    pairs
}

fn inner<K: Hash + Eq + Copy>(first: &[K], second: &[K], open: Open) -> Vec<(usize, usize)> {
    if first.is_empty() || second.is_empty() {
        return Vec::new();
    }
    // What the other does not have has no partner.
    let places = |own: &[K], other: &[K]| {
        let known: FxHashSet<K> = other.iter().copied().collect();
        let is_known = |at: &usize| known.contains(&own[*at]);
        (0..own.len()).filter(is_known).collect::<Vec<usize>>()
    };
    let (kept_first, kept_second) = (places(first, second), places(second, first));
    let keys_first: Vec<K> = kept_first.iter().map(|at| first[*at]).collect();
    let keys_second: Vec<K> = kept_second.iter().map(|at| second[*at]).collect();
    if let Some(pairs) = shortest(&keys_first, &keys_second, open) {
        let pairs = pairs.into_iter();
        return pairs
            .map(|(i, j)| (kept_first[i], kept_second[j]))
            .collect();
    }
    let same: Vec<(usize, usize)> = (0..first.len().min(second.len()))
        .filter(|at| first[*at] == second[*at])
        .map(|at| (at, at))
        .collect();
    if 2 * same.len() >= first.len().min(second.len()) {
        return same;
    }
    unique(first, second)
}

/// So many parts without a partner are looked for with the best of all ways.
const MOST_APART: usize = 512;

/// The most equal parts that are possible, by Myers' algorithm; `None` when too much differs.
fn shortest<K: Eq + Copy>(first: &[K], second: &[K], open: Open) -> Option<Vec<(usize, usize)>> {
    let (n, m) = (first.len() as isize, second.len() as isize);
    let mut left = 2_000_000 + 8 * (first.len() + second.len());
    let most = MOST_APART.min(first.len() + second.len()) as isize;
    let middle = most + 1;
    let mut ends = vec![0isize; 2 * middle as usize + 1];
    let mut before: Vec<Vec<isize>> = Vec::new();
    let at = |k: isize| (middle + k) as usize;
    for d in 0..=most {
        before.push(ends[at(-d - 1)..=at(d + 1)].to_vec());
        for k in (-d..=d).step_by(2) {
            let mut x = if k == -d || (k != d && ends[at(k - 1)] < ends[at(k + 1)]) {
                ends[at(k + 1)]
            } else {
                ends[at(k - 1)] + 1
            };
            let mut y = x - k;
            while x < n && y < m && x >= 0 && y >= 0 && first[x as usize] == second[y as usize] {
                x += 1;
                y += 1;
                left = left.checked_sub(1)?;
            }
            ends[at(k)] = x;
            let is_there = match open {
                Open::None => x == n && y == m,
                Open::First => x == n && y <= m,
                Open::Second => x <= n && y == m,
            };
            if is_there {
                return Some(way_back(&before, x, y));
            }
        }
        left = left.checked_sub(d as usize + 1)?;
    }
    None
}

/// The equal parts on the way to where the search ended.
fn way_back(before: &[Vec<isize>], x: isize, y: isize) -> Vec<(usize, usize)> {
    let (mut x, mut y) = (x, y);
    let mut pairs = Vec::new();
    for (d, ends) in before.iter().enumerate().rev() {
        let d = d as isize;
        // Each list begins with the diagonal -d - 1.
        let at = |k: isize| ends[(k + d + 1) as usize];
        let k = x - y;
        let (from_x, from_y) = if d == 0 {
            (0, 0)
        } else if k == -d || (k != d && at(k - 1) < at(k + 1)) {
            (at(k + 1), at(k + 1) - k - 1)
        } else {
            (at(k - 1), at(k - 1) - k + 1)
        };
        while x > from_x && y > from_y {
            x -= 1;
            y -= 1;
            pairs.push((x as usize, y as usize));
        }
        (x, y) = (from_x, from_y);
    }
    pairs.reverse();
    pairs
}

/// Parts that both have once, as far as their order is the same in both.
fn unique<K: Hash + Eq + Copy>(first: &[K], second: &[K]) -> Vec<(usize, usize)> {
    let mut places: FxHashMap<K, (u32, usize, u32, usize)> = FxHashMap::default();
    for (at, key) in first.iter().enumerate() {
        let place = places.entry(*key).or_insert((0, at, 0, 0));
        place.0 += 1;
    }
    for (at, key) in second.iter().enumerate() {
        if let Some(place) = places.get_mut(key) {
            place.2 += 1;
            place.3 = at;
        }
    }
    let mut pairs: Vec<(usize, usize)> = places
        .into_values()
        .filter(|place| place.0 == 1 && place.2 == 1)
        .map(|place| (place.1, place.3))
        .collect();
    pairs.sort_unstable();
    longest_rising(&pairs)
}

/// The longest choice of pairs whose second positions rise.
fn longest_rising(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // The pair that ends the best choice of each length, and the pair before each.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (at, pair) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| pairs[*end].1 < pair.1);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        if length == ends.len() {
            ends.push(at);
        } else {
            ends[length] = at;
        }
    }
    let mut chosen = Vec::with_capacity(ends.len());
    let mut next = ends.last().copied();
    while let Some(at) = next {
        chosen.push(pairs[at]);
        next = before[at];
    }
    chosen.reverse();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(text: &str) -> Vec<char> {
        text.chars().collect()
    }

    fn aligned(first: &str, second: &str, open: Open) -> String {
        let level = (keys(first), keys(second));
        let pairs = align(&[level], open);
        pairs.iter().map(|pair| keys(first)[pair.0]).collect()
    }

    #[test]
    fn one_more_and_one_less_move_nothing_else() {
        assert_eq!(aligned("abcdef", "abxcdef", Open::None), "abcdef");
        assert_eq!(aligned("abcdef", "abdef", Open::None), "abdef");
        assert_eq!(aligned("aaaa", "aaaaa", Open::None), "aaaa");
        assert_eq!(aligned("", "a", Open::None), "");
        assert_eq!(aligned("abc", "xyz", Open::None), "");
    }

    #[test]
    fn what_was_cut_is_aligned_with_the_beginning() {
        let pairs = align(&[(keys("aab"), keys("aabbb"))], Open::First);
        assert_eq!(pairs, [(0, 0), (1, 1), (2, 2)]);
        let pairs = align(&[(keys("xb"), keys("bbb"))], Open::First);
        assert_eq!(pairs, [(1, 0)]);
        let pairs = align(&[(keys("abcabc"), keys("ab"))], Open::Second);
        assert_eq!(pairs, [(0, 0), (1, 1)]);
    }

    #[test]
    fn a_looser_level_decides_about_what_is_left() {
        let strict = (vec![1, 2, 3], vec![1, 9, 3]);
        let loose = (vec![0, 0, 0], vec![0, 0, 0]);
        assert_eq!(
            align(&[strict, loose], Open::None),
            [(0, 0), (1, 1), (2, 2)]
        );
    }

    #[test]
    fn a_tenth_of_very_many_may_differ() {
        let first: Vec<u32> = (0..200_000).map(|at| at % 50).collect();
        let mut second = first.clone();
        for at in (0..second.len()).step_by(10) {
            second[at] = 1_000 + at as u32;
        }
        let pairs = align(&[(first, second)], Open::None);
        assert_eq!(pairs.len(), 180_000);
    }

    fn longest(first: &[u8], second: &[u8]) -> usize {
        let mut lengths = vec![vec![0; second.len() + 1]; first.len() + 1];
        for i in 0..first.len() {
            for j in 0..second.len() {
                lengths[i + 1][j + 1] = if first[i] == second[j] {
                    lengths[i][j] + 1
                } else {
                    lengths[i][j + 1].max(lengths[i + 1][j])
                };
            }
        }
        lengths[first.len()][second.len()]
    }

    proptest! {
        #[test]
        fn no_choice_of_equal_parts_is_longer(
            first in prop::collection::vec(0u8..4, 0..40),
            second in prop::collection::vec(0u8..4, 0..40),
        ) {
            let pairs = align(&[(first.clone(), second.clone())], Open::None);
            for pair in &pairs {
                prop_assert_eq!(first[pair.0], second[pair.1]);
            }
            prop_assert!(pairs.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 < two[1].1));
            prop_assert_eq!(pairs.len(), longest(&first, &second));
        }

        #[test]
        fn unique_parts_rise(order in Just((0u8..60).collect::<Vec<_>>()).prop_shuffle()) {
            let sorted: Vec<u8> = (0..60).collect();
            let pairs = unique(&sorted, &order);
            prop_assert!(!pairs.is_empty());
            prop_assert!(pairs.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 < two[1].1));
        }
    }
}
