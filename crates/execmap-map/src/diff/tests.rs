//! What two small runs did differently.

mod mutations;

use std::fmt::Write;

use execmap_query::Trace;
use execmap_query::testing::TraceBuilder;

use crate::{DiffQuery, Difference, Kind, Volatile, Waypoint, diff};

fn compared(old: &Trace, new: &Trace) -> Difference {
    diff(old, new, &DiffQuery::default())
}

/// Changes as lines, the way to the first of them before.
fn lines(difference: &Difference) -> String {
    let mut text = difference.verdict.clone();
    if let Some(first) = &difference.first {
        let way = first.way.iter().map(|step| match step {
            Waypoint::Call(call) => call.function.clone(),
            Waypoint::Loop { line, old, new, .. } => {
                format!("loop {} {old} → {new}", line.unwrap_or(0))
            }
            Waypoint::Lane { old, new, .. } => format!("{old} → {new}"),
            Waypoint::More { calls } => format!("… {calls}"),
        });
        let _ = write!(text, "\nat {}", way.collect::<Vec<_>>().join(" / "));
    }
    for change in &difference.changes {
        write_change(&mut text, change, "");
    }
    for note in &difference.notes {
        let _ = write!(text, "\n# {note}");
    }
    if let Some(proposal) = &difference.proposal {
        let _ = write!(text, "\n# {}", proposal.text);
    }
    text
}

fn write_change(text: &mut String, change: &crate::Change, indent: &str) {
    let values = change.values.iter().map(|values| {
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        format!("{} → {}", text(&values.old), text(&values.new))
    });
    let argument = change.argument.as_deref().unwrap_or_default();
    let _ = write!(
        text,
        "\n{indent}{:?} {} {argument}: {} ({} of {})",
        change.kind,
        change.function,
        values.collect::<Vec<_>>().join(", "),
        change.times,
        change.of
    );
    for inside in &change.inside {
        write_change(text, inside, "  ");
    }
}

const LOOP: [(u32, u32, bool); 1] = [(100, 200, true)];

/// `main` calls `price` in a loop, each with its quantity and what it gives back.
fn shop(prices: &[(i64, &str)], then: impl FnOnce(&mut TraceBuilder)) -> Trace {
    let mut builder = TraceBuilder::new();
    builder.loops("main", &[], &LOOP).call("main", &[]);
    for (qty, result) in prices {
        let text = qty.to_string();
        builder
            .at(110)
            .call("shop.pricing:price", &[("qty", &text)]);
        builder
            .at(10)
            .leaf("shop.pricing:tier", &[("qty", &text)], result);
        builder.returns(result).enters(100, 1);
    }
    then(&mut builder);
    builder.returns("None");
    builder.trace()
}

fn counting(count: i64) -> Vec<(i64, &'static str)> {
    (0..count).map(|qty| (qty, "9")).collect()
}

#[test]
fn equal_runs_are_equal() {
    let run = || shop(&counting(40), |_| {});
    insta::assert_snapshot!(lines(&compared(&run(), &run())), @"equal: 81 calls in the same order, with the same arguments, results and outcomes");
}

