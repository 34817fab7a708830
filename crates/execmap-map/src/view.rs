//! The map of a folded tree within a budget of messages.

use execmap_query::{
    Bodies, CallNumber, FunctionKind, TaskNumber, ThreadNumber, Trace, counted, thousands,
};

use crate::arena::RepeatId;
use crate::fold::Folded;
use crate::participants::Participants;
use crate::plan::{Begin, Budget, CallItem, Inside, Item, ItemId, Plan, State};
use crate::{Block, BlockEnd, BlockKind, LaneNote, Map, MapQuery, MapRow, MoreNote, Section};

/// Why there is no map.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// The budget holds no message.
    #[error("too few messages for a map: a call and its return need {least}")]
    TooSmall {
        /// The smallest budget that works.
        least: usize,
    },
    /// The text of the smallest map is longer than asked for.
    #[error("too short for a map: the smallest needs {least}")]
    TooShort {
        /// How long it is.
        least: usize,
    },
    /// No call is of a function that was asked for.
    #[error("no call of this function was recorded: `execmap stats` lists those that were")]
    NoSuchFunction,
}

/// A call and its return.
const LEAST: usize = 2;

/// The map of a trace that was folded.
pub fn fold_map(trace: &Trace, folded: &Folded, query: &MapQuery) -> Result<Map, MapError> {
    let plan = plan(trace, folded, query)?;
    let mut writer = Writer::new(trace, folded, &plan, query);
    writer.write();
    let rows = writer.rows.into_iter().map(|row| row.row);
    Ok(Map {
        schema: 1,
        losses: trace.run().losses(),
        command: execmap_query::shell_words(&trace.run().command),
        calls: trace.calls().count(),
        shown_calls: writer.shown_calls,
        participants: writer.participants.finish(),
        rows: rows.collect(),
    })
}

/// The rows of the map, and with them what is closed in it: as much as that many calls and blocks
/// have room for. The open rows are those of [`fold_map`].
pub fn outline(
    trace: &Trace,
    folded: &Folded,
    query: &MapQuery,
    most: usize,
) -> Result<Vec<OutlineRow>, MapError> {
    let mut plan = plan(trace, folded, query)?;
    let mut writer = Writer::new(trace, folded, &plan, query);
    writer.write();
    let participants = writer.participants;
    plan.look_inside(most);
    let mut writer = Writer {
        participants,
        is_whole: true,
        ..Writer::new(trace, folded, &plan, query)
    };
    writer.write();
    Ok(writer.rows)
}

/// A row, with what is inside it behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutlineRow {
    /// The row.
    pub row: MapRow,
    /// How many of the rows that follow are inside it.
    pub inside: usize,
    /// Whether these are rows of the map.
    pub is_open: bool,
    /// The loop, where it was gone through once.
    pub repeat: Option<RepeatId>,
    /// The first call of a loop.
    pub first: Option<CallNumber>,
}

fn plan<'t>(trace: &'t Trace, folded: &'t Folded, query: &MapQuery) -> Result<Plan<'t>, MapError> {
    let messages = query.messages.unwrap_or(usize::MAX);
    if messages < LEAST {
        return Err(MapError::TooSmall { least: LEAST });
    }
    let is_focus = |function: u32| {
        let pattern = query.focus.as_ref();
        pattern.is_some_and(|pattern| pattern.matches(&trace.functions()[function as usize]))
    };
    let begin = match (&query.focus, query.root) {
        (Some(_), _) => Begin::Functions(&is_focus),
        (None, Some(root)) => Begin::Call(root),
        (None, None) => Begin::Roots,
    };
    let budget = Budget {
        messages,
        depth: query.depth,
    };
    let plan = Plan::new(trace, folded, &begin, budget);
    if plan.roots.is_empty() && query.focus.is_some() {
        return Err(MapError::NoSuchFunction);
    }
    Ok(plan)
}

pub(crate) type Lane = (ThreadNumber, Option<TaskNumber>);

/// Which of calls have rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    /// Those that the map has room for.
    Shown,
    /// All but bodies of imported modules and of classes.
    Loud,
    All,
}

/// Where rows stand.
#[derive(Clone, Copy)]
struct Around {
    level: u32,
    /// Whether the head of their lane is written.
    has_head: bool,
    which: Which,
}

/// What is still to be written.
enum Todo {
    /// Neighbours.
    Parts(Vec<ItemId>, Around),
    Part(ItemId, Around),
    Row(MapRow),
    /// A row with others inside, up to its end.
    Begin(Box<OutlineRow>),
    End,
}

