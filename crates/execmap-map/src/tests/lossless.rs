//! What is folded unfolds to the same calls, in the same iterations.

use execmap_query::testing::TraceBuilder;
use execmap_query::{CallNumber, Outcome, Trace};
use proptest::prelude::*;

use crate::{Arena, Elem, End, Folded, NO_SITE, RepeatKind, SeqId};

/// What a function does: its calls and loops in order.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Calls a function, whose own acts follow.
    Call(u8, Vec<Act>),
    /// The same, but it fails.
    Fails(u8, Vec<Act>),
    /// A loop with what each iteration does.
    Loop(Vec<Vec<Act>>),
}

pub(crate) fn acts() -> impl Strategy<Value = Vec<Act>> {
    let leaf = (0u8..4).prop_map(|name| Act::Call(name, Vec::new()));
    let act = leaf.prop_recursive(5, 60, 5, |inner| {
        let some = || prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            4 => (0u8..4, some()).prop_map(|(name, acts)| Act::Call(name, acts)),
            1 => (0u8..4, some()).prop_map(|(name, acts)| Act::Fails(name, acts)),
            3 => prop::collection::vec(some(), 1..6).prop_map(Act::Loop),
        ]
    });
    prop::collection::vec(act, 0..6)
}

/// Loops of every function: three deep, twice in a row. Places of calls lie between.
const LOOPS: [(u32, u32, bool); 6] = [
    (100, 498, true),
    (200, 398, true),
    (300, 338, true),
    (1100, 1498, true),
    (1200, 1398, true),
    (1300, 1338, true),
];

/// The first call of each loop's body is made here, those that follow two further on.
const BODIES: [u32; 6] = [102, 202, 302, 1102, 1202, 1302];

struct Writer {
    builder: TraceBuilder,
}

impl Writer {
    fn run(&mut self, acts: &[Act]) {
        let (mut site, mut loops) = (10, 0);
        for act in acts {
            match act {
                Act::Loop(iterations) => {
                    if loops < 2 {
                        self.repeat(iterations, loops * 3);
                        site = [510, 1510][loops];
                        loops += 1;
                    }
                }
                act => {
                    site += 2;
                    self.call(act, site);
                }
            }
        }
    }

    fn call(&mut self, act: &Act, site: u32) {
        let (Act::Call(name, acts) | Act::Fails(name, acts)) = act else {
            return;
        };
        let name = format!("f{name}");
        self.builder.loops(&name, &[], &LOOPS);
        self.builder.at(site).call(&name, &[]);
        self.run(acts);
        match act {
            Act::Fails(..) => self.builder.raises("ValueError: no"),
            _ => self.builder.returns("None"),
        };
    }

    fn repeat(&mut self, iterations: &[Vec<Act>], position: usize) {
        for iteration in iterations {
            let mut site = BODIES[position];
            let mut had_loop = false;
            for act in iteration {
                match act {
                    Act::Loop(inner) => {
                        if position % 3 < 2 && !had_loop {
                            self.repeat(inner, position + 1);
                            had_loop = true;
                            site = LOOPS[position + 1].1 + 10;
                        }
                    }
                    act => {
                        site += 2;
                        self.call(act, site);
                    }
                }
            }
            self.builder.enters(LOOPS[position].0, 1);
        }
    }
}

pub(crate) fn traced(acts: &[Act]) -> Trace {
    let mut writer = Writer {
        builder: TraceBuilder::new(),
    };
    writer.builder.loops("main", &[], &LOOPS).call("main", &[]);
    writer.run(acts);
    writer.builder.returns("None");
    writer.builder.trace()
}

/// What an iteration of the program did: functions, and loops with their iterations.
fn told(acts: &[Act], position: Option<usize>) -> Vec<String> {
    let (mut lines, mut loops) = (Vec::new(), 0);
    for act in acts {
        match act {
            Act::Call(name, acts) => lines.push(format!("f{name}({})", told(acts, None).join(" "))),
            Act::Fails(name, acts) => {
                lines.push(format!("f{name}({})×", told(acts, None).join(" ")));
            }
            Act::Loop(iterations) => {
                let inner = match position {
                    None if loops < 2 => loops * 3,
                    Some(position) if position % 3 < 2 && loops == 0 => position + 1,
                    _ => continue,
                };
                loops += 1;
                let iterations: Vec<String> = iterations
                    .iter()
                    .map(|acts| told(acts, Some(inner)).join(" "))
                    .collect();
                if iterations.iter().any(|iteration| !iteration.is_empty()) {
                    lines.push(format!("[{}]", iterations.join("|")));
                }
            }
        }
    }
    lines
}

