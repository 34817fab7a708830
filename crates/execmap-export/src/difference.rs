//! The difference of two runs as a Mermaid sequence diagram: the ways to what differs, and what
//! differs marked.
//!
//! What was added stands on green, what was removed on red, and what changed on
//! yellow; signs say the same. Ways to several changes are drawn once as far as
//! they are the same.

use std::fmt::Write;

use execmap_map::{CallStep, Change, Difference, Kind, Values, Waypoint};
use execmap_query::{counted, cut, thousands};

use crate::mermaid::{MOST_UNITS, escape};

/// The difference as a diagram of at most about so many messages.
#[must_use]
pub fn mermaid(difference: &Difference, messages: usize) -> String {
    let mut most = messages.max(2);
    loop {
        let text = drawn(difference, most);
        if text.encode_utf16().count() <= MOST_UNITS || most <= 2 {
            return text;
        }
        most = most * 3 / 4;
    }
}

/// Values are cut to so many characters.
const VALUE_CHARS: usize = 40;

fn drawn(difference: &Difference, messages: usize) -> String {
    let mut tree = Tree::default();
    let mut hidden = difference.more_changes;
    for (index, change) in difference.changes.iter().enumerate() {
        if change.kind == Kind::Function {
            continue;
        }
        if tree.messages >= messages {
            hidden += 1;
            continue;
        }
        tree.add(index, change);
    }
    let mut writer = Writer {
        difference,
        tree: &tree,
        participants: Vec::new(),
        rows: String::new(),
    };
    writer.children(0, 0);
    for change in &difference.changes {
        if let (Kind::Function, [values]) = (change.kind, &change.values[..]) {
            let (old, new) = values.shown(VALUE_CHARS);
            let text = format!(
                "~ {} → {} in {}",
                old.unwrap_or_default(),
                new.unwrap_or_default(),
                counted(change.times, "call")
            );
            writer.note(0, &text);
        }
    }
    if hidden > 0 {
        writer.note(0, &format!("{} more", counted(hidden, "difference")));
    }
    if difference.equal {
        writer.note(0, &difference.verdict);
    }
    let mut text = format!("sequenceDiagram\n    %% {}\n", escape(&difference.verdict));
    for note in &difference.notes {
        let _ = writeln!(text, "    %% {}", escape(note));
    }
    let command = difference.new.command.split(' ').next().unwrap_or_default();
    let program = command.rsplit(['/', '\\']).next().unwrap_or_default();
    let program = if program.is_empty() {
        "program"
    } else {
        program
    };
    let _ = writeln!(text, "    actor p0 as {}", escape(&cut(program, 40)));
    for (index, participant) in writer.participants.iter().enumerate() {
        let name = escape(&cut(participant, 80));
        let _ = writeln!(text, "    participant p{} as {name}", index + 1);
    }
    text + &writer.rows
}

/// A part of the ways to all changes.
#[derive(Debug)]
struct Node<'d> {
    what: What<'d>,
    children: Vec<usize>,
    /// Changes of the call itself.
    changes: Vec<usize>,
}

#[derive(Debug)]
enum What<'d> {
    Root,
    Way(&'d Waypoint),
    Change(usize),
}

#[derive(Debug)]
struct Tree<'d> {
    nodes: Vec<Node<'d>>,
    messages: usize,
}

impl Default for Tree<'_> {
    fn default() -> Self {
        Tree {
            nodes: vec![Node {
                what: What::Root,
                children: Vec::new(),
                changes: Vec::new(),
            }],
            messages: 0,
        }
    }
}

impl<'d> Tree<'d> {
    fn add(&mut self, index: usize, change: &'d Change) {
        let mut at = 0;
        for step in &change.way {
            let is_it = |child: &&usize| match (&self.nodes[**child].what, step) {
                (What::Way(Waypoint::Call(own)), Waypoint::Call(other)) => {
                    own.function == other.function && own.line == other.line
                }
                (
                    What::Way(Waypoint::Loop { file, line, .. }),
                    Waypoint::Loop {
                        file: other,
                        line: other_line,
                        ..
                    },
                ) => file == other && line == other_line,
                (What::Way(own), other) => *own == other,
                _ => false,
            };
            let known = self.nodes[at].children.iter().find(is_it).copied();
            at = known.unwrap_or_else(|| {
                if matches!(step, Waypoint::Call(_)) {
                    self.messages += 2;
                }
                self.child(at, What::Way(step))
            });
        }
        if is_of_call(change.kind) {
            self.nodes[at].changes.push(index);
        } else {
            self.messages += 1 + change.inside.len();
            self.child(at, What::Change(index));
        }
    }

    fn child(&mut self, above: usize, what: What<'d>) -> usize {
        self.nodes.push(Node {
            what,
            children: Vec::new(),
            changes: Vec::new(),
        });
        let child = self.nodes.len() - 1;
        self.nodes[above].children.push(child);
        child
    }
}

/// Whether a change is one of the call that its way ends with.
fn is_of_call(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Argument | Kind::Result | Kind::Exception | Kind::Outcome
    )
}

struct Writer<'d> {
    difference: &'d Difference,
    tree: &'d Tree<'d>,
    participants: Vec<&'d str>,
    rows: String,
}

const CHANGED: &str = "rgba(210, 153, 34, 0.15)";
const ADDED: &str = "rgba(46, 160, 67, 0.15)";
const REMOVED: &str = "rgba(248, 81, 73, 0.15)";

