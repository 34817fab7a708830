//! Maps of small traces.

use execmap_map::{Folded, Map, MapQuery, MapRow, fold_map};
use execmap_query::Trace;
use execmap_query::testing::{TraceBuilder, shop};

fn build(trace: &Trace, query: &MapQuery) -> Map {
    fold_map(trace, &Folded::of(trace), query).expect("there is room")
}

/// The rows as indented lines.
fn lines(map: &Map) -> String {
    let line = |row: &MapRow| match row {
        MapRow::Lane(lane) => format!("{}= {}", "  ".repeat(lane.level as usize), lane.name),
        MapRow::More(more) if more.bodies.is_some() => {
            let bodies = more.bodies.map(|bodies| bodies.counted(more.calls));
            format!(
                "{}{}",
                "  ".repeat(more.level as usize),
                bodies.unwrap_or_default()
            )
        }
        MapRow::More(more) => {
            format!(
                "{}{} more, {} inside",
                "  ".repeat(more.level as usize),
                more.calls,
                more.calls_inside
            )
        }
        MapRow::Call(call) => {
            let closed = if call.closed {
                format!(" [{} inside]", call.calls_inside)
            } else {
                String::new()
            };
            let on = &map.participants[call.to].name;
            format!(
                "{}{on} {}{closed}",
                "  ".repeat(call.level as usize),
                call.name
            )
        }
        MapRow::Block(block) => format!("[ {}", block.text),
        MapRow::Section(section) => format!("| {}", section.text),
        MapRow::End(_) => "]".to_owned(),
    };
    map.rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn of_messages(messages: usize) -> MapQuery {
    MapQuery {
        messages: Some(messages),
        ..MapQuery::default()
    }
}

#[test]
fn what_fits_is_shown_whole() {
    let map = build(&shop(), &MapQuery::default());
    assert_eq!((map.calls, map.shown_calls), (11, 11));
    insta::assert_snapshot!(lines(&map), @r"
    shop <module>
      shop checkout
        Cart add
        shop countdown
          shop countdown
            shop countdown
        shop.pricing price
        shop.pricing price
        shop.pricing price
        shop.pricing price
        shop fails
    ");
}

#[test]
fn what_does_not_fit_is_counted() {
    insta::assert_snapshot!(lines(&build(&shop(), &of_messages(18))), @r"
    shop <module>
      shop checkout
        Cart add
        shop countdown [2 inside]
        shop.pricing price
        shop.pricing price
        shop.pricing price
        shop.pricing price
        shop fails
    ");
    insta::assert_snapshot!(lines(&build(&shop(), &of_messages(12))), @r"
    shop <module>
      shop checkout
        Cart add
        shop countdown [2 inside]
        shop.pricing price
        3 more, 0 inside
        shop fails
    ");
    insta::assert_snapshot!(lines(&build(&shop(), &of_messages(2))), @"shop <module> [10 inside]");
}

#[test]
fn tasks_and_threads_are_headed() {
    let mut builder = TraceBuilder::new();
    let main = builder.call("main", &[]);
    builder.new_task("charge", Some(main));
    builder.leaf("charge", &[], "True");
    builder.in_task(None);
    builder.new_thread("pool-0", Some(main));
    builder.leaf("work", &[], "3");
    builder.on_thread(0).returns("None");
    insta::assert_snapshot!(lines(&build(&builder.trace(), &MapQuery::default())), @r"
    [ thread MainThread
    shop main
      = charge
      shop charge
    | thread pool-0
    shop work
    ]
    ");
}

#[test]
fn the_room_goes_to_what_the_program_does() {
    let mut builder = TraceBuilder::new();
    builder.call("__main__:<module>", &[]);
    builder.call("cart:<module>", &[]);
    builder.call("cart:class Cart", &[]);
    builder.leaf("cart:field", &[], "None");
    builder.returns("None").returns("None");
    for name in ["A", "B", "C"] {
        builder.leaf(&format!("__main__:class {name}"), &[], "None");
    }
    builder.call("main", &[]);
    builder.leaf("load", &[], "3");
    builder.returns("0").raises("SystemExit: 0");
    let map = build(&builder.trace(), &MapQuery::default());
    insta::assert_snapshot!(lines(&map), @r"
    __main__ <module>
      cart <module>
        cart class Cart
          cart field
      3 class bodies
      shop main
        shop load
    ");
    let Some(MapRow::Call(root)) = map.rows.first() else {
        panic!("a call")
    };
    assert!(!root.has_failed && root.exception.as_deref() == Some("SystemExit: 0"));
}
