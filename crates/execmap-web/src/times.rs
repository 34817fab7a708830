//! Starts and ends of calls, each as the time since what happened before it.
//!
//! Rows are gone through in order. A call that begins ends the calls of its
//! thread or task that are as deep or deeper, innermost first, its caller not
//! among them; then it begins. Each of these is told by the time since the
//! latest known moment: of what was told before it in its thread or task, and
//! of the start of the row before. What has not ended after the last row ends
//! last, from the last call to the first, each told by the time since its own
//! start. Who reads the columns does the same. Times may go back, so they are
//! folded: 0, -1, 1, -2, 2 are 0, 1, 2, 3, 4. In the column of ends that is one
//! more, and 0 stands for a call that did not end.

use execmap_query::{CallNumber, Calls, TaskNumber, ThreadNumber};
use rustc_hash::FxHashMap;

/// The two columns.
pub(crate) struct Times {
    pub(crate) starts: Vec<u64>,
    pub(crate) ends: Vec<u64>,
}

/// A thread or task on the way through the rows.
#[derive(Clone, Copy, Default)]
struct Lane {
    /// The call that began last.
    top: Option<CallNumber>,
    /// The latest moment that was told.
    clock: u64,
}

/// Encodes the times of the first `rows` calls.
pub(crate) fn encode(calls: &Calls, rows: usize) -> Times {
    let mut writer = Writer {
        calls,
        depths: Vec::with_capacity(rows),
        is_told: vec![false; rows],
        times: Times {
            starts: Vec::with_capacity(rows),
            ends: vec![0; rows],
        },
    };
    let mut lanes: FxHashMap<LaneKey, Lane> = FxHashMap::default();
    let mut latest = 0;
    for call in (0..rows as u32).map(CallNumber) {
        let lane = lanes.entry(lane_key(calls, call)).or_default();
        let depth = calls
            .parent(call)
            .map_or(0, |parent| writer.depths[parent.index()] + 1);
        writer.depths.push(depth);
        writer.end_down_to(call, depth, lane);
        lane.clock = lane.clock.max(latest);
        if calls.contains(call) {
            latest = calls.start_ns(call);
        }
        writer.times.starts.push(folded(latest, lane.clock));
        *lane = Lane {
            top: Some(call),
            clock: latest,
        };
    }
    for call in (0..rows as u32).rev().map(CallNumber) {
        let mut start = calls.start_ns(call);
        writer.end(call, &mut start);
    }
    writer.times
}

type LaneKey = (ThreadNumber, Option<TaskNumber>);

fn lane_key(calls: &Calls, call: CallNumber) -> LaneKey {
    (calls.thread(call), calls.task(call))
}

struct Writer<'c> {
    calls: &'c Calls,
    depths: Vec<u32>,
    is_told: Vec<bool>,
    times: Times,
}

impl Writer<'_> {
    /// Ends what cannot be around a call of this depth.
    fn end_down_to(&mut self, call: CallNumber, depth: u32, lane: &mut Lane) {
        let caller = self.calls.parent(call);
        let own = lane_key(self.calls, call);
        let mut next = lane.top;
        while let Some(above) = next {
            let is_around = Some(above) == caller || self.depths[above.index()] + 1 < depth;
            if is_around || self.is_told[above.index()] || lane_key(self.calls, above) != own {
                return;
            }
            self.end(above, &mut lane.clock);
            next = self.calls.parent(above);
        }
    }

    fn end(&mut self, call: CallNumber, clock: &mut u64) {
        if std::mem::replace(&mut self.is_told[call.index()], true) {
            return;
        }
        if let Some(end) = self.calls.end_ns(call) {
            self.times.ends[call.index()] = folded(end, *clock) + 1;
            *clock = end;
        }
    }
}

/// A difference without a sign; small where the difference is small.
fn folded(at: u64, before: u64) -> u64 {
    if at >= before {
        (at - before) << 1
    } else {
        ((before - at) << 1) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use execmap_query::testing::TraceBuilder;

    #[test]
    fn times_are_those_since_the_moment_before() {
        let mut builder = TraceBuilder::new();
        builder.call("main", &[]);
        builder.leaf("one", &[], "None");
        builder.call("two", &[]);
        builder.leaf("three", &[], "None");
        builder.returns("None").wait(5).returns("None");
        builder.call("open", &[]);
        let times = encode(builder.trace().calls(), 5);
        let us = |n: u64| n * 2_000;
        assert_eq!(times.starts, [us(1), us(1), us(1), us(1), us(1)]);
        assert_eq!(times.ends, [us(6) + 1, us(1) + 1, us(1) + 1, us(1) + 1, 0]);
    }

    #[test]
    fn differences_go_both_ways() {
        assert_eq!(
            [(5, 5), (4, 5), (6, 5), (3, 5)].map(|(at, before)| folded(at, before)),
            [0, 1, 2, 3]
        );
    }
}
