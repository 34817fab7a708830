//! What the page holds as JSON. `viewer/src/gen/page.ts` is made from these types.

use execmap_query::{
    CallNumber, FunctionKind, FunctionNumber, Lane, SPREAD_BINS, State, Trace, advice, info,
    left_out_line, of_function, rfc3339, shell_words,
};
use serde::Serialize;

use crate::map::MapLine;

/// What the page's file holds as JSON that is read before anything else.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PageHead {
    /// Version of the shape.
    #[cfg_attr(test, ts(type = "1"))]
    pub schema: u32,
    /// Facts of the run.
    pub run: RunFacts,
    /// Threads, by number.
    pub threads: Vec<LaneRow>,
    /// Tasks, by number.
    pub tasks: Vec<LaneRow>,
    /// Where each column lies in the decoded bytes.
    pub columns: Vec<ColumnSpec>,
    /// The map with what is closed in it, readable as text.
    pub map: Vec<MapLine>,
    /// The outermost calls: the number of a sequence of the folded tree.
    pub roots: u32,
}

/// What stands packed beside the calls, as JSON in the column `tables`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PageTables {
    /// All functions of the run; exact figures over all calls.
    pub functions: Vec<FunctionRow>,
    /// Texts of values and exceptions; index 0 is always "": nothing recorded.
    pub texts: Vec<String>,
}

/// Something that was left out of the trace.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(rename = "LeftOut"))]
pub struct LeftOutRow {
    /// Why, in words.
    pub reason: String,
    /// How often.
    pub count: u64,
    /// All of it as a line of words.
    pub line: String,
    /// What it means, and what to do about it; empty where there is nothing to do.
    pub advice: String,
}

/// Facts of the run.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RunFacts {
    /// The command line.
    pub command: String,
    /// Version of the Python that ran.
    pub python: String,
    /// Version of the execmap that recorded.
    pub execmap: String,
    /// File name of the trace.
    pub trace: String,
    /// When the recording began: ISO 8601, empty when unknown.
    pub started: String,
    /// From the first event to the last.
    pub duration_ns: u64,
    /// Calls of the run.
    pub calls: u64,
    /// Calls in the columns.
    pub held_calls: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Whether the recording came to its end.
    pub complete: bool,
    /// Whether something was taken from the side file of a run that did not end.
    pub recovered: bool,
    /// How the recording ended.
    #[cfg_attr(test, ts(type = "'whole' | 'stopped' | 'recovered' | 'cut_short'"))]
    pub state: State,
    /// How the recording ended, in a sentence.
    pub verdict: String,
    /// How long the program waited for what it had recorded to be written.
    pub waited_ns: u64,
    /// Whether frames were read in a poorer way than usual.
    pub degraded: bool,
    /// Calls that had not returned when the recording ended.
    pub unfinished: u64,
    /// What was left out.
    pub left_out: Vec<LeftOutRow>,
    /// Size of the trace.
    pub bytes: u64,
    /// How much was recorded.
    #[cfg_attr(test, ts(type = "'calls' | 'statements'"))]
    pub detail: String,
}

/// A thread or a task.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LaneRow {
    /// Its handle.
    pub handle: String,
    /// Its name in Python, and of which process it is where there are several.
    pub name: String,
    /// Calls that began on it.
    pub calls: u64,
    /// Number of the call that created it.
    pub created_by: Option<u32>,
}

/// A function over all calls of the run.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FunctionRow {
    /// Qualified name.
    pub name: String,
    /// `__name__` of its globals.
    pub module: String,
    /// Its file.
    pub file: String,
    /// The line where it begins.
    pub line: u32,
    /// Class or module it is drawn on.
    pub participant: String,
    /// The module of the class, the package of the module.
    pub package: String,
    /// What it is.
    #[cfg_attr(test, ts(type = "FunctionKind"))]
    pub kind: FunctionKind,
    /// Names of its arguments.
    pub args: Vec<String>,
    /// Whether the first of them is the object it was called on.
    pub has_receiver: bool,
    /// Its loops.
    pub loops: Vec<LoopRow>,
    /// How often it was called.
    pub calls: u64,
    /// Time it ran, calls from it included.
    pub total_ns: u64,
    /// Time it ran itself.
    pub self_ns: u64,
    /// Mean time a call ran.
    pub mean_ns: u64,
    /// The longest time one did.
    pub slowest_ns: u64,
    /// When it was first called.
    pub first_ns: u64,
    /// Calls that failed.
    pub failed: u64,
    /// 17 bins over the logarithm of the time.
    pub spread: Vec<u32>,
    /// Threads it was called on.
    pub threads: u32,
}

