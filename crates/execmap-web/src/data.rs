//! What the page holds as JSON. `viewer/src/gen/page.ts` is made from these types.

use execmap_map::{MapQuery, MapRow, Message, build};
use execmap_query::{
    CallNumber, FunctionKind, FunctionNumber, Lane, SPREAD_BINS, State, Trace, advice, cut, info,
    left_out_line, of_function, rfc3339, shell_words, visible,
};
use serde::Serialize;

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
    /// The map collapsed by depth, readable as text.
    pub map: Vec<MapNode>,
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

/// A column in the decoded bytes: the lowest bytes of all elements, then the next bytes of all.
#[derive(Debug, Serialize)]
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

/// A call of the map with those below it that are shown.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MapNode {
    /// Number of the call.
    pub call: u32,
    /// Position of its function.
    pub function: u32,
    /// Name and arguments.
    pub label: String,
    /// What it returned, or empty.
    pub result: String,
    /// The exception that left it, or empty.
    pub failure: String,
    /// Calls below it, shown or not.
    pub calls_inside: u64,
    /// Calls below it that are shown.
    pub children: Vec<MapNode>,
}

/// Everything but the calls and what they point to.
pub(crate) fn head(trace: &Trace) -> PageHead {
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
        map: map_nodes(trace),
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

/// Values on the map are cut to so many characters.
const MAP_CHARS: usize = 40;

fn map_nodes(trace: &Trace) -> Vec<MapNode> {
    let map = build(trace, &MapQuery::default());
    let mut levels: Vec<Vec<MapNode>> = vec![Vec::new()];
    for row in &map.rows {
        if let MapRow::Call(message) = row {
            close_levels(&mut levels, message.level as usize + 1);
            if let Some(siblings) = levels.last_mut() {
                siblings.push(map_node(message));
            }
            levels.push(Vec::new());
        }
    }
    close_levels(&mut levels, 1);
    levels.pop().unwrap_or_default()
}

/// Hands calls that are complete to the call above them.
fn close_levels(levels: &mut Vec<Vec<MapNode>>, open: usize) {
    while levels.len() > open {
        let children = levels.pop().unwrap_or_default();
        if let Some(parent) = levels.last_mut().and_then(|siblings| siblings.last_mut()) {
            parent.children = children;
        }
    }
}

fn map_node(message: &Message) -> MapNode {
    let arg =
        |(name, value): &(String, String)| format!("{name}={}", cut(&visible(value), MAP_CHARS));
    let args = if message.has_unknown_args {
        "…".to_owned()
    } else {
        message.args.iter().map(arg).collect::<Vec<_>>().join(", ")
    };
    let failure = match &message.exception {
        _ if !message.has_failed => String::new(),
        Some(text) => visible(text).into_owned(),
        None => "an exception".to_owned(),
    };
    MapNode {
        call: message.handle.0,
        function: message.function,
        label: format!("{}({args})", message.name),
        result: message.result.as_deref().map_or_else(String::new, |text| {
            cut(&visible(text), MAP_CHARS).into_owned()
        }),
        failure,
        calls_inside: message.calls_inside,
        children: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use ts_rs::{Config, TS};

    const KINDS: &str =
        "'function' | 'generator' | 'coroutine' | 'async_generator' | 'module' | 'class'";

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
            declaration::<MapNode>(&config),
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