impl Todo {
    fn begin(row: MapRow) -> Self {
        Todo::Begin(Box::new(OutlineRow {
            is_open: true,
            ..alone(row)
        }))
    }
}

fn alone(row: MapRow) -> OutlineRow {
    OutlineRow {
        row,
        inside: 0,
        is_open: false,
        repeat: None,
        first: None,
    }
}

pub(crate) struct Writer<'p> {
    pub(crate) trace: &'p Trace,
    pub(crate) folded: &'p Folded,
    pub(crate) plan: &'p Plan<'p>,
    pub(crate) participants: Participants,
    /// Participants of the shown calls above.
    above: Vec<usize>,
    rows: Vec<OutlineRow>,
    /// Rows whose insides are being written.
    open: Vec<usize>,
    shown_calls: u64,
    has_lanes: bool,
    /// Whether what is closed is written too.
    is_whole: bool,
}

/// Calls that are not shown, neighbours all of them.
#[derive(Default)]
struct Hidden {
    calls: u64,
    inside: u64,
    functions: Vec<u32>,
    bodies: Option<Bodies>,
    parts: Vec<ItemId>,
}

impl<'p> Writer<'p> {
    fn new(trace: &'p Trace, folded: &'p Folded, plan: &'p Plan<'p>, query: &MapQuery) -> Self {
        let shown = plan.items.iter().filter_map(|item| match item {
            Item::Call(call) if call.is_shown => {
                Some(&trace.functions()[call.key.function as usize])
            }
            _ => None,
        });
        let mut writer = Writer {
            trace,
            folded,
            plan,
            participants: Participants::of(shown, query.participants, query.group_by),
            above: Vec::new(),
            rows: Vec::new(),
            open: Vec::new(),
            shown_calls: 0,
            has_lanes: false,
            is_whole: false,
        };
        writer.has_lanes = writer.find_lanes();
        writer
    }

    fn write(&mut self) {
        let around = Around {
            level: 0,
            has_head: false,
            which: Which::Shown,
        };
        let mut todo = vec![Todo::Parts(self.plan.roots.clone(), around)];
        while let Some(next) = todo.pop() {
            let mut then = Vec::new();
            match next {
                Todo::Row(row) => self.rows.push(alone(row)),
                Todo::Begin(row) => {
                    self.open.push(self.rows.len());
                    self.rows.push(*row);
                }
                Todo::End => {
                    if let Some(begun) = self.open.pop() {
                        self.rows[begun].inside = self.rows.len() - begun - 1;
                    }
                }
                Todo::Parts(parts, around) if around.has_head => {
                    self.neighbours(&parts, around, &mut then);
                }
                Todo::Parts(parts, around) => self.parts(&parts, around, &mut then),
                Todo::Part(item, around) => self.part(item, around, &mut then),
            }
            todo.extend(then.into_iter().rev());
        }
    }

    /// Neighbours: those on other threads or tasks under heads, hidden ones together.
    fn parts(&self, parts: &[ItemId], around: Around, then: &mut Vec<Todo>) {
        let level = around.level;
        let mut rest = parts;
        while let Some((&first, _)) = rest.split_first() {
            let has_lane = self.lane(first, level).is_some();
            let end = rest
                .iter()
                .position(|part| self.lane(*part, level).is_some() != has_lane)
                .unwrap_or(rest.len());
            let (group, others) = rest.split_at(end);
            rest = others;
            if has_lane {
                self.lanes(group, around, then);
            } else {
                self.neighbours(group, around, then);
            }
        }
    }

    /// Calls on other threads or tasks than their caller's.
    fn lanes(&self, group: &[ItemId], around: Around, then: &mut Vec<Todo>) {
        let Around { level, which, .. } = around;
        let inside = Around {
            has_head: true,
            ..around
        };
        let mut lanes: Vec<(Lane, Vec<ItemId>)> = Vec::new();
        for &part in group {
            let Some(lane) = self.lane(part, level) else {
                continue;
            };
            match lanes.iter_mut().find(|other| other.0 == lane) {
                Some(known) => known.1.push(part),
                None => lanes.push((lane, vec![part])),
            }
        }
        let is_shown = |parts: &[ItemId]| parts.iter().any(|part| self.has_shown(*part, which));
        let shown = lanes.iter().filter(|lane| is_shown(&lane.1)).count();
        if shown < 2 {
            for (lane, parts) in lanes {
                if is_shown(&parts) {
                    then.push(Todo::Row(MapRow::Lane(LaneNote {
                        level,
                        thread: lane.0,
                        task: lane.1,
                        name: self.lane_name(lane, &parts),
                    })));
                }
                self.neighbours(&parts, inside, then);
            }
            return;
        }
        let mut hidden = Vec::new();
        let mut is_first = true;
        for (lane, parts) in lanes {
            if !is_shown(&parts) {
                hidden.extend(parts);
                continue;
            }
            let kind = if lane.1.is_some() { "task" } else { "thread" };
            let text = format!("{kind} {}", self.lane_name(lane, &parts));
            let times = 1;
            then.push(if is_first {
                Todo::begin(MapRow::Block(Block {
                    level,
                    block: BlockKind::Parallel,
                    times,
                    text,
                }))
            } else {
                Todo::Row(MapRow::Section(Section { level, times, text }))
            });
            is_first = false;
            self.neighbours(&parts, inside, then);
        }
        then.push(Todo::Row(MapRow::End(BlockEnd { level })));
        then.push(Todo::End);
        self.neighbours(&hidden, inside, then);
    }