/// A loop of a function.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LoopRow {
    /// Offset of its header, by which repetitions name it.
    pub header: u32,
    /// The line of its head.
    pub line: u32,
}

/// A column in the decoded bytes: the lowest bytes of all elements, then the next bytes of all.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ColumnSpec {
    /// Name of the column.
    pub name: &'static str,
    /// Bytes of an element.
    pub width: u32,
    /// In bytes.
    pub offset: usize,
    /// In elements.
    pub length: usize,
}

/// Everything but the calls and what they point to.
pub(crate) fn head(trace: &Trace, map: Vec<MapLine>, roots: u32) -> PageHead {
    let calls = trace.calls();
    let mut by_thread = vec![0; trace.threads().len()];
    let mut by_task = vec![0; trace.tasks().len()];
    for call in calls.iter() {
        count(&mut by_thread, calls.thread(call).index());
        if let Some(task) = calls.task(call) {
            count(&mut by_task, task.index());
        }
    }
    PageHead {
        schema: 1,
        run: run_facts(trace),
        threads: lanes('t', trace, trace.threads(), &by_thread),
        tasks: lanes('k', trace, trace.tasks(), &by_task),
        columns: Vec::new(),
        map,
        roots,
    }
}

fn count(counts: &mut [u64], index: usize) {
    if let Some(count) = counts.get_mut(index) {
        *count += 1;
    }
}

fn run_facts(trace: &Trace) -> RunFacts {
    let run = trace.run();
    let row = |left: &execmap_query::LeftOut| LeftOutRow {
        reason: left.reason.clone(),
        count: left.count,
        line: left_out_line(&left.reason, left.count, &left.detail),
        advice: advice(&left.reason).to_owned(),
    };
    let info = info(trace);
    RunFacts {
        command: shell_words(&run.command),
        python: run.python.clone(),
        execmap: run.execmap.clone(),
        trace: run.trace.clone(),
        started: run.started_unix_ns.map(rfc3339).unwrap_or_default(),
        duration_ns: run.duration_ns,
        calls: trace.calls().count(),
        held_calls: 0,
        failures: info.failed.unwrap_or(0),
        complete: run.is_complete,
        recovered: run.is_recovered,
        state: info.state,
        verdict: info.verdict,
        waited_ns: info.waited_ns,
        degraded: info.degraded,
        unfinished: info.unfinished.unwrap_or(0),
        left_out: run.left_out.iter().map(row).collect(),
        bytes: run.bytes,
        detail: run.detail.clone(),
    }
}

pub(crate) fn functions(trace: &Trace) -> Vec<FunctionRow> {
    let numbers = 0..trace.functions().len() as u32;
    let mut functions: Vec<FunctionRow> = numbers.map(|index| function_row(trace, index)).collect();
    let lost = trace.calls().rows() as u64 - trace.calls().count();
    if lost > 0 {
        functions.push(lost_row(lost));
    }
    functions
}

fn function_row(trace: &Trace, index: u32) -> FunctionRow {
    let function = trace.function(FunctionNumber(index));
    let stats = of_function(trace, FunctionNumber(index));
    FunctionRow {
        name: stats.function,
        module: stats.module,
        file: stats.file,
        line: stats.line,
        participant: function.participant().to_owned(),
        package: function.package().to_owned(),
        kind: stats.kind,
        args: function.args.clone(),
        has_receiver: function.is_receiver(0),
        loops: loops(trace, FunctionNumber(index)),
        calls: stats.calls,
        total_ns: stats.total_ns,
        self_ns: stats.self_ns,
        mean_ns: stats.mean_ns,
        slowest_ns: stats.slowest_ns,
        first_ns: stats.first_ns,
        failed: stats.failed,
        spread: stats.spread,
        threads: stats.threads,
    }
}

