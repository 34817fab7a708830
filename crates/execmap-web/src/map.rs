//! The folded map in the page: its rows, as JSON, and the folded tree, as columns.
//!
//! The rows are those of the map that the commands write, and behind each closed
//! one what is inside it, as far as there is room. Everything else, any iteration
//! of any loop among it, the viewer finds in the folded tree:
//!
//! | column | element |
//! | --- | --- |
//! | `node_function` | position of the function of a distinct call |
//! | `node_end` | how it ended, as in `outcome`, and 8 where it is on another lane than its caller |
//! | `node_body` | the sequence of what it called |
//! | `seq_length` | how many parts a sequence has |
//! | `part` | parts of all sequences: twice the number of a call, or of a repetition and one |
//! | `repeat_head` | four times the header's offset and one, 0 for none; 1 where calls came from one place without a loop; 2 where iterations were not counted |
//! | `repeat_length` | how many runs a repetition has |
//! | `run_seq`, `run_times` | runs of all repetitions: what iterations did, and how many in a row |
//! | `order_length`, `order_call` | stretches of calls in the order of the tree whose numbers are in a row: how many, and the first |

use execmap_map::{
    BlockKind, Elem, End, Folded, MapQuery, MapRow, Message, NO_SITE, OutlineRow, RepeatId,
    RepeatKind, outline,
};
use execmap_query::{CallNumber, Outcome, Trace, cut, visible};
use serde::Serialize;

use crate::columns::{Columns, EXITED};

/// Calls and blocks that are kept of what is closed.
const MOST_CLOSED: usize = 600;

/// Values are cut to so many characters.
const VALUE_CHARS: usize = 80;

/// A row of the map. What is inside it follows it.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MapLine {
    /// What it is.
    #[cfg_attr(test, ts(type = "MapLineKind"))]
    pub kind: &'static str,
    /// Name of the function, head of the block or section, name of the lane.
    pub text: String,
    /// How many of the rows that follow are inside it.
    #[serde(skip_serializing_if = "is_zero")]
    #[cfg_attr(test, ts(optional, as = "Option<usize>"))]
    pub inside: usize,
    /// Whether these are rows of the first picture.
    #[serde(skip_serializing_if = "is_false")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub open: bool,
    /// Number of the call, of the first of them, or of the first in the loop.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub call: Option<u32>,
    /// Position of its function.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub function: Option<u32>,
    /// Calls it stands for, iterations, how often a section was gone through.
    #[serde(skip_serializing_if = "is_zero")]
    #[cfg_attr(test, ts(optional, as = "Option<u64>"))]
    pub times: u64,
    /// Names of arguments with their value, or what values they had.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<(String, String)>>"))]
    pub args: Vec<(String, String)>,
    /// What it returned, or what values these were.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub result: Option<String>,
    /// The exception that left it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub exception: Option<String>,
    /// How it ended, as in the column `outcome`.
    #[serde(skip_serializing_if = "is_zero")]
    #[cfg_attr(test, ts(optional, as = "Option<u8>"))]
    pub outcome: u8,
    /// Calls below it.
    #[serde(skip_serializing_if = "is_zero")]
    #[cfg_attr(test, ts(optional, as = "Option<u64>"))]
    pub calls_inside: u64,
    /// Whether it goes on where its recursion is drawn.
    #[serde(skip_serializing_if = "is_false")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub again: bool,
    /// The function that started its thread or task.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub creator: Option<u32>,
    /// Number of its thread.
    #[serde(skip_serializing_if = "is_zero")]
    #[cfg_attr(test, ts(optional, as = "Option<u32>"))]
    pub thread: u32,
    /// Number of its task.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub task: Option<u32>,
    /// The repetition, where the loop was gone through once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub repeat: Option<u32>,
}

fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// The rows of the map with what is closed in it.
pub(crate) fn lines(trace: &Trace, folded: &Folded) -> Vec<MapLine> {
    let rows = outline(trace, folded, &MapQuery::default(), MOST_CLOSED).unwrap_or_default();
    let is_end = |row: &OutlineRow| matches!(row.row, MapRow::End(_));
    let mut ends = vec![0];
    for row in &rows {
        ends.push(ends[ends.len() - 1] + usize::from(is_end(row)));
    }
    let numbered = rows.iter().enumerate().filter(|(_, row)| !is_end(row));
    let line = |(index, row): (usize, &OutlineRow)| MapLine {
        inside: row.inside - (ends[index + 1 + row.inside] - ends[index + 1]),
        open: row.is_open && row.inside > 0,
        repeat: row.repeat.map(RepeatId::number),
        ..line(trace, row)
    };
    numbered.map(line).collect()
}

