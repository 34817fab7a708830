//! What stands at the heads of blocks and lanes.

use std::fmt::Write;

use execmap_query::{FunctionNumber, thousands};

use crate::arena::{End, NO_SITE, RepeatKind};
use crate::plan::{Item, ItemId};
use crate::view::{Lane, Writer};

impl Writer<'_> {
    pub(crate) fn lane_name(&self, lane: Lane, parts: &[ItemId]) -> String {
        let name = match lane.1 {
            Some(task) => self.trace.task_name(task),
            None => self.trace.thread_name(lane.0),
        };
        let calls = self.trace.calls();
        let mut all: Vec<Lane> = Vec::new();
        for id in self.plan.direct(parts) {
            if let Item::Call(call) = &self.plan.items[id] {
                all.extend(call.nodes.iter().map(|times| {
                    let number = self.folded.call_at(times.first);
                    (calls.thread(number), calls.task(number))
                }));
            }
        }
        all.sort_unstable();
        all.dedup();
        if all.len() > 1 {
            format!("{name} and {} more", thousands(all.len() as u64 - 1))
        } else {
            name.into_owned()
        }
    }

    /// `1,000×, line 12`
    pub(crate) fn loop_text(&self, item: ItemId) -> String {
        let Item::Repeat {
            kind,
            times,
            rounds,
            range,
            is_exact,
            is_sequence,
            ..
        } = &self.plan.items[item]
        else {
            return String::new();
        };
        let at_least = if *is_exact { "" } else { "at least " };
        let mut text = format!("{at_least}{}×", thousands(*times));
        if *is_sequence {
            text.push_str(", each time another call");
        }
        if *rounds > 1 {
            let each = if range.0 == range.1 {
                format!("{} each", thousands(range.0))
            } else {
                format!("{} to {} each", thousands(range.0), thousands(range.1))
            };
            let _ = write!(text, " in {} rounds, {each}", thousands(*rounds));
        }
        let (RepeatKind::Loop(offset) | RepeatKind::Site(offset)) = *kind;
        let direct = self.plan.direct(&[item]);
        let caller = direct.first().and_then(|id| match &self.plan.items[*id] {
            Item::Call(call) => call.caller,
            _ => None,
        });
        if offset != NO_SITE
            && let Some(caller) = caller
            && let Some(line) = self.trace.line(FunctionNumber(caller), offset)
        {
            let _ = write!(text, ", line {line}");
        }
        text
    }

    /// `100 of 1,000: reserve`
    pub(crate) fn choice_text(&self, count: u64, total: u64, parts: &[ItemId]) -> String {
        let direct = self.plan.direct(parts);
        let is_shown =
            |id: &&ItemId| matches!(&self.plan.items[**id], Item::Call(call) if call.is_shown);
        let head = direct.iter().find(is_shown).or(direct.first());
        let name = head.and_then(|id| match &self.plan.items[*id] {
            Item::Call(call) => {
                let function = &self.trace.functions()[call.key.function as usize];
                let fails = match call.key.end {
                    End::Failed(_) => " fails",
                    _ if call.key.is_failing => ", with a failure inside",
                    _ => "",
                };
                Some(format!("with {}{fails}", function.short_name()))
            }
            _ => None,
        });
        format!(
            "{} of {}: {}",
            thousands(count),
            thousands(total),
            name.unwrap_or_default()
        )
    }
}
