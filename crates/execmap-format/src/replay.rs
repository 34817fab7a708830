//! From columns back to events: which call each record speaks of.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::begin::LogState;
use crate::columns::{BlockHead, Column, ColumnsIn, MAX_OPEN, disk_kind};
use crate::event::Event;
use crate::ids::{CallId, CodeId, ExceptionId, Nanos, TaskId};
use crate::record::{NO_CALL, kind};
use crate::value::ValueRef;

const NONE: u32 = u32::MAX;

/// The running calls of a thread: one stack, or several where greenlets switch. The nodes of calls
/// that have ended are used again.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    nodes: Vec<Node>,
    current: u32,
    free: Vec<u32>,
    /// The node of each call, from the first switch on at which there were many.
    places: Option<HashMap<u64, u32, FixedState>>,
    /// Nodes that were gone through in vain in this block. Damaged records can switch between stacks without end.
    passed: u64,
}

/// Calls that are gone through one by one where another becomes the running one.
const FEW: usize = 64;

/// A thread with more running calls than this is damage.
const MOST_RUNNING: usize = 1 << 23;

/// So many nodes are gone through in vain in a block, then no longer.
const MOST_PASSED: u64 = 1 << 28;

#[derive(Clone, Copy, Debug)]
struct Node {
    call: u64,
    parent: u32,
}

impl Default for Stack {
    fn default() -> Self {
        Stack {
            nodes: Vec::new(),
            current: NONE,
            free: Vec::new(),
            places: None,
            passed: 0,
        }
    }
}

impl Stack {
    /// The running call.
    #[inline]
    pub(crate) fn current(&self) -> Option<u64> {
        let node = self.nodes.get(self.current as usize)?;
        (node.call != NO_CALL).then_some(node.call)
    }

    #[inline]
    pub(crate) fn push(&mut self, call: u64) {
        let node = Node {
            call,
            parent: self.current,
        };
        if let Some(index) = self.free.pop() {
            self.nodes[index as usize] = node;
            self.current = index;
        } else {
            self.nodes.push(node);
            self.current = self.nodes.len() as u32 - 1;
        }
        if let Some(places) = &mut self.places {
            places.insert(call, self.current);
        }
    }

    /// Whether more calls run than in any sound trace.
    pub(crate) fn is_beyond_belief(&self) -> bool {
        self.nodes.len() > MOST_RUNNING
    }

    /// Ends the running call: the one it was called from runs.
    #[inline]
    pub(crate) fn pop(&mut self) {
        let Some(node) = self.nodes.get_mut(self.current as usize) else {
            return;
        };
        // Only damaged records lead back to a call that has ended.
        if node.call == NO_CALL {
            self.current = NONE;
            return;
        }
        if let Some(places) = &mut self.places
            && places.get(&node.call) == Some(&self.current)
        {
            places.remove(&node.call);
        }
        node.call = NO_CALL;
        self.free.push(self.current);
        self.current = node.parent;
    }

    /// Makes a call the running one: one of the stack's, or a new stack of its own.
    pub(crate) fn switch(&mut self, call: Option<u64>) {
        match (call.and_then(|call| self.place(call)), call) {
            (Some(index), _) => {
                // Calls that ran above it on the same stack have gone without a word.
                for _ in 0..self.calls_above(index) {
                    self.pop();
                }
                self.current = index;
            }
            (None, Some(call)) => {
                self.current = NONE;
                self.push(call);
            }
            (None, None) => self.current = NONE,
        }
    }

    /// The node of a running call.
    fn place(&mut self, call: u64) -> Option<u32> {
        if self.places.is_none() && self.nodes.len() <= FEW {
            let found = self.nodes.iter().rposition(|node| node.call == call);
            return found.map(|index| index as u32);
        }
        let nodes = &self.nodes;
        let places = self.places.get_or_insert_with(|| {
            let running = nodes.iter().zip(0..);
            let running = running.filter(|(node, _)| node.call != NO_CALL);
            running.map(|(node, index)| (node.call, index)).collect()
        });
        places.get(&call).copied()
    }

    /// How many calls run above the one at `index`; 0 when it is not on the running stack.
    fn calls_above(&mut self, index: u32) -> usize {
        if self.passed > MOST_PASSED {
            return 0;
        }
        let mut at = self.current;
        let mut above = 0;
        // No stack is longer, but damaged records can make one that has no end.
        while above < self.nodes.len() {
            if at == index {
                return above;
            }
            let Some(node) = self.nodes.get(at as usize) else {
                break;
            };
            at = node.parent;
            above += 1;
        }
        self.passed += above as u64;
        0
    }

