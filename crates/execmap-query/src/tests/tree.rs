//! The call tree of small programs.

use crate::testing::{TraceBuilder, shop};
use crate::{Fold, FunctionPattern, Trace, TreeQuery, TreeRow, tree};

/// The rows as indented lines.
fn lines(trace: &Trace, query: &TreeQuery) -> String {
    let line = |row: &TreeRow| match row {
        TreeRow::Lane(lane) => format!("{}= {}", "  ".repeat(lane.depth as usize), lane.name),
        TreeRow::More(more) => {
            let what = more.bodies.map_or_else(
                || format!("{} more", more.calls),
                |bodies| bodies.counted(more.calls),
            );
            format!("{}{what}", "  ".repeat(more.depth as usize))
        }
        TreeRow::Call(call) => {
            let args: Vec<String> = call
                .args
                .iter()
                .map(|(name, text)| format!("{name}={text}"))
                .collect();
            let times = if call.times > 1 {
                format!(" {}x", call.times)
            } else {
                String::new()
            };
            let closed = if call.closed {
                format!(" [{}]", call.calls_inside)
            } else {
                String::new()
            };
            format!(
                "{}{}({}){times}{closed}",
                "  ".repeat(call.depth as usize),
                call.shown,
                args.join(", ")
            )
        }
    };
    tree(trace, query)
        .rows
        .iter()
        .map(line)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn equal_neighbours_share_a_row() {
    let query = TreeQuery {
        fold: Fold::Alike,
        ..TreeQuery::default()
    };
    insta::assert_snapshot!(lines(&shop(), &query), @r"
    shop.<module>()
      shop.checkout(user='ann')
        shop.cart.Cart.add(self=<Cart items=[]>, name='pen', qty=2)
        shop.countdown(n=2)
          shop.countdown(n=1)
            shop.countdown(n=0)
        shop.pricing.price(line=('pen', 2)) 4x
        shop.fails(x='ann')
    ");
}

#[test]
fn neighbours_with_something_different_inside_are_not_equal() {
    let mut builder = TraceBuilder::new();
    builder.call("main", &[]);
    for stock in ["3", "3", "4"] {
        builder.call("line", &[]);
        builder.leaf("stock", &[], stock);
        builder.returns("None");
    }
    builder.returns("None");
    let query = TreeQuery {
        fold: Fold::Alike,
        ..TreeQuery::default()
    };
    insta::assert_snapshot!(lines(&builder.trace(), &query), @r"
    shop.main()
      shop.line() 2x
        shop.stock()
      shop.line()
        shop.stock()
    ");
}

#[test]
fn a_filter_keeps_the_way_and_what_is_below() {
    let functions = FunctionPattern::new("countdown").ok();
    insta::assert_snapshot!(lines(&shop(), &TreeQuery { functions, ..TreeQuery::default() }), @r"
    shop.<module>()
      shop.checkout(user='ann')
        shop.countdown(n=2)
          shop.countdown(n=1)
            shop.countdown(n=0)
    ");
    let query = TreeQuery {
        at_least_ns: 3_000,
        ..TreeQuery::default()
    };
    let long = tree(&shop(), &query);
    assert_eq!(long.filtered_calls, 7);
    insta::assert_snapshot!(lines(&shop(), &query), @r"
    shop.<module>()
      shop.checkout(user='ann')
        shop.countdown(n=2)
          shop.countdown(n=1)
    ");
}

#[test]
fn threads_and_tasks_are_headed_where_they_begin() {
    let mut builder = TraceBuilder::new();
    let main = builder.call("main", &[]);
    for name in ["charge", "notify"] {
        builder.new_task(name, Some(main));
        builder.leaf(name, &[], "True");
    }
    builder.in_task(None);
    builder.leaf("report", &[], "None");
    builder.new_thread("pool-0", Some(main));
    builder.leaf("work", &[], "3");
    builder.on_thread(0).returns("None");
    insta::assert_snapshot!(lines(&builder.trace(), &TreeQuery::default()), @r"
    = MainThread
      shop.main()
        = charge
          shop.charge()
        = notify
          shop.notify()
        shop.report()
    = pool-0
      shop.work()
    ");
}

#[test]
fn a_row_says_how_long_all_of_it_took() {
    let trace = shop();
    let folded = tree(
        &trace,
        &TreeQuery {
            fold: Fold::Alike,
            ..TreeQuery::default()
        },
    );
    let price = folded.rows.iter().find_map(|row| match row {
        TreeRow::Call(call) if call.times == 4 => Some(call),
        _ => None,
    });
    assert_eq!(price.and_then(|price| price.duration_ns), Some(4_000));
}

/// A script that imports a module with classes and then works.
fn importing(is_broken: bool) -> Trace {
    let mut builder = TraceBuilder::new();
    builder.call("__main__:<module>", &[]);
    builder.call("cart:<module>", &[]);
    builder.leaf("money:<module>", &[], "None");
    for name in ["Status", "Line", "Cart"] {
        builder.leaf(&format!("cart:class {name}"), &[], "None");
    }
    if is_broken {
        builder.call("cart:class Broken", &[]);
        builder
            .raises("NameError: nobody")
            .raises("NameError: nobody");
        builder.raises("NameError: nobody");
        return builder.trace();
    }
    builder.returns("None");
    builder.call("main", &[]);
    builder.leaf("load", &[], "None");
    builder.returns("0").raises("SystemExit: 0");
    builder.trace()
}

#[test]
fn bodies_stay_closed_while_room_is_short() {
    let query = || TreeQuery {
        rows: Some(40),
        ..TreeQuery::default()
    };
    insta::assert_snapshot!(lines(&importing(false), &query()), @r"
    __main__.<module>()
      cart.<module>() [4]
      shop.main()
        shop.load()
    ");
    insta::assert_snapshot!(lines(&importing(true), &query()), @r"
    __main__.<module>()
      cart.<module>()
        money.<module>()
        3 class bodies
        cart.class Broken()
    ");
    let root = TreeQuery {
        root: Some(crate::CallNumber(1)),
        ..query()
    };
    insta::assert_snapshot!(lines(&importing(false), &root), @r"
    cart.<module>()
      money.<module>()
      3 class bodies
    ");
    let all = tree(&importing(false), &TreeQuery::default());
    assert_eq!((all.rows.len(), all.shown_calls), (8, 8));
}

#[test]
fn the_normal_end_of_the_program_is_no_failure() {
    let trace = importing(false);
    let root = crate::CallNumber(0);
    assert_eq!(crate::info(&trace).failed, Some(0));
    assert!(!trace.calls().has_failed(root) && !trace.is_failing(root));
    assert_eq!(trace.calls().outcome(root), crate::Outcome::Raised);
    let mut builder = TraceBuilder::new();
    builder.call("main", &[]);
    builder.raises("SystemExit: 2");
    assert_eq!(crate::info(&builder.trace()).failed, Some(1));
}
