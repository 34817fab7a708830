//! Functions of small programs.

use crate::testing::{TraceBuilder, shop};
use crate::{FunctionPattern, FunctionStats, Stats, StatsQuery, StatsSort, stats};

fn function<'s>(stats: &'s Stats, name: &str) -> &'s FunctionStats {
    stats
        .functions
        .iter()
        .find(|function| function.function == name)
        .expect("the function is there")
}

#[test]
fn times_add_up() {
    let trace = shop();
    let stats = stats(&trace, &StatsQuery::default());
    let own: u64 = stats
        .functions
        .iter()
        .map(|function| function.self_ns)
        .sum();
    assert_eq!(own, function(&stats, "<module>").total_ns);
    let countdown = function(&stats, "countdown");
    assert_eq!(
        (countdown.calls, countdown.total_ns, countdown.self_ns),
        (3, 5_000, 5_000)
    );
    assert_eq!((countdown.slowest_ns, countdown.mean_ns), (5_000, 3_000));
    let fails = function(&stats, "fails");
    assert_eq!(
        (fails.failed, fails.calls, fails.slowest.map(|call| call.0)),
        (1, 1, Some(10))
    );
    assert_eq!(fails.spread.iter().sum::<u32>(), 1);
}

#[test]
fn suspended_time_is_told_apart() {
    let mut builder = TraceBuilder::new();
    builder.call("main", &[]);
    builder.call("fetch", &[]);
    let fetch = builder.suspends();
    builder.wait(500).resumes(fetch).returns("1");
    builder.returns("None");
    let trace = builder.trace();
    let stats = stats(&trace, &StatsQuery::default());
    let fetch = function(&stats, "fetch");
    assert_eq!(
        (fetch.total_ns, fetch.self_ns, fetch.suspended_ns),
        (2_000, 2_000, 501_000)
    );
    assert_eq!(
        function(&stats, "main").self_ns,
        503_000,
        "who waited for it ran"
    );
}

#[test]
fn the_order_and_the_rest_are_said() {
    let trace = shop();
    let query = StatsQuery {
        sort: StatsSort::Calls,
        limit: Some(2),
        ..StatsQuery::default()
    };
    let most = stats(&trace, &query);
    let names: Vec<&str> = most
        .functions
        .iter()
        .map(|function| function.function.as_str())
        .collect();
    assert_eq!(names, ["price", "countdown"]);
    assert_eq!((most.more_functions, most.more_calls), (4, 4));
    let functions = FunctionPattern::new("shop.cart:*").ok();
    let of_cart = stats(
        &trace,
        &StatsQuery {
            functions,
            ..StatsQuery::default()
        },
    );
    assert_eq!(of_cart.functions.len(), 1);
}