    /// A block begins.
    pub(crate) fn begin_block(&mut self) {
        self.passed = 0;
    }

    /// Running calls, innermost first, as far as a block's head lists them.
    pub(crate) fn open_calls(&self) -> Vec<u64> {
        let mut calls = Vec::new();
        let mut at = self.current;
        while let Some(node) = self.nodes.get(at as usize)
            && calls.len() < MAX_OPEN
        {
            calls.push(node.call);
            at = node.parent;
        }
        calls
    }

    fn reset(&mut self, open: &[u64]) {
        *self = Stack::default();
        for call in open.iter().rev() {
            self.push(*call);
        }
    }
}

/// Ticks to nanoseconds since the trace began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeScale {
    pub(crate) first_tick: u64,
    pub(crate) ns_per_tick: f64,
}

impl TimeScale {
    /// 36 years: what is later is damage, and sums of it would overflow.
    pub(crate) const LATEST: u64 = 1 << 60;

    #[inline]
    pub(crate) fn nanos(&self, tick: u64) -> Nanos {
        let nanos = tick.saturating_sub(self.first_tick) as f64 * self.ns_per_tick;
        Nanos((nanos as u64).min(Self::LATEST))
    }
}

/// The state of one log between blocks.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogReplay {
    stack: Stack,
    task: u32,
    created_by: Option<CallId>,
    next_sequence: u32,
    args: Vec<ValueRef>,
}

impl LogReplay {
    /// A log whose beginning is not there.
    pub(crate) fn begun(from: &LogState) -> Self {
        let mut log = LogReplay {
            task: from.task,
            next_sequence: from.sequence,
            ..LogReplay::default()
        };
        log.stack.reset(&from.open);
        log
    }
}

/// One block while it is read.
pub(crate) struct BlockReplay<'a> {
    columns: ColumnsIn<'a>,
    tick: u64,
    next_call: u64,
    left: u64,
    scale: TimeScale,
}

impl<'a> BlockReplay<'a> {
    pub(crate) fn new(
        head: &BlockHead,
        columns: ColumnsIn<'a>,
        scale: TimeScale,
        log: &mut LogReplay,
    ) -> Self {
        if head.sequence != log.next_sequence {
            log.stack.reset(&head.open);
            log.task = head.task;
        }
        log.stack.begin_block();
        log.next_sequence = head.sequence.wrapping_add(1);
        BlockReplay {
            columns,
            tick: head.clock.tick,
            next_call: head.next_call,
            left: head.records,
            scale,
        }
    }

    #[inline]
    fn number(&mut self) -> Option<u64> {
        self.columns.number(Column::Numbers)
    }

    #[inline]
    fn time(&mut self) -> Option<Nanos> {
        self.tick = self.tick.checked_add(self.columns.number(Column::Times)?)?;
        Some(self.scale.nanos(self.tick))
    }

    #[inline]
    fn value(&mut self) -> Option<ValueRef> {
        self.columns.number(Column::Values).map(ValueRef)
    }

