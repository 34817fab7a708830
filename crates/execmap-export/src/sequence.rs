//! Walks a map as a sequence diagram; a language says how each thing is written.

use execmap_map::{BlockKind, Map, MapRow, Message};
use execmap_query::{Outcome, counted, cut, visible};

use crate::text::{more_text, nothing_text, signature, times_text};

/// What a message back tells.
#[derive(Clone, Copy)]
pub(crate) enum Back {
    Returned,
    Failed,
}

/// A language for sequence diagrams. Participant 0 is whatever called from outside; texts are not
/// escaped yet.
pub(crate) trait Language {
    fn losses(&mut self, text: &str);
    fn outside(&mut self, program: &str);
    fn participant(&mut self, id: usize, name: &str);
    fn note(&mut self, over: usize, text: &str);
    fn call(&mut self, from: usize, to: usize, label: &str);
    /// The answer to the last call that has none.
    fn back(&mut self, from: usize, to: usize, back: Back, label: &str);
    /// The last call that has no answer never got one.
    fn stop(&mut self, at: usize);
    fn block(&mut self, kind: BlockKind, text: &str);
    fn section(&mut self, of: BlockKind, text: &str);
    fn end(&mut self);
}

/// Draws a map, values cut to `value_chars` characters.
pub(crate) fn draw<L: Language>(map: &Map, value_chars: usize, language: L) -> L {
    let mut walk = Walk {
        language,
        value_chars,
        open: Vec::new(),
        blocks: Vec::new(),
    };
    walk.heads(map);
    if let Some(nothing) = nothing_text(map) {
        walk.language.note(0, nothing);
    }
    for row in &map.rows {
        walk.row(row);
    }
    walk.leave_down_to(0);
    walk.language
}

struct Walk<'m, L> {
    language: L,
    value_chars: usize,
    /// Calls that have not returned at this point of the diagram.
    open: Vec<&'m Message>,
    /// Blocks that have not ended, and how often what follows happened.
    blocks: Vec<(BlockKind, u64)>,
}

fn id(participant: Option<usize>) -> usize {
    participant.map_or(0, |index| index + 1)
}

impl<'m, L: Language> Walk<'m, L> {
    fn heads(&mut self, map: &Map) {
        if let Some(losses) = map.losses.text() {
            self.language.losses(&losses);
        }
        let command = map.command.split(' ').next().unwrap_or_default();
        let program = command
            .rsplit(['/', '\\'])
            .next()
            .filter(|name| !name.is_empty())
            .unwrap_or("program");
        self.language.outside(&cut(program, 40));
        for (index, participant) in map.participants.iter().enumerate() {
            let name = if participant.is_class && !participant.package.is_empty() {
                format!("{}.{}", participant.package, participant.name)
            } else {
                participant.name.clone()
            };
            self.language.participant(index + 1, &cut(&name, 80));
        }
    }

    fn row(&mut self, row: &'m MapRow) {
        match row {
            MapRow::Lane(lane) => {
                self.leave_down_to(lane.level);
                let kind = if lane.task.is_some() {
                    "task"
                } else {
                    "thread"
                };
                let over = self.open.last().map_or(0, |message| message.to + 1);
                self.language.note(over, &format!("{kind} {}", lane.name));
            }
            MapRow::More(more) => {
                self.leave_down_to(more.level);
                self.language.note(id(more.from), &more_text(more));
            }
            MapRow::Call(message) => {
                self.leave_down_to(message.level);
                self.call(message);
            }
            MapRow::Block(block) => {
                self.leave_down_to(block.level);
                self.language.block(block.block, &block.text);
                self.blocks.push((block.block, block.times));
            }
            MapRow::Section(section) => {
                self.leave_down_to(section.level);
                if let Some(block) = self.blocks.last_mut() {
                    block.1 = section.times;
                    self.language.section(block.0, &section.text);
                }
            }
            MapRow::End(end) => {
                self.leave_down_to(end.level);
                self.blocks.pop();
                self.language.end();
            }
        }
    }

    fn call(&mut self, message: &'m Message) {
        let around = self.blocks.last().map_or(1, |block| block.1);
        let label = signature(message, self.value_chars) + &times_text(message, around);
        let to = message.to + 1;
        self.language.call(id(message.from), to, &label);
        if message.closed {
            let inside = format!("{} inside", counted(message.calls_inside, "call"));
            self.language.note(to, &inside);
        }
        self.open.push(message);
    }

    /// Draws the returns of calls that are `level` deep or deeper.
    fn leave_down_to(&mut self, level: u32) {
        while let Some(message) = self.open.pop_if(|message| message.level >= level) {
            self.leave(message);
        }
    }

    fn leave(&mut self, message: &Message) {
        let (to, from) = (id(message.from), message.to + 1);
        let value = |text: &Option<String>, or: &str, times: usize| {
            let text = visible(text.as_deref().unwrap_or(or));
            cut(&text, times * self.value_chars).into_owned()
        };
        let label = match message.outcome {
            Outcome::Returned => value(&message.result, "returned", 1),
            Outcome::Raised => value(&message.exception, "an exception", 2),
            Outcome::Closed => "closed".to_owned(),
            Outcome::Unfinished => {
                let text = "did not return before the recording ended";
                self.language.note(from, text);
                self.language.stop(from);
                return;
            }
        };
        let back = if message.has_failed {
            Back::Failed
        } else {
            Back::Returned
        };
        self.language.back(from, to, back, &label);
    }
}
