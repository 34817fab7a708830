//! Programs that repeat themselves, and how few rows are left of them.

use execmap_query::Trace;

use super::budget::told;
use super::lossless::{Act, assert_lossless, traced};
use crate::{Folded, Map, MapQuery, MapRow, fold_map};

fn leaf(name: u8) -> Act {
    Act::Call(name, Vec::new())
}

fn map(trace: &Trace) -> Map {
    let folded = assert_lossless(trace);
    let map = fold_map(trace, &folded, &MapQuery::default()).expect("there is room");
    assert_eq!(told(&map), trace.calls().count());
    map
}

/// Calls and blocks.
fn nodes(map: &Map) -> usize {
    let is_node = |row: &&MapRow| matches!(row, MapRow::Call(_) | MapRow::Block(_));
    map.rows.iter().filter(is_node).count()
}

fn blocks(map: &Map) -> Vec<&str> {
    fn text(row: &MapRow) -> Option<&str> {
        match row {
            MapRow::Block(block) => Some(block.text.as_str()),
            MapRow::Section(section) => Some(section.text.as_str()),
            _ => None,
        }
    }
    map.rows.iter().filter_map(text).collect()
}

#[test]
fn equal_iterations_are_one_loop() {
    let iterations = (0..1_000).map(|_| vec![leaf(0), leaf(1), leaf(2)]);
    let map = map(&traced(&[Act::Loop(iterations.collect())]));
    assert_eq!((map.calls, nodes(&map)), (3_001, 5));
    assert_eq!(blocks(&map), ["1,000×, line 100"]);
}

#[test]
fn what_some_iterations_do_more_is_optional() {
    let iterations = (0..1_000).map(|number| {
        let mut acts = vec![leaf(0), leaf(1), leaf(2)];
        if number % 10 == 3 {
            acts.push(leaf(3));
        }
        acts
    });
    let map = map(&traced(&[Act::Loop(iterations.collect())]));
    assert!(nodes(&map) <= 9, "{map:#?}");
    assert_eq!(blocks(&map), ["1,000×, line 100", "100 of 1,000: with f3"]);
}

#[test]
fn two_ways_to_go_are_alternatives() {
    let iterations = (0..1_000u16).map(|number| vec![leaf(0), leaf(1 + (number % 2) as u8)]);
    let map = map(&traced(&[Act::Loop(iterations.collect())]));
    assert!(nodes(&map) <= 6, "{map:#?}");
    assert_eq!(
        blocks(&map),
        [
            "1,000×, line 100",
            "500 of 1,000: with f1",
            "500 of 1,000: with f2"
        ]
    );
}

#[test]
fn an_inner_loop_says_how_often_it_was_gone_through() {
    let iterations = (0..1_000usize).map(|number| {
        let inner = (0..=number % 5).map(|_| vec![leaf(1)]);
        vec![leaf(0), Act::Loop(inner.collect()), leaf(2)]
    });
    let map = map(&traced(&[Act::Loop(iterations.collect())]));
    assert!(nodes(&map) <= 10, "{map:#?}");
    assert_eq!(
        blocks(&map),
        [
            "1,000×, line 100",
            "3,000× in 1,000 rounds, 1 to 5 each, line 200"
        ]
    );
}

fn fib(n: u32) -> Act {
    let inside = if n < 2 {
        Vec::new()
    } else {
        vec![fib(n - 1), fib(n - 2)]
    };
    Act::Call(0, inside)
}

#[test]
fn a_recursion_is_one_frame() {
    let map = map(&traced(&[fib(15)]));
    assert!(nodes(&map) <= 6, "{map:#?}");
    assert_eq!(
        blocks(&map),
        [
            "1,973 calls of f0, 15 deep, as one",
            "986 of 1,973: with f0"
        ]
    );
}

#[test]
fn a_recursion_that_fits_is_shown_whole() {
    let map = map(&traced(&[fib(4)]));
    assert_eq!((map.calls, nodes(&map)), (10, 10));
}

#[test]
fn one_failure_among_many_is_apart() {
    let iterations = (0..1_000).map(|number| {
        let act = leaf(1);
        let act = if number == 417 {
            Act::Fails(1, Vec::new())
        } else {
            act
        };
        vec![leaf(0), act]
    });
    let map = map(&traced(&[Act::Loop(iterations.collect())]));
    assert_eq!(
        blocks(&map),
        [
            "1,000×, line 100",
            "999 of 1,000: with f1",
            "1 of 1,000: with f1 fails"
        ]
    );
    let folded = Folded::of(&traced(&[]));
    assert_eq!(folded.failures.len(), 0);
}