fn line(trace: &Trace, row: &OutlineRow) -> MapLine {
    let text = |text: &str| visible(text).into_owned();
    match &row.row {
        MapRow::Call(message) => call_line(trace, message),
        MapRow::More(more) => MapLine {
            kind: "more",
            text: match more.bodies {
                Some(bodies) => bodies.counted(more.calls),
                None => text(more.function.as_deref().unwrap_or_default()),
            },
            times: more.calls,
            calls_inside: more.calls_inside,
            ..MapLine::default()
        },
        MapRow::Lane(lane) => MapLine {
            kind: "lane",
            text: text(&lane.name),
            thread: lane.thread.0,
            task: lane.task.map(|task| task.0),
            ..MapLine::default()
        },
        MapRow::Block(block) => MapLine {
            kind: kind(block.block),
            text: text(&block.text),
            times: block.times,
            call: row.first.map(|CallNumber(number)| number),
            ..MapLine::default()
        },
        MapRow::Section(section) => MapLine {
            kind: "section",
            text: text(&section.text),
            times: section.times,
            ..MapLine::default()
        },
        MapRow::End(_) => MapLine::default(),
    }
}

fn kind(block: BlockKind) -> &'static str {
    match block {
        BlockKind::Loop => "loop",
        BlockKind::Alternatives => "alternatives",
        BlockKind::Optional => "optional",
        BlockKind::Recursion => "recursion",
        BlockKind::Parallel => "parallel",
    }
}

fn call_line(trace: &Trace, message: &Message) -> MapLine {
    let calls = trace.calls();
    let call = message.handle;
    let value = |text: &str| cut(&visible(text), VALUE_CHARS).into_owned();
    let args = message.args.iter();
    let creator = calls
        .created_by(call)
        .filter(|creator| calls.contains(*creator));
    MapLine {
        kind: "call",
        text: visible(&message.name).into_owned(),
        call: Some(call.0),
        function: Some(message.function),
        times: message.times,
        args: args
            .map(|(name, text)| (name.clone(), value(text)))
            .collect(),
        result: message.result.as_deref().map(value),
        exception: message
            .exception
            .as_deref()
            .map(|text| visible(text).into_owned()),
        outcome: match message.outcome {
            Outcome::Raised if !message.has_failed => EXITED,
            outcome => outcome as u8,
        },
        calls_inside: message.calls_inside,
        again: message.again,
        creator: creator.map(|creator| calls.function(creator).0),
        thread: calls.thread(call).0,
        task: calls.task(call).map(|task| task.0),
        ..MapLine::default()
    }
}

const MOVES: u8 = 8;

