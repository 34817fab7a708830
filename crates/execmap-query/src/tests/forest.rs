//! Promises that hold for any tree of calls.

use crate::testing::TraceBuilder;
use crate::{Fold, Trace, Tree, TreeQuery, TreeRow, rows, tree};

/// A tree that depends on `seed` alone.
fn forest(seed: u64, calls: u64) -> Trace {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut builder = TraceBuilder::new();
    let mut depth = 0;
    let mut left = calls;
    while left > 0 || depth > 0 {
        if left > 0 && (depth == 0 || next(5) < 3) {
            builder.call(&format!("f{}", next(4)), &[("x", &next(2).to_string())]);
            depth += 1;
            left -= 1;
        } else if next(20) == 0 {
            builder.raises("KeyError: 'x'");
            depth -= 1;
        } else {
            builder.returns("None");
            depth -= 1;
        }
    }
    builder.trace()
}

/// Calls that the rows account for, shown or counted.
fn accounted(tree: &Tree) -> u64 {
    let count = |row: &TreeRow| match row {
        TreeRow::Lane(_) => 0,
        TreeRow::More(more) => more.calls + more.calls_inside,
        TreeRow::Call(call) if call.closed => call.times + call.calls_inside,
        // What is below equal neighbours is shown once.
        TreeRow::Call(call) => call.times + (call.times - 1) * (call.calls_inside / call.times),
    };
    tree.rows.iter().map(count).sum()
}

#[test]
fn nothing_is_left_out_silently() {
    for seed in 0..60 {
        let trace = forest(seed, 30 + seed * 7);
        for limit in [1, 2, 3, 5, 8, 13, 40, 100, 1_000] {
            let query = TreeQuery {
                rows: Some(limit),
                ..TreeQuery::default()
            };
            let tree = tree(&trace, &query);
            assert_eq!(
                accounted(&tree),
                trace.calls().count(),
                "seed {seed}, {limit} rows"
            );
            assert!(
                tree.rows.len() <= limit.max(2),
                "seed {seed}: {} of {limit} rows",
                tree.rows.len()
            );
        }
        for depth in 1..6 {
            let query = TreeQuery {
                depth: Some(depth),
                ..TreeQuery::default()
            };
            assert_eq!(
                accounted(&tree(&trace, &query)),
                trace.calls().count(),
                "seed {seed}, depth {depth}"
            );
        }
    }
}

#[test]
fn folding_keeps_the_count() {
    for seed in 0..60 {
        let trace = forest(seed, 200);
        let folded = tree(
            &trace,
            &TreeQuery {
                fold: Fold::Alike,
                ..TreeQuery::default()
            },
        );
        // Equal neighbours inside equal neighbours multiply.
        let mut times_above = vec![1];
        let mut count = 0;
        for row in &folded.rows {
            let TreeRow::Call(call) = row else { continue };
            times_above.truncate(call.depth as usize + 1);
            let times = times_above[call.depth as usize] * call.times;
            times_above.push(times);
            count += times;
        }
        assert_eq!(count, trace.calls().count(), "seed {seed}");
        assert_eq!(folded.shown_calls, count);
    }
}

#[test]
fn a_parent_comes_before_its_children_and_covers_them() {
    for seed in 0..20 {
        let trace = forest(seed, 300);
        for row in rows(&trace) {
            if let Some(parent) = row.parent {
                assert!(parent < row.handle);
                assert!(trace.calls().start_ns(parent) <= row.start_ns);
                assert!(trace.calls().end_ns(parent) >= row.end_ns);
            }
        }
        let below: u64 = trace
            .calls()
            .iter()
            .map(|call| u64::from(trace.subtree(call)))
            .sum();
        let depths: u64 = trace.calls().iter().map(|call| depth(&trace, call)).sum();
        assert_eq!(
            below, depths,
            "every call is below as many calls as it is deep"
        );
    }
}

fn depth(trace: &Trace, call: crate::CallNumber) -> u64 {
    std::iter::successors(trace.calls().parent(call), |above| {
        trace.calls().parent(*above)
    })
    .count() as u64
}

#[test]
fn no_chain_of_calls_is_too_deep() {
    let mut builder = TraceBuilder::new();
    for index in 0..100_000 {
        builder.call("down", &[("n", &(100_000 - index).to_string())]);
    }
    let trace = builder.trace();
    assert_eq!(trace.subtree(crate::CallNumber(0)), 99_999);
    let whole = tree(
        &trace,
        &TreeQuery {
            fold: Fold::Alike,
            ..TreeQuery::default()
        },
    );
    assert_eq!(whole.rows.len(), 100_000);
    let part = tree(
        &trace,
        &TreeQuery {
            rows: Some(50),
            ..TreeQuery::default()
        },
    );
    assert_eq!((part.rows.len(), accounted(&part)), (50, 100_000));
    assert_eq!(
        crate::stats(&trace, &crate::StatsQuery::default()).functions[0].calls,
        100_000
    );
}
