//! Whatever the budget: it is kept, and every call is shown or counted.

use proptest::prelude::*;

use super::lossless::{acts, traced};
use crate::{Folded, Map, MapError, MapQuery, MapRow, OutlineRow, fold_map, outline};

fn map(trace: &execmap_query::Trace, messages: usize) -> Map {
    let query = MapQuery {
        messages: Some(messages),
        ..MapQuery::default()
    };
    fold_map(trace, &Folded::of(trace), &query).expect("there is room")
}

/// Calls that have a message, and those that are counted where they are missing.
pub(crate) fn told(map: &Map) -> u64 {
    let told = map.rows.iter().map(|row| match row {
        MapRow::Call(call) if call.closed => call.times + call.calls_inside,
        MapRow::Call(call) => call.times,
        MapRow::More(more) => more.calls + more.calls_inside,
        _ => 0,
    });
    told.sum()
}

/// Inside every open call stand as many calls as it says.
fn assert_each_level_adds_up(map: &Map) {
    for (index, row) in map.rows.iter().enumerate() {
        let MapRow::Call(call) = row else { continue };
        if call.closed || call.again {
            continue;
        }
        let mut sum = 0;
        for row in &map.rows[index + 1..] {
            match row {
                MapRow::Call(other) if other.level <= call.level => break,
                MapRow::More(more) if more.level <= call.level => break,
                MapRow::Block(block) if block.level <= call.level => break,
                MapRow::Section(section) if section.level <= call.level => break,
                MapRow::End(end) if end.level <= call.level => break,
                MapRow::Call(other) if other.closed => sum += other.times + other.calls_inside,
                MapRow::Call(other) => sum += other.times,
                MapRow::More(more) => sum += more.calls + more.calls_inside,
                _ => {}
            }
        }
        assert_eq!(sum, call.calls_inside, "inside {}", call.name);
    }
}

fn assert_balanced(map: &Map) {
    let mut open = 0i32;
    for row in &map.rows {
        match row {
            MapRow::Block(_) => open += 1,
            MapRow::Section(_) => assert!(open > 0),
            MapRow::End(_) => {
                open -= 1;
                assert!(open >= 0);
            }
            _ => {}
        }
    }
    assert_eq!(open, 0);
}

/// The rows that are not inside closed ones.
fn open_rows(rows: &[OutlineRow]) -> Vec<&MapRow> {
    let (mut open, mut next) = (Vec::new(), 0);
    while let Some(row) = rows.get(next) {
        open.push(&row.row);
        next += if row.is_open { 1 } else { 1 + row.inside };
    }
    open
}

/// What is closed says how many calls it holds; where its inside is known, these are as many.
fn assert_insides_add_up(rows: &[OutlineRow]) {
    for (index, row) in rows.iter().enumerate() {
        let inside = &rows[index + 1..index + 1 + row.inside];
        let told = match &row.row {
            MapRow::Call(call) => call.calls_inside,
            MapRow::More(more) => more.calls + more.calls_inside,
            _ => continue,
        };
        if inside.is_empty() {
            continue;
        }
        let mut next = 0;
        let mut sum = 0;
        while let Some(row) = inside.get(next) {
            next += 1;
            match &row.row {
                MapRow::Call(call) => {
                    sum += call.times + call.calls_inside;
                    next += row.inside;
                }
                MapRow::More(more) => {
                    sum += more.calls + more.calls_inside;
                    next += row.inside;
                }
                _ => {}
            }
        }
        assert_eq!(sum, told, "inside {:?}", row.row);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn an_outline_is_the_map_with_what_is_closed_in_it(acts in acts(), messages in 2usize..80) {
        let trace = traced(&acts);
        let folded = Folded::of(&trace);
        let query = MapQuery { messages: Some(messages), ..MapQuery::default() };
        let map = fold_map(&trace, &folded, &query).expect("there is room");
        for most in [0, 20, 1_000] {
            let rows = outline(&trace, &folded, &query, most).expect("there is room");
            let open = open_rows(&rows);
            prop_assert_eq!(open, map.rows.iter().collect::<Vec<_>>());
            assert_insides_add_up(&rows);
        }
        let rows = outline(&trace, &folded, &query, 100_000).expect("there is room");
        for row in &rows {
            if let MapRow::Call(call) = &row.row {
                prop_assert!(call.again || call.calls_inside == 0 || row.inside > 0, "nothing inside {}", call.name);
            }
        }
    }

    #[test]
    fn a_budget_is_kept_and_every_call_is_told(acts in acts(), messages in 2usize..80) {
        let trace = traced(&acts);
        let map = map(&trace, messages);
        prop_assert!(map.messages() <= messages);
        prop_assert!(map.messages() > 0);
        prop_assert_eq!(told(&map), trace.calls().count());
        assert_each_level_adds_up(&map);
        assert_balanced(&map);
    }

    #[test]
    fn the_same_calls_give_the_same_map(acts in acts(), messages in 2usize..80) {
        let one = map(&traced(&acts), messages);
        prop_assert_eq!(one, map(&traced(&acts), messages));
    }
}

#[test]
fn a_budget_without_room_for_a_call_names_the_smallest() {
    let trace = traced(&[]);
    let query = MapQuery {
        messages: Some(1),
        ..MapQuery::default()
    };
    let error = fold_map(&trace, &Folded::of(&trace), &query);
    assert_eq!(error, Err(MapError::TooSmall { least: 2 }));
}
