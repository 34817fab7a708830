//! The whole trace as one JSON object: facts, functions, processes, threads, tasks, calls.

use std::io::{self, Write};

use execmap_query::{
    CallNumber, Lane, ProcessNumber, StatsQuery, StatsSort, TaskNumber, ThreadNumber, Trace, info,
    process_rows, rows, stats,
};
use serde::Serialize;

#[derive(Serialize)]
struct LaneRow<'t, H> {
    handle: H,
    name: &'t str,
    process: ProcessNumber,
    created_by: Option<CallNumber>,
}

/// Writes the whole trace; calls are the rows of [`crate::ndjson`].
pub fn write(trace: &Trace, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"{\"schema\":1,\"info\":")?;
    serde_json::to_writer(&mut *out, &info(trace))?;
    out.write_all(b",\n\"functions\":")?;
    let by_calls = StatsQuery {
        sort: StatsSort::Calls,
        ..StatsQuery::default()
    };
    serde_json::to_writer(&mut *out, &stats(trace, &by_calls).functions)?;
    out.write_all(b",\n\"processes\":")?;
    serde_json::to_writer(&mut *out, &process_rows(trace))?;
    out.write_all(b",\n\"threads\":")?;
    serde_json::to_writer(&mut *out, &lanes(trace.threads(), ThreadNumber))?;
    out.write_all(b",\n\"tasks\":")?;
    serde_json::to_writer(&mut *out, &lanes(trace.tasks(), TaskNumber))?;
    out.write_all(b",\n\"calls\":[")?;
    for (position, row) in rows(trace).enumerate() {
        out.write_all(if position == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *out, &row)?;
    }
    out.write_all(b"\n]}\n")
}

fn lanes<H>(lanes: &[Lane], handle: fn(u32) -> H) -> Vec<LaneRow<'_, H>> {
    let numbered = (0..).zip(lanes);
    numbered
        .map(|(index, lane)| LaneRow {
            handle: handle(index),
            name: &lane.name,
            process: lane.process,
            created_by: lane.created_by,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use execmap_query::testing::shop;

    #[test]
    fn the_whole_is_one_object() {
        let mut out = Vec::new();
        write(&shop(), &mut out).expect("memory can be written");
        let whole: serde_json::Value = serde_json::from_slice(&out).expect("it is JSON");
        assert_eq!(whole["info"]["calls"], 11);
        assert_eq!(whole["calls"].as_array().map(Vec::len), Some(11));
        assert_eq!(whole["functions"][0]["function"], "price");
        assert_eq!(whole["threads"][0]["handle"], "t-0");
    }
}
