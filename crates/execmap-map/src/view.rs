//! The map of a folded tree within a budget of messages.

use execmap_query::{
    Bodies, CallNumber, FunctionKind, Outcome, TaskNumber, ThreadNumber, Trace, counted, thousands,
};

use crate::arena::End;
use crate::fold::Folded;
use crate::participants::Participants;
use crate::plan::{Begin, Budget, CallItem, Item, ItemId, Plan, State};
use crate::values::EdgeValues;
use crate::{
    Block, BlockEnd, BlockKind, LaneNote, Map, MapQuery, MapRow, Message, MoreNote, Section,
};

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
    let shown = plan.items.iter().filter_map(|item| match item {
        Item::Call(call) if call.is_shown => Some(&trace.functions()[call.key.function as usize]),
        _ => None,
    });
    let participants = Participants::of(shown, query.participants, query.group_by);
    let mut writer = Writer {
        trace,
        folded,
        plan: &plan,
        participants,
        above: Vec::new(),
        rows: Vec::new(),
        shown_calls: 0,
        has_lanes: false,
    };
    writer.has_lanes = writer.find_lanes();
    writer.write();
    Ok(Map {
        schema: 1,
        losses: trace.run().losses(),
        command: execmap_query::shell_words(&trace.run().command),
        calls: trace.calls().count(),
        shown_calls: writer.shown_calls,
        participants: writer.participants.finish(),
        rows: writer.rows,
    })
}

pub(crate) type Lane = (ThreadNumber, Option<TaskNumber>);

/// What is still to be written.
enum Todo {
    /// Neighbours; whether the head of their lane is written.
    Parts {
        parts: Vec<ItemId>,
        level: u32,
        has_head: bool,
    },
    Part {
        item: ItemId,
        level: u32,
        has_head: bool,
    },
    Row(MapRow),
}

pub(crate) struct Writer<'p> {
    pub(crate) trace: &'p Trace,
    pub(crate) folded: &'p Folded,
    pub(crate) plan: &'p Plan<'p>,
    participants: Participants,
    /// Participants of the shown calls above.
    above: Vec<usize>,
    rows: Vec<MapRow>,
    shown_calls: u64,
    has_lanes: bool,
}

/// Calls that are not shown, neighbours all of them.
#[derive(Default)]
struct Hidden {
    calls: u64,
    inside: u64,
    functions: Vec<u32>,
    bodies: Option<Bodies>,
}