impl<'d> Writer<'d> {
    fn participant(&mut self, name: &'d str) -> usize {
        let known = self.participants.iter().position(|known| *known == name);
        known.unwrap_or_else(|| {
            self.participants.push(name);
            self.participants.len() - 1
        }) + 1
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.rows, "    {text}");
    }

    fn note(&mut self, over: usize, text: &str) {
        let text = escape(text);
        self.line(&format!("Note over p{over}: {text}"));
    }

    /// Ways are kept to some hundred steps, so this does not go deep.
    fn children(&mut self, node: usize, from: usize) {
        for &child in &self.tree.nodes[node].children {
            match self.tree.nodes[child].what {
                What::Root => {}
                What::Way(step) => self.step(child, step, from),
                What::Change(index) => self.change(&self.difference.changes[index], from),
            }
        }
    }

    fn step(&mut self, node: usize, step: &'d Waypoint, from: usize) {
        match step {
            Waypoint::Call(call) => self.call(node, call, from),
            Waypoint::Loop { line, old, new, .. } => {
                let which = if old == new {
                    format!("iteration {}", thousands(*new))
                } else {
                    format!("iteration {} → {}", thousands(*old), thousands(*new))
                };
                let line = line.map_or(String::new(), |line| format!(", line {line}"));
                self.line(&format!("loop {which}{line}"));
                self.children(node, from);
                self.line("end");
            }
            Waypoint::Lane { new, is_task, .. } => {
                let kind = if *is_task { "task" } else { "thread" };
                self.note(from, &format!("{kind} {new}"));
                self.children(node, from);
            }
            Waypoint::More { calls } => {
                self.note(from, &format!("{} deeper", counted(*calls as u64, "call")));
                self.children(node, from);
            }
        }
    }

    fn call(&mut self, node: usize, call: &'d CallStep, from: usize) {
        let to = self.participant(&call.participant);
        let changes = &self.tree.nodes[node].changes;
        let changes = changes.iter().map(|index| &self.difference.changes[*index]);
        let (args, ends): (Vec<&Change>, Vec<&Change>) =
            changes.partition(|change| change.kind == Kind::Argument);
        let said = |changes: &[&Change]| {
            let parts: Vec<String> = changes.iter().map(|change| values_text(change)).collect();
            parts.join(", ")
        };
        let (open, close) = (
            format!("p{from}->>+p{to}: "),
            format!("p{to}-->>-p{from}: "),
        );
        if args.is_empty() {
            let label = escape(&format!("{}()", call.name));
            self.line(&format!("{open}{label}"));
        } else {
            let label = escape(&format!("~ {}({})", call.name, said(&args)));
            self.marked(CHANGED, &format!("{open}{label}"));
        }
        self.children(node, to);
        if ends.is_empty() {
            self.line(&format!("{close}the same"));
        } else {
            let has_failed = ends.iter().any(|change| {
                let new = change.values.first().and_then(|values| values.new.as_ref());
                change.kind == Kind::Exception
                    || change.kind == Kind::Outcome
                        && new.is_some_and(|new| !new.starts_with("returned"))
            });
            let close = if has_failed {
                format!("p{to}--x-p{from}: ")
            } else {
                close
            };
            let label = escape(&format!("~ {}", said(&ends)));
            self.marked(CHANGED, &format!("{close}{label}"));
        }
    }

    fn marked(&mut self, color: &str, line: &str) {
        self.line(&format!("rect {color}"));
        self.line(line);
        self.line("end");
    }

    fn change(&mut self, change: &'d Change, from: usize) {
        let times = if change.times > 1 {
            format!(" {}×", thousands(change.times))
        } else {
            String::new()
        };
        let first = change.values.first();
        let values = first.map_or((None, None), |values| values.shown(2 * VALUE_CHARS));
        match change.kind {
            Kind::Iterations => {
                let line = change
                    .line
                    .map_or(String::new(), |line| format!(", line {line}"));
                let label = escape(&format!("{} iterations{line}{times}", values_text(change)));
                self.line(&format!("rect {CHANGED}"));
                self.line(&format!("loop ~ {label}"));
                for inside in &change.inside {
                    self.change(inside, from);
                }
                self.line("end");
                self.line("end");
            }
            Kind::Order => {
                let to = self.participant(&change.participant);
                let text = format!("~ {}(){times} {}", change.function, values_text(change));
                let label = escape(&text);
                self.marked(CHANGED, &format!("p{from}->>p{to}: {label}"));
            }
            _ => {
                let (sign, color, text) = match values {
                    (None, text) => ("+", ADDED, text),
                    (text, _) => ("-", REMOVED, text),
                };
                let to = self.participant(&change.participant);
                let inside = if change.calls_inside > 0 {
                    format!(", {} inside", counted(change.calls_inside, "call"))
                } else {
                    String::new()
                };
                let text = format!("{sign} {}{times}{inside}", text.unwrap_or_default());
                let label = escape(&text);
                self.marked(color, &format!("p{from}->>p{to}: {label}"));
            }
        }
    }
}

/// `qty=3 → 4`
fn values_text(change: &Change) -> String {
    let text = change
        .values
        .first()
        .map_or(String::new(), |values| pair_text(values, VALUE_CHARS));
    match &change.argument {
        Some(name) => format!("{name}={text}"),
        None => text,
    }
}

/// `3 → 4`
#[must_use]
pub fn pair_text(values: &Values, most: usize) -> String {
    let (old, new) = values.shown(most);
    let none = || "not there".to_owned();
    format!(
        "{} → {}",
        old.unwrap_or_else(none),
        new.unwrap_or_else(none)
    )
}