#[test]
fn a_value_deep_inside_is_named_with_the_way_to_it() {
    let mut prices = counting(40);
    let old = shop(&prices, |_| {});
    prices[16].1 = "10";
    let new = shop(&prices, |_| {});
    insta::assert_snapshot!(lines(&compared(&old, &new)), @r"
    different: 2 differences in 81 calls
    at shop.main / loop 100 17 → 17 / shop.pricing.price / shop.pricing.tier
    Result shop.pricing.tier : 9 → 10 (1 of 40)
    Result shop.pricing.price : 9 → 10 (1 of 40)
    ");
}

#[test]
fn one_more_iteration_says_just_that() {
    let old = shop(&counting(40), |_| {});
    let new = shop(&counting(41), |_| {});
    insta::assert_snapshot!(lines(&compared(&old, &new)), @r"
    different: 1 difference, 81 → 83 calls
    at shop.main
    Iterations shop.main : 40 → 41 (1 of 1)
      Added shop.pricing.price : - → shop.pricing.price(qty=40) → 9 (1 of 41)
    ");
    let back = lines(&compared(&new, &old));
    assert!(
        back.contains("Iterations shop.main : 41 → 40") && back.contains("Removed"),
        "{back}"
    );
}

#[test]
fn an_iteration_in_the_middle_moves_no_other() {
    let mut prices = counting(40);
    let old = shop(&prices, |_| {});
    prices.insert(7, (77, "1"));
    let new = shop(&prices, |_| {});
    insta::assert_snapshot!(lines(&compared(&old, &new)), @r"
    different: 1 difference, 81 → 83 calls
    at shop.main
    Iterations shop.main : 40 → 41 (1 of 1)
      Added shop.pricing.price : - → shop.pricing.price(qty=77) → 1 (1 of 41)
    ");
}

#[test]
fn a_tenth_of_the_iterations_is_one_line_for_each_place() {
    let mut prices = counting(1_000);
    let old = shop(&prices, |_| {});
    for price in prices.iter_mut().step_by(10) {
        price.0 += 5_000;
    }
    let new = shop(&prices, |_| {});
    let difference = compared(&old, &new);
    insta::assert_snapshot!(lines(&difference), @r"
    different: 2 differences in 2,001 calls
    at shop.main / loop 100 1 → 1 / shop.pricing.price
    Argument shop.pricing.price qty: 0 → 5000, 10 → 5010 (100 of 1000)
    Argument shop.pricing.tier qty: 0 → 5000, 10 → 5010 (100 of 1000)
    ");
    assert!(
        difference
            .changes
            .iter()
            .all(|change| change.has_more_values)
    );
}

#[test]
fn calls_that_come_go_and_change_places() {
    let old = shop(&[], |builder| {
        for name in ["a", "b", "c"] {
            builder.leaf(name, &[], "1");
        }
        builder.leaf("d", &[("x", "7")], "1");
    });
    let new = shop(&[], |builder| {
        for name in ["b", "c", "a", "e"] {
            builder.leaf(name, &[], "1");
        }
    });
    insta::assert_snapshot!(lines(&compared(&old, &new)), @r"
    different: 3 differences in 5 calls
    at shop.main
    Removed shop.d : shop.d(x=7) → 1 → - (1 of 1)
    Order shop.a : before shop.b → after shop.c (1 of 1)
    Added shop.e : - → shop.e() → 1 (1 of 1)
    ");
}

#[test]
fn an_exception_in_place_of_a_result() {
    let run = |fails: bool| {
        shop(&[], |builder| {
            builder.call("charge", &[("card", "'visa'")]);
            if fails {
                builder.raises("CardDeclined: no money");
            } else {
                builder.returns("True");
            }
        })
    };
    insta::assert_snapshot!(lines(&compared(&run(false), &run(true))), @r"
    different: 1 difference in 2 calls
    at shop.main / shop.charge
    Outcome shop.charge : returned True → raised CardDeclined: no money (1 of 1)
    ");
}

#[test]
fn another_exception_and_another_text() {
    let run = |text: &'static str| {
        shop(&[], |builder| {
            builder.call("charge", &[]);
            builder.raises(text);
        })
    };
    let texts = ["ValueError: 3", "ValueError: 4", "KeyError: 3"];
    let [one, other, third] = texts.map(run);
    assert_eq!(compared(&one, &other).changes[0].kind, Kind::Exception);
    assert_eq!(compared(&one, &third).changes[0].kind, Kind::Outcome);
}

#[test]
fn a_function_in_place_of_another_is_said_once() {
    let run = |name: &'static str| {
        shop(&[], |builder| {
            for qty in ["1", "2", "3"] {
                builder.leaf(name, &[("qty", qty)], "9");
            }
        })
    };
    let old = run("shop.pricing:price");
    let new = run("shop.pricing:cost");
    insta::assert_snapshot!(lines(&compared(&old, &new)), @r"
    different: 1 difference in 4 calls
    Function shop.pricing.cost : shop.pricing.price → shop.pricing.cost (3 of 3)
    ");
}

#[test]
fn an_argument_that_was_not_there() {
    let old = shop(&[], |builder| {
        builder.leaf("price", &[("qty", "1")], "9");
    });
    let new = shop(&[], |builder| {
        builder.leaf("price", &[("qty", "1"), ("tax", "0.2")], "9");
    });
    insta::assert_snapshot!(lines(&compared(&old, &new)), @r"
    different: 1 difference in 2 calls
    at shop.main / shop.price
    Argument shop.price tax: - → 0.2 (1 of 1)
    ");
}

#[test]
fn what_looks_like_a_time_or_an_address_is_proposed_and_ignored() {
    let run = |started: &'static str, widget: &'static str| {
        shop(&[], |builder| {
            builder.leaf("log", &[("started", started), ("widget", widget)], "None");
            builder.leaf("log", &[("started", started), ("widget", "None")], "None");
        })
    };
    let old = run("12.25", "<Widget at 0x7f3a2b1c4d50>");
    let new = run("13.5", "<Widget at 0x7f3a2b1c4d90>");
    insta::assert_snapshot!(lines(&compared(&old, &new)), @r"
    different: 2 differences in 3 calls
    at shop.main / shop.log
    Argument shop.log started: 12.25 → 13.5 (2 of 2)
    Argument shop.log widget: <Widget at 0x7f3a2b1c4d50> → <Widget at 0x7f3a2b1c4d90> (1 of 2)
    # 2 arguments differ only in what looks like a time or an address: repeat with --ignore time,address
    ");
    let ignoring = |ignore: &[Volatile]| {
        let ignore = ignore.to_vec();
        diff(&old, &new, &DiffQuery { ignore })
    };
    assert!(ignoring(&[Volatile::Time, Volatile::Address]).equal);
    let rest = ignoring(&[Volatile::Time]);
    assert_eq!(rest.changes.len(), 1);
    let proposal = rest.proposal.expect("an address is left");
    assert!(proposal.text.ends_with("--ignore time,address"));
}

#[test]
fn a_run_that_was_cut_is_compared_up_to_its_end() {
    let whole = shop(&counting(40), |_| {});
    let mut builder = TraceBuilder::new();
    builder.run().is_complete = false;
    builder.run().is_recovered = true;
    builder.loops("main", &[], &LOOP).call("main", &[]);
    for qty in 0..12 {
        let text = qty.to_string();
        builder
            .at(110)
            .call("shop.pricing:price", &[("qty", &text)]);
        if qty < 11 {
            builder
                .at(10)
                .leaf("shop.pricing:tier", &[("qty", &text)], "9");
            builder.returns("9").enters(100, 1);
        }
    }
    let cut = builder.trace();
    insta::assert_snapshot!(lines(&compared(&cut, &whole)), @r"
    equal: as far as both were recorded, 24 calls in the same order, with the same arguments, results and outcomes
    # the old run was recovered, its program was killed or runs still: compared up to its end; 57 calls of the new run lie behind it
    ");
    assert!(compared(&whole, &cut).equal);
}

#[test]
fn what_a_ring_dropped_is_no_difference() {
    let run = |first: i64, last: &str| {
        let mut builder = TraceBuilder::new();
        builder.left_out("calls dropped at the beginning", 7, &[]);
        for qty in first..20 {
            builder.leaf(
                "price",
                &[("qty", &qty.to_string())],
                if qty == 19 { last } else { "9" },
            );
        }
        builder.trace()
    };
    let equal = compared(&run(3, "9"), &run(9, "9"));
    assert!(equal.equal);
    assert!(
        equal
            .verdict
            .starts_with("equal: as far as both were recorded, 11 calls")
    );
    insta::assert_snapshot!(lines(&compared(&run(9, "9"), &run(3, "8"))), @r"
    different: 1 difference, 11 → 17 calls
    at shop.price
    Result shop.price : 9 → 8 (1 of 17)
    # the old run keeps its latest calls only: compared from where both have calls; 6 calls of the new run lie beyond it
    # the new run keeps its latest calls only: compared from where both have calls
    # both runs: left out: 7 calls dropped at the beginning
    ");
}

#[test]
fn threads_are_matched_by_what_they_are_not_by_number() {
    let run = |names: [&'static str; 3], last: &'static str| {
        let mut builder = TraceBuilder::new();
        let main = builder.call("main", &[]);
        for name in names {
            builder.new_thread(name, Some(main));
            let job = name.trim_start_matches(|c: char| !c.is_ascii_digit());
            builder.call("work", &[("job", job)]);
            builder.leaf("step", &[], if job == "3" { last } else { "1" });
            builder.returns("None");
        }
        builder.on_thread(0).returns("None");
        builder.trace()
    };
    let old = run(["pool-1", "pool-2", "pool-3"], "1");
    assert!(compared(&old, &run(["pool-3", "pool-1", "pool-2"], "1")).equal);
    insta::assert_snapshot!(lines(&compared(&old, &run(["pool-3", "pool-1", "pool-2"], "2"))), @r"
    different: 1 difference in 7 calls
    at pool-3 → pool-3 / shop.work / shop.step
    Result shop.step : 1 → 2 (1 of 3)
    ");
}

#[test]
fn a_chain_of_any_depth_is_compared() {
    let run = |last: &'static str| {
        let mut builder = TraceBuilder::new();
        for _ in 0..30_000 {
            builder.at(10).call("down", &[]);
        }
        builder.at(10).leaf("bottom", &[], last);
        for _ in 0..30_000 {
            builder.returns("None");
        }
        builder.trace()
    };
    let difference = compared(&run("1"), &run("2"));
    assert_eq!(difference.changes.len(), 1);
    let first = difference.first.expect("there is one");
    assert!(first.way.len() < 100);
    assert!(
        first.way.contains(&Waypoint::More { calls: 29_937 }),
        "{:?}",
        first.way[32]
    );
}

#[test]
fn without_values_calls_are_compared() {
    let old = shop(&counting(3), |_| {});
    let mut builder = TraceBuilder::new();
    builder.run().has_values = false;
    builder.loops("main", &[], &LOOP).call("main", &[]);
    for _ in 0..3 {
        builder.at(110).call("shop.pricing:price", &[("qty", "7")]);
        builder
            .at(10)
            .leaf("shop.pricing:tier", &[("qty", "7")], "8");
        builder.returns("8").enters(100, 1);
    }
    builder.returns("None");
    let difference = compared(&old, &builder.trace());
    assert!(difference.equal);
    assert!(difference.verdict.ends_with("with the same outcomes"));
}