fn told_by_fold(trace: &Trace, arena: &Arena, seq: SeqId) -> Vec<String> {
    let mut lines = Vec::new();
    for part in arena.parts(seq) {
        match part {
            Elem::Call { node, .. } => {
                let node = arena.node_of(*node);
                let name = &trace.functions()[node.function as usize].name;
                let sign = if node.end == End::Returned { "" } else { "×" };
                let inside = told_by_fold(trace, arena, node.body).join(" ");
                lines.push(format!("{name}({inside}){sign}"));
            }
            Elem::Repeat(id) => {
                let repeat = arena.repeat_of(*id);
                assert!(
                    matches!(repeat.kind, RepeatKind::Loop(_)),
                    "no other was made"
                );
                let mut iterations = Vec::new();
                for iteration in 0..repeat.iterations() {
                    let (seq, _) = arena.iteration(*id, iteration).expect("it is there");
                    iterations.push(told_by_fold(trace, arena, seq).join(" "));
                }
                assert!(arena.iteration(*id, repeat.iterations()).is_none());
                lines.push(format!("[{}]", iterations.join("|")));
            }
        }
    }
    lines
}

/// All calls are there again, each with its function, place, caller and end.
pub(crate) fn assert_lossless(trace: &Trace) -> Folded {
    let folded = Folded::of(trace);
    let calls = trace.calls();
    let mut seen = vec![false; calls.rows()];
    let mut count = 0;
    for unfolded in folded.unfold() {
        let call = folded.call_at(unfolded.position);
        assert!(
            !std::mem::replace(&mut seen[call.index()], true),
            "{call:?} comes once"
        );
        count += 1;
        let caller = unfolded.caller.map(|position| folded.call_at(position));
        assert_eq!(caller, calls.parent(call));
        assert_eq!(unfolded.node.function, calls.function(call).0);
        let site = calls.parent(call).and(calls.site(call));
        assert_eq!(unfolded.site, site.unwrap_or(NO_SITE));
        let is_same = match unfolded.node.end {
            End::Returned => calls.outcome(call) == Outcome::Returned,
            End::Closed => calls.outcome(call) == Outcome::Closed,
            End::Unfinished => calls.outcome(call) == Outcome::Unfinished,
            End::Exit => calls.outcome(call) == Outcome::Raised && !calls.has_failed(call),
            End::Failed(_) => calls.has_failed(call),
        };
        assert!(is_same, "{call:?} ended as it did");
    }
    assert_eq!(count, calls.count());
    assert_eq!(folded.arena.seq_totals(folded.roots).calls, calls.count());
    folded
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_program_unfolds_to_its_calls_and_iterations(acts in acts()) {
        let trace = traced(&acts);
        let folded = assert_lossless(&trace);
        let told_by_fold = told_by_fold(&trace, &folded.arena, folded.roots);
        let told = format!("main({})", told(&acts, None).join(" "));
        prop_assert_eq!(told_by_fold, [told]);
    }

    /// Calls on several threads, suspended and resumed, whoever ends first.
    #[test]
    fn calls_that_overlap_unfold_too(steps in prop::collection::vec((0u32..3, 0u8..6), 0..80)) {
        let mut builder = TraceBuilder::new();
        for thread in 1..3 {
            builder.new_thread(&format!("t{thread}"), None);
        }
        let mut depth = [0; 3];
        let mut waiting: Vec<CallNumber> = Vec::new();
        for (thread, what) in steps {
            builder.on_thread(thread);
            let depth = &mut depth[thread as usize];
            match what {
                0..=2 => {
                    builder.call(["a", "b", "c"][usize::from(what)], &[]);
                    *depth += 1;
                }
                3 if *depth > 0 => {
                    builder.returns("1");
                    *depth -= 1;
                }
                4 if *depth > 0 => {
                    waiting.push(builder.suspends());
                    *depth -= 1;
                }
                5 if !waiting.is_empty() => {
                    builder.resumes(waiting.remove(0));
                    *depth += 1;
                }
                _ => {}
            }
        }
        assert_lossless(&builder.trace());
    }
}

#[test]
fn equal_iterations_are_kept_once() {
    let body = || {
        vec![
            Act::Call(0, Vec::new()),
            Act::Call(1, vec![Act::Call(2, Vec::new())]),
        ]
    };
    let trace = traced(&[Act::Loop((0..1_000).map(|_| body()).collect())]);
    let folded = assert_lossless(&trace);
    let (nodes, seqs, repeats) = folded.arena.len();
    assert!(nodes + seqs + repeats < 12, "{nodes} {seqs} {repeats}");
}