fn loops(trace: &Trace, number: FunctionNumber) -> Vec<LoopRow> {
    let list = trace.function(number).loops.list().iter();
    let row = |header| {
        let line = trace.line(number, header)?;
        Some(LoopRow { header, line })
    };
    list.filter_map(|known| row(known.header)).collect()
}

/// Stands for calls whose beginning was lost with a damaged part of the trace.
fn lost_row(calls: u64) -> FunctionRow {
    FunctionRow {
        name: "not recorded".into(),
        module: String::new(),
        file: String::new(),
        line: 0,
        participant: "not recorded".into(),
        package: String::new(),
        kind: FunctionKind::Function,
        args: Vec::new(),
        has_receiver: false,
        loops: Vec::new(),
        calls,
        total_ns: 0,
        self_ns: 0,
        mean_ns: 0,
        slowest_ns: 0,
        first_ns: 0,
        failed: 0,
        spread: vec![0; SPREAD_BINS],
        threads: 0,
    }
}

fn lanes(letter: char, trace: &Trace, lanes: &[Lane], calls: &[u64]) -> Vec<LaneRow> {
    let numbered = lanes.iter().zip(calls).enumerate();
    numbered
        .map(|(index, (lane, calls))| LaneRow {
            handle: format!("{letter}-{index}"),
            name: trace.lane_name(lane).into_owned(),
            calls: *calls,
            created_by: lane.created_by.map(|CallNumber(number)| number),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use ts_rs::{Config, TS};

    const KINDS: &str =
        "'function' | 'generator' | 'coroutine' | 'async_generator' | 'module' | 'class'";

    const LINE_KINDS: &str = "'call' | 'more' | 'lane' | 'loop' | 'alternatives' | 'optional' | 'recursion' | 'parallel' | 'section'";

    fn declaration<T: TS>(config: &Config) -> String {
        let docs = T::docs().unwrap_or_default();
        neat(&format!("{docs}export {}", T::decl(config)))
    }

    /// A comment a line, a field a line.
    fn neat(declaration: &str) -> String {
        let text = declaration
            .replace("/**\n * ", "/** ")
            .replace("\n */", " */");
        let mut lines = Vec::new();
        for line in text
            .lines()
            .map(|line| line.trim().trim_end_matches([',', ';']).trim_end())
        {
            let is_outside = lines.iter().all(|line: &String| !line.ends_with('{'));
            match line.strip_suffix(", }").or(line.strip_suffix('}')) {
                Some(last) if !is_outside => lines.extend([
                    format!("  {}", last.trim_end().trim_end_matches(',')),
                    "}".into(),
                ]),
                _ if is_outside => lines.push(line.to_owned()),
                _ => lines.push(format!("  {line}")),
            }
        }
        lines.join("\n") + "\n"
    }

    /// Set `EXECMAP_GENERATE=1` to write the file.
    #[test]
    fn the_viewers_types_are_those_of_the_page() {
        let config = Config::new().with_large_int("number");
        let generated = [
            "// Made from crates/execmap-web/src/data.rs by its test; do not edit.\n".to_owned(),
            format!("export type FunctionKind = {KINDS}\n"),
            "/** All of it, put together. */\nexport type PageData = PageHead & PageTables\n"
                .to_owned(),
            declaration::<PageHead>(&config),
            declaration::<PageTables>(&config),
            declaration::<LeftOutRow>(&config),
            declaration::<RunFacts>(&config),
            declaration::<LaneRow>(&config),
            declaration::<FunctionRow>(&config),
            declaration::<ColumnSpec>(&config),
            declaration::<MapLine>(&config),
            declaration::<LoopRow>(&config),
            format!("export type MapLineKind = {LINE_KINDS}\n"),
        ]
        .join("\n");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../viewer/src/gen/page.ts");
        if std::env::var_os("EXECMAP_GENERATE").is_some() {
            std::fs::write(&path, &generated).expect("the viewer's folder can be written");
        }
        let present = std::fs::read_to_string(&path).expect("the viewer's types are there");
        assert!(
            present == generated,
            "stale: run `EXECMAP_GENERATE=1 cargo test -p execmap-web`\n{generated}"
        );
    }
}