    #[expect(
        clippy::option_option,
        reason = "the bytes are cut short, or the site is not known"
    )]
    fn site(&mut self) -> Option<Option<u32>> {
        let site = self.columns.number(Column::Sites)?;
        Some(
            site.checked_sub(1)
                .and_then(|site| u32::try_from(site).ok()),
        )
    }

    fn exception(&mut self) -> Option<ExceptionId> {
        self.number()
            .and_then(|id| u32::try_from(id).ok())
            .map(ExceptionId)
    }

    /// The next event, handed to `each`. `Some(false)` at the block's end, `None` where it is damaged.
    #[inline]
    pub(crate) fn next(
        &mut self,
        log: &mut LogReplay,
        each: &mut dyn FnMut(&Event<'_>),
    ) -> Option<bool> {
        while self.left > 0 {
            self.left -= 1;
            if self.step(log, each)? {
                return Some(true);
            }
        }
        Some(false)
    }

    #[inline]
    fn step(&mut self, log: &mut LogReplay, each: &mut dyn FnMut(&Event<'_>)) -> Option<bool> {
        let disk = self.columns.kind()?;
        if log.stack.is_beyond_belief() {
            return None;
        }
        match disk {
            kind::START | disk_kind::START_WITH_ARGS => self.start(disk, log, each)?,
            kind::RETURN
            | disk_kind::RETURN_WITH_VALUE
            | kind::YIELD
            | disk_kind::YIELD_WITH_VALUE => {
                let at = self.time()?;
                let has_value = disk >= disk_kind::START_WITH_ARGS;
                let value = if has_value {
                    self.value()?
                } else {
                    ValueRef::NOT_RECORDED
                };
                let Some(call) = log.stack.current().map(CallId) else {
                    return Some(false);
                };
                log.stack.pop();
                if matches!(disk, kind::RETURN | disk_kind::RETURN_WITH_VALUE) {
                    each(&Event::Return { at, call, value });
                } else {
                    each(&Event::Yield { at, call, value });
                }
            }
            _ => return self.other(disk, log, each),
        }
        Some(true)
    }

    #[inline]
    fn start(
        &mut self,
        disk: u8,
        log: &mut LogReplay,
        each: &mut dyn FnMut(&Event<'_>),
    ) -> Option<()> {
        let at = self.time()?;
        let code = CodeId(u32::try_from(self.columns.number(Column::Codes)?).ok()?);
        let site = self.site()?;
        log.args.clear();
        if disk == disk_kind::START_WITH_ARGS {
            for _ in 0..self.columns.number(Column::Values)?.min(255) {
                log.args
                    .push(self.columns.number(Column::Values).map(ValueRef)?);
            }
        }
        let call = CallId(self.next_call);
        let parent = log.stack.current().map(CallId);
        self.next_call = self.next_call.checked_add(1)?;
        log.stack.push(call.0);
        each(&Event::Start {
            at,
            call,
            parent,
            code,
            site,
            task: task(log.task),
            created_by: log.created_by.take(),
            args: &log.args,
        });
        Some(())
    }

    fn other(
        &mut self,
        disk: u8,
        log: &mut LogReplay,
        each: &mut dyn FnMut(&Event<'_>),
    ) -> Option<bool> {
        let has_time = !matches!(disk, kind::LOOP | kind::TASK | kind::TICK);
        let at = if has_time { self.time()? } else { Nanos(0) };
        let current = log.stack.current().map(CallId);
        match disk {
            kind::AWAIT => {
                log.stack.pop();
                let Some(call) = current else {
                    return Some(false);
                };
                each(&Event::Await { at, call });
            }
            kind::UNWIND => {
                let exception = self.exception()?;
                log.stack.pop();
                let Some(call) = current else {
                    return Some(false);
                };
                each(&Event::Unwind {
                    at,
                    call,
                    exception,
                });
            }
            kind::RESUME => {
                let call = self.number()?;
                log.stack.push(call);
                each(&Event::Resume {
                    at,
                    call: CallId(call),
                    task: task(log.task),
                });
            }
            kind::THROW => {
                let exception = self.exception()?;
                let call = self.number()?;
                log.stack.push(call);
                each(&Event::Throw {
                    at,
                    call: CallId(call),
                    exception,
                });
            }
            kind::RAISE | kind::RERAISE | kind::HANDLED => {
                let exception = self.exception()?;
                let site = self.site()?;
                let value = self.value()?;
                each(&match disk {
                    kind::RAISE => Event::Raise {
                        at,
                        call: current,
                        exception,
                        value,
                        site,
                    },
                    kind::RERAISE => Event::Reraise {
                        at,
                        call: current,
                        exception,
                        value,
                        site,
                    },
                    _ => Event::Handled {
                        at,
                        call: current,
                        exception,
                        value,
                        site,
                    },
                });
            }
            kind::LOOP => {
                let header = u32::try_from(self.columns.number(Column::Sites)?).ok()?;
                let entries = u32::try_from(self.number()?).ok()?;
                each(&Event::Loop {
                    call: current,
                    header,
                    entries,
                });
            }
            kind::CLOSED => {
                let (exact, call) = (self.number()? == 1, CallId(self.number()?));
                each(&Event::Closed { at, call, exact });
            }
            _ => {
                self.state(disk, log)?;
                return Some(false);
            }
        }
        Some(true)
    }

    /// Records that are no events of their own.
    fn state(&mut self, disk: u8, log: &mut LogReplay) -> Option<()> {
        let number = self.number()?;
        match disk {
            kind::SWITCH => log.stack.switch(number.checked_sub(1)),
            kind::TASK => log.task = u32::try_from(number).ok()?,
            kind::NEXT_CALL => self.next_call = number,
            kind::TICK => self.tick = number,
            kind::CREATED_BY => log.created_by = Some(CallId(number)),
            _ => return None,
        }
        Some(())
    }
}

fn task(raw: u32) -> Option<TaskId> {
    raw.checked_sub(1).map(TaskId)
}