    /// The lane of calls that are on another than their caller's.
    fn lane(&self, part: ItemId, level: u32) -> Option<Lane> {
        let first = *self.plan.direct(&[part]).first()?;
        let Item::Call(call) = &self.plan.items[first] else {
            return None;
        };
        let calls = self.trace.calls();
        let number = self.number(call);
        let lane = (calls.thread(number), calls.task(number));
        let main = (ThreadNumber(0), None);
        let has_head = if level == 0 {
            lane != main || self.has_lanes
        } else {
            call.key.moves
        };
        has_head.then_some(lane)
    }

    /// Whether an outermost call is not on the main thread.
    fn find_lanes(&self) -> bool {
        let calls = self.trace.calls();
        self.plan.direct(&self.plan.roots).iter().any(|id| {
            let Item::Call(call) = &self.plan.items[*id] else {
                return false;
            };
            let number = self.number(call);
            calls.thread(number) != ThreadNumber(0) || calls.task(number).is_some()
        })
    }

    /// The first of the calls that an item stands for.
    pub(crate) fn number(&self, call: &CallItem) -> CallNumber {
        let first = call.nodes.iter().map(|times| times.first).min();
        self.folded.call_at(first.unwrap_or(0))
    }

    fn has_shown(&self, part: ItemId, which: Which) -> bool {
        let has_row = |id: &ItemId| match &self.plan.items[*id] {
            Item::Call(call) => {
                call.is_shown || which == Which::All || which == Which::Loud && !call.is_quiet
            }
            _ => false,
        };
        self.plan.direct(&[part]).iter().any(has_row)
    }

    fn neighbours(&self, parts: &[ItemId], around: Around, then: &mut Vec<Todo>) {
        let mut hidden: Option<Hidden> = None;
        for &part in parts {
            if self.has_shown(part, around.which) {
                self.more(hidden.take(), around, then);
                then.push(Todo::Part(part, around));
                continue;
            }
            let bodies = self.bodies(part);
            if hidden
                .as_ref()
                .is_some_and(|hidden| hidden.bodies != bodies)
            {
                self.more(hidden.take(), around, then);
            }
            let hidden = hidden.get_or_insert_with(|| Hidden {
                bodies,
                ..Hidden::default()
            });
            hidden.parts.push(part);
            for id in self.plan.direct(&[part]) {
                if let Item::Call(call) = &self.plan.items[id] {
                    hidden.calls += call.count;
                    hidden.inside += call.inside;
                    if !hidden.functions.contains(&call.key.function) && hidden.functions.len() < 2
                    {
                        hidden.functions.push(call.key.function);
                    }
                }
            }
        }
        self.more(hidden, around, then);
    }

    fn bodies(&self, part: ItemId) -> Option<Bodies> {
        let Item::Call(call) = &self.plan.items[part] else {
            return None;
        };
        let kind = self.trace.functions()[call.key.function as usize].kind;
        call.is_quiet.then_some(match kind {
            FunctionKind::Class => Bodies::Classes,
            _ => Bodies::Modules,
        })
    }

    fn more(&self, hidden: Option<Hidden>, around: Around, then: &mut Vec<Todo>) {
        let Some(hidden) = hidden.filter(|hidden| hidden.calls > 0) else {
            return;
        };
        let level = around.level;
        let function = match hidden.functions[..] {
            [one] if hidden.bodies.is_none() => {
                Some(self.trace.functions()[one as usize].shown_name())
            }
            _ => None,
        };
        let row = MapRow::More(MoreNote {
            level,
            from: self.above.get((level as usize).wrapping_sub(1)).copied(),
            calls: hidden.calls,
            calls_inside: hidden.inside,
            function,
            bodies: hidden.bodies,
        });
        if !self.is_whole {
            then.push(Todo::Row(row));
            return;
        }
        let inside = Around {
            which: Which::All,
            ..around
        };
        then.push(Todo::Begin(Box::new(alone(row))));
        then.push(Todo::Parts(hidden.parts, inside));
        then.push(Todo::End);
    }