impl Writer<'_> {
    fn write(&mut self) {
        let mut todo = vec![Todo::Parts {
            parts: self.plan.roots.clone(),
            level: 0,
            has_head: false,
        }];
        while let Some(next) = todo.pop() {
            let mut then = Vec::new();
            match next {
                Todo::Row(row) => self.rows.push(row),
                Todo::Parts {
                    parts,
                    level,
                    has_head: true,
                } => self.neighbours(&parts, level, true, &mut then),
                Todo::Parts { parts, level, .. } => self.parts(&parts, level, &mut then),
                Todo::Part {
                    item,
                    level,
                    has_head,
                } => self.part(item, level, has_head, &mut then),
            }
            todo.extend(then.into_iter().rev());
        }
    }

    /// Neighbours: those on other threads or tasks under heads, hidden ones together.
    fn parts(&self, parts: &[ItemId], level: u32, then: &mut Vec<Todo>) {
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
                self.lanes(group, level, then);
            } else {
                self.neighbours(group, level, false, then);
            }
        }
    }

    /// Calls on other threads or tasks than their caller's.
    fn lanes(&self, group: &[ItemId], level: u32, then: &mut Vec<Todo>) {
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
        let is_shown = |parts: &[ItemId]| parts.iter().any(|part| self.has_shown(*part));
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
                self.neighbours(&parts, level, true, then);
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
            then.push(Todo::Row(if is_first {
                MapRow::Block(Block {
                    level,
                    block: BlockKind::Parallel,
                    times,
                    text,
                })
            } else {
                MapRow::Section(Section { level, times, text })
            }));
            is_first = false;
            self.neighbours(&parts, level, true, then);
        }
        then.push(Todo::Row(MapRow::End(BlockEnd { level })));
        self.neighbours(&hidden, level, true, then);
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

    fn has_shown(&self, part: ItemId) -> bool {
        let is_shown =
            |id: &ItemId| matches!(&self.plan.items[*id], Item::Call(call) if call.is_shown);
        self.plan.direct(&[part]).iter().any(is_shown)
    }

    fn neighbours(&self, parts: &[ItemId], level: u32, has_head: bool, then: &mut Vec<Todo>) {
        let mut hidden: Option<Hidden> = None;
        for &part in parts {
            if self.has_shown(part) {
                self.more(hidden.take(), level, then);
                then.push(Todo::Part {
                    item: part,
                    level,
                    has_head,
                });
                continue;
            }
            let bodies = self.bodies(part);
            if hidden
                .as_ref()
                .is_some_and(|hidden| hidden.bodies != bodies)
            {
                self.more(hidden.take(), level, then);
            }
            let hidden = hidden.get_or_insert_with(|| Hidden {
                bodies,
                ..Hidden::default()
            });
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
        self.more(hidden, level, then);
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

    fn more(&self, hidden: Option<Hidden>, level: u32, then: &mut Vec<Todo>) {
        let Some(hidden) = hidden.filter(|hidden| hidden.calls > 0) else {
            return;
        };
        let function = match hidden.functions[..] {
            [one] if hidden.bodies.is_none() => {
                Some(self.trace.functions()[one as usize].shown_name())
            }
            _ => None,
        };
        then.push(Todo::Row(MapRow::More(MoreNote {
            level,
            from: self.above.get((level as usize).wrapping_sub(1)).copied(),
            calls: hidden.calls,
            calls_inside: hidden.inside,
            function,
            bodies: hidden.bodies,
        })));
    }

    fn part(&mut self, item: ItemId, level: u32, has_head: bool, then: &mut Vec<Todo>) {
        let plan = self.plan;
        let block = |block, times, text| {
            Todo::Row(MapRow::Block(Block {
                level,
                block,
                times,
                text,
            }))
        };
        let end = || Todo::Row(MapRow::End(BlockEnd { level }));
        match &plan.items[item] {
            Item::Call(call) => self.call(call, level, then),
            Item::Repeat {
                times,
                parts,
                is_sequence,
                ..
            } => {
                let text = self.loop_text(item);
                let each = if *is_sequence { 1 } else { *times };
                then.push(block(BlockKind::Loop, each, text));
                then.push(Todo::Parts {
                    parts: parts.clone(),
                    level,
                    has_head,
                });
                then.push(end());
            }
            Item::Alternatives {
                options,
                none,
                total,
            } => {
                let shown: Vec<_> = options
                    .iter()
                    .filter(|(_, parts)| parts.iter().any(|part| self.has_shown(*part)))
                    .collect();
                let kind = if shown.len() == 1 {
                    BlockKind::Optional
                } else {
                    BlockKind::Alternatives
                };
                for (position, (count, parts)) in shown.iter().enumerate() {
                    let text = self.choice_text(*count, *total, parts);
                    then.push(if position == 0 {
                        block(kind, *count, text)
                    } else {
                        Todo::Row(MapRow::Section(Section {
                            level,
                            times: *count,
                            text,
                        }))
                    });
                    then.push(Todo::Parts {
                        parts: parts.clone(),
                        level,
                        has_head,
                    });
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
                let hidden = options
                    .iter()
                    .filter(|(_, parts)| parts.iter().all(|part| !self.has_shown(*part)));
                let hidden: Vec<ItemId> = hidden.flat_map(|(_, parts)| parts.clone()).collect();
                then.push(Todo::Parts {
                    parts: hidden,
                    level,
                    has_head,
                });
            }
        }
    }

    fn call(&mut self, call: &CallItem, level: u32, then: &mut Vec<Todo>) {
        self.above.truncate(level as usize);
        let from = self.above.last().copied().or_else(|| self.creator(call));
        let message = self.message(call, from, level);
        self.above.push(message.to);
        self.shown_calls += message.times;
        self.rows.push(MapRow::Call(Box::new(message)));
        if let State::Open { parts, recursion } = &call.state {
            let level = level + 1;
            if let Some((count, depth)) = recursion {
                let function = &self.trace.functions()[call.key.function as usize];
                then.push(Todo::Row(MapRow::Block(Block {
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
            then.push(Todo::Parts {
                parts: parts.clone(),
                level,
                has_head: false,
            });
            if recursion.is_some() {
                then.push(Todo::Row(MapRow::End(BlockEnd { level })));
            }
        }
    }

    /// The participant that started the thread or submitted the job of an outermost call.
    fn creator(&self, call: &CallItem) -> Option<usize> {
        let created_by = self.trace.calls().created_by(self.number(call))?;
        self.participants
            .known_index_of(self.trace.function_of(created_by))
    }

    fn message(&mut self, call: &CallItem, from: Option<usize>, level: u32) -> Message {
        let trace = self.trace;
        let number = self.number(call);
        let function = trace.function_of(number);
        let to = self.participants.index_of(function);
        let (values, result) = self.values(call, number);
        let args = function.args.iter().zip(values).enumerate();
        // A generator expression's iterator has a name that nobody wrote.
        let args = args
            .filter(|(index, (name, _))| !function.is_receiver(*index) && !name.starts_with('.'));
        let exception = trace.failure_text(number).map(|text| {
            let is_one = call.count == 1
                || call.nodes.iter().all(|times| {
                    let other = self.folded.call_at(times.first);
                    times.count == 1
                        && trace.calls().exception(other) == trace.calls().exception(number)
                });
            if is_one {
                text
            } else {
                format!("such as {text}")
            }
        });
        let is_open = matches!(call.state, State::Open { .. });
        Message {
            level,
            times: call.count,
            handle: number,
            from,
            to,
            name: self.participants.name_on(to, function),
            args: args.map(|(_, (name, text))| (name.clone(), text)).collect(),
            has_unknown_args: trace.has_unknown_args(number),
            result,
            outcome: match call.key.end {
                End::Returned => Outcome::Returned,
                End::Closed => Outcome::Closed,
                End::Unfinished => Outcome::Unfinished,
                End::Exit | End::Failed(_) => Outcome::Raised,
            },
            exception,
            has_failed: matches!(call.key.end, End::Failed(_)),
            calls_inside: call.inside,
            closed: call.inside > 0 && !is_open,
            again: matches!(call.state, State::Again),
            function: call.key.function,
        }
    }

    /// The arguments of an item's calls, and what they returned.
    fn values(&self, call: &CallItem, number: CallNumber) -> (Vec<String>, Option<String>) {
        let trace = self.trace;
        if call.count == 1 {
            let args = trace.args(number).map(|(_, key)| trace.value_text(key));
            return (args.collect(), trace.result_text(number));
        }
        let mut own = EdgeValues::default();
        let known = self
            .folded
            .values(call.caller, call.key)
            .filter(|values| values.calls == call.count);
        let is_whole = known.is_some() || call.nodes.iter().all(|times| times.count == 1);
        let values = known.unwrap_or_else(|| {
            for times in &call.nodes {
                own.add(trace, self.folded.call_at(times.first));
            }
            &own
        });
        let text = |text: String| {
            if is_whole {
                text
            } else {
                format!("such as {text}")
            }
        };
        let args = values.args.iter();
        let args = args.map(|summary| summary.text(trace).map(text).unwrap_or_default());
        let result = match call.key.end {
            End::Returned => values.result.text(trace).map(text),
            _ => None,
        };
        (args.collect(), result)
    }
}
