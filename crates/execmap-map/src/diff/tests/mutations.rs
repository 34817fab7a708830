//! Any run differs from itself in nothing, and from itself with one change in that change.

use execmap_query::Trace;
use proptest::prelude::*;
use proptest::sample::Index;

use super::compared;
use crate::Kind;
use crate::tests::lossless::{Act, acts, traced};

/// How many calls there are.
fn count(acts: &[Act]) -> usize {
    let each = acts.iter().map(|act| match act {
        Act::Call(_, inner) | Act::Fails(_, inner) => 1 + count(inner),
        Act::Loop(iterations) => iterations.iter().map(|inner| count(inner)).sum(),
    });
    each.sum()
}

/// Does something to the call at a place in the order of the tree.
fn change(acts: &mut Vec<Act>, at: &mut usize, how: &mut dyn FnMut(&mut Vec<Act>, usize)) -> bool {
    for place in 0..acts.len() {
        let found = match &mut acts[place] {
            Act::Call(_, inner) | Act::Fails(_, inner) => {
                if *at == 0 {
                    how(acts, place);
                    return true;
                }
                *at -= 1;
                change(inner, at, how)
            }
            Act::Loop(iterations) => iterations.iter_mut().any(|inner| change(inner, at, how)),
        };
        if found {
            return true;
        }
    }
    false
}

fn calls(trace: &Trace) -> u64 {
    trace.calls().count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_run_does_not_differ_from_itself(acts in acts()) {
        let difference = compared(&traced(&acts), &traced(&acts));
        prop_assert!(difference.equal);
        prop_assert!(difference.changes.is_empty() && difference.first.is_none());
    }

    #[test]
    fn one_more_call_is_what_differs(acts in acts(), place in any::<Index>()) {
        let mut longer = acts.clone();
        let calls_there = count(&acts);
        prop_assume!(calls_there > 0);
        let mut at = place.index(calls_there);
        change(&mut longer, &mut at, &mut |acts, place| {
            acts.insert(place, Act::Call(9, Vec::new()));
        });
        let (old, new) = (traced(&acts), traced(&longer));
        prop_assume!(calls(&new) == calls(&old) + 1);
        let difference = compared(&old, &new);
        let own = difference.changes.iter().flat_map(|change| {
            let own = (change.kind != Kind::Iterations).then_some(change);
            own.into_iter().chain(&change.inside)
        });
        let own: Vec<_> = own.collect();
        prop_assert_eq!(own.len(), 1, "{}", super::lines(&difference));
        prop_assert_eq!(own[0].kind, Kind::Added);
        prop_assert_eq!(&*own[0].function, "shop.f9");
        prop_assert_eq!(own[0].times, 1);

        // The other way round the same call is missing.
        let back = compared(&new, &old);
        prop_assert_eq!(back.changes.len(), difference.changes.len());
        prop_assert!(!super::lines(&back).contains("Added"));
    }

    #[test]
    fn one_failure_is_what_differs(acts in acts(), place in any::<Index>()) {
        let mut other = acts.clone();
        let calls_there = count(&acts);
        prop_assume!(calls_there > 0);
        let mut at = place.index(calls_there);
        change(&mut other, &mut at, &mut |acts, place| {
            acts[place] = match acts[place].clone() {
                Act::Call(name, inner) => Act::Fails(name, inner),
                Act::Fails(name, inner) => Act::Call(name, inner),
                act @ Act::Loop(_) => act,
            };
        });
        let (old, new) = (traced(&acts), traced(&other));
        let difference = compared(&old, &new);
        let failed = |trace: &Trace| {
            trace.calls().iter().filter(|call| trace.calls().has_failed(*call)).count()
        };
        // A loop that is nested too deep for the test's program is left out.
        prop_assume!(failed(&old) != failed(&new));
        prop_assert_eq!(difference.changes.len(), 1, "{}", super::lines(&difference));
        prop_assert_eq!(difference.changes[0].kind, Kind::Outcome);
        prop_assert_eq!(difference.changes[0].times, 1);
    }

    /// Whatever two runs are, both directions see as many differences.
    #[test]
    fn both_directions_count_the_same(one in acts(), other in acts()) {
        let (one, other) = (traced(&one), traced(&other));
        let (there, back) = (compared(&one, &other), compared(&other, &one));
        prop_assert_eq!(there.equal, back.equal);
        let balance = |difference: &crate::Difference| -> i64 {
            fn sum(change: &crate::Change) -> i64 {
                let calls = (change.times + change.calls_inside) as i64;
                let own = match change.kind {
                    Kind::Added => calls,
                    Kind::Removed => -calls,
                    _ => 0,
                };
                own + change.inside.iter().map(sum).sum::<i64>()
            }
            difference.changes.iter().map(sum).sum()
        };
        let more = calls(&other) as i64 - calls(&one) as i64;
        prop_assert_eq!((balance(&there), balance(&back)), (more, -more));
    }
}