    fn part(&mut self, item: ItemId, around: Around, then: &mut Vec<Todo>) {
        let plan = self.plan;
        let level = around.level;
        let block = |block, times, text| {
            MapRow::Block(Block {
                level,
                block,
                times,
                text,
            })
        };
        let end = || Todo::Row(MapRow::End(BlockEnd { level }));
        match &plan.items[item] {
            Item::Call(call) => self.call(call, around, then),
            Item::Repeat {
                times,
                parts,
                is_sequence,
                only,
                first,
                ..
            } => {
                let text = self.loop_text(item);
                let each = if *is_sequence { 1 } else { *times };
                then.push(Todo::Begin(Box::new(OutlineRow {
                    is_open: true,
                    repeat: *only,
                    first: Some(self.folded.call_at(*first)),
                    ..alone(block(BlockKind::Loop, each, text))
                })));
                then.push(Todo::Parts(parts.clone(), around));
                then.push(end());
                then.push(Todo::End);
            }
            Item::Alternatives {
                options,
                none,
                total,
            } => {
                let is_shown =
                    |parts: &[ItemId]| parts.iter().any(|part| self.has_shown(*part, around.which));
                let shown: Vec<_> = options
                    .iter()
                    .filter(|(_, parts)| is_shown(parts))
                    .collect();
                let kind = if shown.len() == 1 {
                    BlockKind::Optional
                } else {
                    BlockKind::Alternatives
                };
                for (position, (count, parts)) in shown.iter().enumerate() {
                    let text = self.choice_text(*count, *total, parts);
                    then.push(if position == 0 {
                        Todo::begin(block(kind, *count, text))
                    } else {
                        Todo::Row(MapRow::Section(Section {
                            level,
                            times: *count,
                            text,
                        }))
                    });
                    then.push(Todo::Parts(parts.clone(), around));
                }
                if kind == BlockKind::Alternatives && *none > 0 {
                    let text = format!(
                        "{} of {}: none of these",
                        thousands(*none),
                        thousands(*total)
                    );
                    let times = *none;
                    then.push(Todo::Row(MapRow::Section(Section { level, times, text })));
                }
                then.push(end());
                then.push(Todo::End);
                let hidden = options.iter().filter(|(_, parts)| !is_shown(parts));
                let hidden: Vec<ItemId> = hidden.flat_map(|(_, parts)| parts.clone()).collect();
                then.push(Todo::Parts(hidden, around));
            }
        }
    }

    fn call(&mut self, call: &CallItem, around: Around, then: &mut Vec<Todo>) {
        let level = around.level;
        self.above.truncate(level as usize);
        let from = self.above.last().copied().or_else(|| self.creator(call));
        let message = self.message(call, from, level);
        self.above.push(message.to);
        self.shown_calls += message.times;
        let is_open = matches!(call.state, State::Open(_));
        self.open.push(self.rows.len());
        self.rows.push(OutlineRow {
            is_open,
            ..alone(MapRow::Call(Box::new(message)))
        });
        let inside = match &call.state {
            State::Open(inside) => Some(inside),
            State::Closed(inside) => inside.as_ref().filter(|_| self.is_whole),
            State::Again => None,
        };
        if let Some(Inside { parts, recursion }) = inside {
            let level = level + 1;
            if let Some((count, depth)) = recursion {
                let function = &self.trace.functions()[call.key.function as usize];
                then.push(Todo::begin(MapRow::Block(Block {
                    level,
                    block: BlockKind::Recursion,
                    times: *count,
                    text: format!(
                        "{} of {}, {} deep, as one",
                        counted(*count, "call"),
                        function.short_name(),
                        thousands(u64::from(*depth))
                    ),
                })));
            }
            let around = Around {
                level,
                has_head: false,
                which: if is_open { Which::Shown } else { Which::Loud },
            };
            then.push(Todo::Parts(parts.clone(), around));
            if recursion.is_some() {
                then.push(Todo::Row(MapRow::End(BlockEnd { level })));
                then.push(Todo::End);
            }
        }
        then.push(Todo::End);
    }
}
