//! Any bytes as a program: calls, loops, failures, threads, tasks and generators in any order.

use execmap_query::testing::TraceBuilder;
use execmap_query::{CallNumber, Trace};

use crate::{faces, maps};

/// Programs to begin with: options of a map, then steps.
pub const SEEDS: [(&str, &[u8]); 5] = [
    ("loop", b"\0\0\0\0\0\0\0\0\0\0\0\0a:b\0\x00\x00\x00\x09\x03\x00\x05\x00\x0f\x33\x0f\x44\x03\x00"),
    ("recursion", b"\0\x08\0\0\0\0\0\0\0\0\0\x20fib\0\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x03\x00\x03\x00"),
    ("failure", b"\0\x10\0\0\0\0\0\0\0\0\0\x09m\0\x00\x01\x00\x02\x04\x00\x04\x01\x05\x00\x0f\x59"),
    ("threads", b"\0\0\0\0\0\0\0\0\0\0\0\x3c*\0\x00\x01\x06\x01\x00\x02\x06\x02\x00\x02\x06\x00\x03\x00"),
    ("generators", b"\0\x40\0\0\0\0\0\0\0\0\0\x07g\0\x00\x01\x00\x03\x07\x00\x00\x02\x03\x00\x07\x01\x03\x00"),
];

const MOST_CALLS: usize = 3_000;
const THREADS: usize = 3;

const NAMES: [&str; 8] = [
    "main",
    "shop.cart:Cart.add",
    "shop.pricing:price",
    "fib",
    "class Body",
    "<module>",
    "a.b.c:end",
    "other:loop; alt # <br> %%",
];

const VALUES: [&str; 8] = [
    "1",
    "2",
    "'pen'",
    "None",
    "not recorded",
    "ValueError: x; # end\nnote",
    "SystemExit: 0",
    "'\u{1b}[2J\u{202e}</script>'",
];

/// Loops of every function: header, last jump back, and whether entries are recorded.
const LOOPS: [(u32, u32, bool); 4] = [
    (100, 498, true),
    (200, 398, true),
    (300, 338, false),
    (1100, 1498, true),
];

struct Writer {
    builder: TraceBuilder,
    calls: usize,
    thread: usize,
    depths: [usize; THREADS],
    waiting: Vec<CallNumber>,
}

/// The trace of a program.
#[must_use]
pub fn trace(steps: &[u8]) -> Trace {
    let mut builder = TraceBuilder::new();
    for thread in 1..THREADS {
        builder.new_thread(&format!("t{thread}"), None);
    }
    builder.on_thread(0);
    let mut writer = Writer {
        builder,
        calls: 0,
        thread: 0,
        depths: [0; THREADS],
        waiting: Vec::new(),
    };
    let steps: Vec<[u8; 2]> = steps
        .chunks_exact(2)
        .map(|step| [step[0], step[1]])
        .collect();
    for (at, &[what, with]) in steps.iter().enumerate() {
        if what & 15 == 15 {
            // What was last done is done again and again.
            let before = &steps[at.saturating_sub(usize::from(with & 15))..at];
            for _ in 0..1usize << (with >> 5) {
                for step in before {
                    writer.step(*step);
                }
            }
        } else {
            writer.step([what, with]);
        }
    }
    writer.builder.trace()
}

impl Writer {
    fn step(&mut self, [what, with]: [u8; 2]) {
        let choice = usize::from(with);
        let depth = self.depths[self.thread];
        match what & 15 {
            0..=2 if self.calls < MOST_CALLS => {
                let name = NAMES[choice & 7];
                let value = VALUES[usize::from(what >> 4) & 7];
                self.builder.loops(name, &[("a", "")], &LOOPS);
                // Where in the caller: before, in, between and behind loops.
                self.builder.at(u32::from(with >> 3) * 50 + 2);
                self.builder.call(name, &[("a", value)]);
                self.calls += 1;
                self.depths[self.thread] += 1;
            }
            3 if depth > 0 => {
                self.builder.returns(VALUES[choice & 7]);
                self.depths[self.thread] -= 1;
            }
            4 if depth > 0 => {
                self.builder.raises(VALUES[choice & 7]);
                self.depths[self.thread] -= 1;
            }
            5 if depth > 0 => {
                let count = 1 + u32::from(with >> 6);
                self.builder.enters(LOOPS[choice & 3].0, count);
            }
            6 => {
                self.thread = choice % THREADS;
                self.builder.on_thread(self.thread as u32);
                if with & 0x80 != 0 {
                    self.builder.new_task(VALUES[choice & 7], None);
                }
            }
            7 if with & 1 == 0 && depth > 0 => {
                self.waiting.push(self.builder.suspends());
                self.depths[self.thread] -= 1;
            }
            7 if with & 1 != 0 && !self.waiting.is_empty() => {
                let call = self.waiting.remove(choice % self.waiting.len());
                if with & 2 == 0 {
                    self.builder.resumes(call);
                    self.depths[self.thread] += 1;
                } else {
                    self.builder.closes(call);
                }
            }
            _ => {}
        }
    }
}

/// Folds the program that some bytes are, and draws the map of it that they ask for.
///
/// # Panics
/// When a rule is broken.
pub fn try_out(data: &[u8]) -> bool {
    let Some((head, steps)) = data.split_first_chunk::<16>() else {
        return false;
    };
    let trace = trace(steps);
    maps::is_lossless(&trace);
    let number = head[4..12]
        .iter()
        .fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    let choice = u64::from(u16::from_le_bytes([head[0], head[1]])) << 2 | 2;
    let pattern = String::from_utf8_lossy(&head[12..]);
    faces::asked(&trace, choice, pattern.trim_end_matches('\0'), number);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn what_programs_begin_with_makes_calls() {
        for (name, program) in SEEDS {
            assert!(trace(&program[16..]).calls().count() > 1, "{name}");
            assert!(try_out(program));
        }
    }

    #[test]
    fn programs_at_random_are_folded_and_drawn() {
        for number in 0..400 {
            let mut random = Random::new(number);
            let mut program: Vec<u8> = (0..400).map(|_| random.next() as u8).collect();
            // Patterns that mean something, and none.
            let pattern: &[u8; 4] = if random.once_in(2) {
                b"*\0\0\0"
            } else {
                b"fib\0"
            };
            program[12..16].copy_from_slice(pattern);
            assert!(try_out(&program), "{number}");
        }
    }
}