/// The folded tree.
pub(crate) fn columns(folded: &Folded) -> Columns {
    let arena = &folded.arena;
    let mut out = Columns::default();
    let end = |end| match end {
        End::Returned => Outcome::Returned as u8,
        End::Failed(_) => Outcome::Raised as u8,
        End::Closed => Outcome::Closed as u8,
        End::Unfinished => Outcome::Unfinished as u8,
        End::Exit => EXITED,
    };
    let moves = |moves| if moves { MOVES } else { 0 };
    let nodes = || arena.nodes();
    out.put("node_function", nodes().map(|node| node.function));
    out.put(
        "node_end",
        nodes().map(|node| end(node.end) + moves(node.moves)),
    );
    out.put("node_body", nodes().map(|node| node.body.number()));
    out.put("seq_length", arena.seqs().map(|parts| parts.len() as u32));
    let part = |part: &Elem| match part {
        Elem::Call { node, .. } => u64::from(node.number()) * 2,
        Elem::Repeat(repeat) => u64::from(repeat.number()) * 2 + 1,
    };
    out.put("part", arena.seqs().flatten().map(part));
    let repeats = || arena.repeats();
    let head = |kind, is_exact: bool| {
        let (offset, is_site) = match kind {
            RepeatKind::Loop(offset) => (offset, false),
            RepeatKind::Site(offset) => (offset, true),
        };
        let offset = if offset == NO_SITE {
            0
        } else {
            u64::from(offset) + 1
        };
        offset * 4 + u64::from(is_site) + if is_exact { 0 } else { 2 }
    };
    out.put(
        "repeat_head",
        repeats().map(|repeat| head(repeat.kind, repeat.is_exact)),
    );
    out.put(
        "repeat_length",
        repeats().map(|repeat| repeat.runs.len() as u32),
    );
    let runs = || repeats().flat_map(|repeat| repeat.runs.iter());
    out.put("run_seq", runs().map(|run| run.0.number()));
    out.put("run_times", runs().map(|run| run.1));
    let starts = folded.order();
    let all = arena.seq_totals(folded.roots).calls;
    let ends = starts.iter().skip(1).map(|run| run.0).chain([all]);
    out.put(
        "order_length",
        starts.iter().zip(ends).map(|(run, end)| end - run.0),
    );
    out.put("order_call", starts.iter().map(|run| run.1));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use execmap_map::fold_map;
    use execmap_query::testing::{TraceBuilder, shop};

    /// Numbers of a column.
    fn column(columns: &Columns, name: &str) -> Vec<u64> {
        let is_it = |spec: &&crate::data::ColumnSpec| spec.name == name;
        let spec = columns.specs.iter().find(is_it).expect("it is there");
        let byte = |plane: usize, row: usize| {
            u64::from(columns.bytes[spec.offset + plane * spec.length + row]) << (8 * plane)
        };
        let number = |row| (0..spec.width as usize).map(|plane| byte(plane, row)).sum();
        (0..spec.length).map(number).collect()
    }

    /// Functions of all calls below a sequence, in order, as the columns tell them.
    struct Reader {
        ends: Vec<usize>,
        columns: [Vec<u64>; 5],
        runs: Vec<Vec<(u64, u64)>>,
    }

    impl Reader {
        fn of(columns: &Columns) -> Self {
            let get = |name| column(columns, name);
            let mut ends = vec![0];
            for length in get("seq_length") {
                ends.push(ends[ends.len() - 1] + length as usize);
            }
            let mut all = get("run_seq").into_iter().zip(get("run_times"));
            let lengths = get("repeat_length").into_iter();
            let runs = lengths.map(|length| all.by_ref().take(length as usize).collect());
            Reader {
                runs: runs.collect(),
                ends,
                columns: [
                    "part",
                    "node_function",
                    "node_end",
                    "node_body",
                    "repeat_head",
                ]
                .map(get),
            }
        }

        fn unfold(&self, seq: u64, into: &mut Vec<(u64, u64)>) {
            let [parts, functions, ends, bodies, _] = &self.columns;
            for part in &parts[self.ends[seq as usize]..self.ends[seq as usize + 1]] {
                let number = (part / 2) as usize;
                if part % 2 == 0 {
                    into.push((functions[number], ends[number]));
                    self.unfold(bodies[number], into);
                    continue;
                }
                for (seq, times) in &self.runs[number] {
                    for _ in 0..*times {
                        self.unfold(*seq, into);
                    }
                }
            }
        }
    }

    fn looping() -> Trace {
        let mut builder = TraceBuilder::new();
        builder.loops("main", &[], &[(100, 198, true)]);
        builder.call("main", &[]);
        for index in 0..1_000u32 {
            builder.at(110).call("step", &[("at", &index.to_string())]);
            if index % 10 == 3 {
                builder.leaf("rare", &[], "None");
            }
            builder.returns("None").enters(100, 1);
        }
        builder.at(300).call("down", &[]);
        builder.call("down", &[]);
        builder.raises("ValueError: bad").returns("None");
        builder.returns("None");
        builder.trace()
    }

    #[test]
    fn the_columns_of_the_folded_tree_unfold_to_all_calls() {
        for trace in [shop(), looping()] {
            let folded = Folded::of(&trace);
            let columns = columns(&folded);
            let mut told = Vec::new();
            Reader::of(&columns).unfold(u64::from(folded.roots.number()), &mut told);
            let calls = trace.calls();
            let stretches = column(&columns, "order_call");
            let lengths = column(&columns, "order_length");
            let order = stretches.iter().zip(&lengths);
            let order = order.flat_map(|(first, length)| *first..first + length);
            let known = order.map(|number| {
                let call = CallNumber(number as u32);
                let outcome = match calls.outcome(call) {
                    Outcome::Raised if !calls.has_failed(call) => EXITED,
                    outcome => outcome as u8,
                };
                (u64::from(calls.function(call).0), u64::from(outcome))
            });
            assert_eq!(told, known.collect::<Vec<_>>());
        }
    }

    #[test]
    fn open_lines_are_the_rows_of_the_map() {
        for trace in [shop(), looping()] {
            let folded = Folded::of(&trace);
            let lines = lines(&trace, &folded);
            let (mut open, mut next) = (Vec::new(), 0);
            while let Some(line) = lines.get(next) {
                open.push((line.kind, line.times));
                next += if line.open { 1 } else { 1 + line.inside };
            }
            let map = fold_map(&trace, &folded, &MapQuery::default()).expect("there is room");
            let rows = map.rows.iter().filter_map(|row| match row {
                MapRow::Call(message) => Some(("call", message.times)),
                MapRow::Block(block) => Some((kind(block.block), block.times)),
                MapRow::Section(section) => Some(("section", section.times)),
                MapRow::More(more) => Some(("more", more.calls)),
                MapRow::Lane(_) => Some(("lane", 0)),
                MapRow::End(_) => None,
            });
            assert_eq!(open, rows.collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_loop_names_its_repetition_and_its_first_call() {
        let trace = looping();
        let lines = lines(&trace, &Folded::of(&trace));
        let found = lines.iter().find(|line| line.kind == "loop");
        let found = found.expect("there is a loop");
        assert!(
            found.repeat.is_some() && found.call == Some(1) && found.open,
            "{found:?}"
        );
        let step = lines
            .iter()
            .find(|line| line.text == "step")
            .expect("it is called");
        assert_eq!((step.times, step.args[0].1.as_str()), (1_000, "0..999"));
    }
}
