//! Damage at random.

use crate::frames::{Frame, Head, Kind, build_under};
use crate::random::Random;
use crate::seeds::{Files, Seed};

/// A run, damaged. Half of them, about, keep their checksums right, so that what is inside of blocks
/// is read; the others are as a disk or a transfer damages files.
#[must_use]
pub fn run(random: &mut Random, seeds: &[Seed]) -> Vec<Files> {
    let (Some(seed), Some(donor)) = (random.pick(seeds), random.pick(seeds)) else {
        return Vec::new();
    };
    let mut files = seed.processes.clone();
    let at = random.below(files.len());
    let process = &mut files[at];
    let Some(donor) = random.pick(&donor.processes) else {
        return files;
    };
    if random.once_in(2) {
        match &mut process.part {
            Some(part) if random.once_in(2) => bytes(random, part, &donor.main),
            _ => bytes(random, &mut process.main, &donor.main),
        }
        if random.once_in(8) {
            process.part.clone_from(&donor.part);
        }
    } else {
        let mut changed = process.frames();
        frames(random, &mut changed, &donor.frames());
        let head = Head::of(&process.main, process.part.as_deref());
        (process.main, process.part) = build_under(&head, &changed);
    }
    files
}

/// Numbers at which something may overflow, as LEB128.
const HUGE: [&[u8]; 10] = [
    &[0x00],
    &[0x7f],
    &[0x80, 0x01],
    &[0xff, 0xff, 0x03],
    &[0xff, 0xff, 0xff, 0x07],
    &[0xff, 0xff, 0xff, 0xff, 0x07],
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0x80, 0x80, 0x80, 0x80, 0x10],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
];

/// Texts that mean something where they are shown.
const TEXTS: [&str; 12] = [
    "\u{1b}[2J\u{1b}]0;x\u{7}",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!--<script>",
    "a; b # c",
    "end\nparticipant p9",
    "\r\n\t\u{0}",
    "\u{202e}txt\u{2066}",
    "\u{2028}\u{2029}\u{feff}\u{200b}",
    "`````",
    "%%{init: {}}%%",
    "Type: KeyError: SystemExit: 0",
];

/// Changes bytes somewhere.
pub fn bytes(random: &mut Random, bytes: &mut Vec<u8>, donor: &[u8]) {
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len() + 1);
        match random.below(9) {
            0 | 1 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
            2 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = random.next() as u8;
                }
            }
            3 => {
                let until = (at + 1 + random.below(8)).min(bytes.len());
                bytes.drain(at..until);
            }
            4 => {
                let new = HUGE[random.below(HUGE.len())];
                let until = (at + random.below(new.len() + 1)).min(bytes.len());
                bytes.splice(at..until, new.iter().copied());
            }
            5 => {
                let text = TEXTS[random.below(TEXTS.len())].as_bytes();
                let until = (at + text.len()).min(bytes.len());
                // In place where lengths shall stay what they are.
                let until = if random.once_in(3) { at } else { until };
                bytes.splice(at..until, text.iter().copied());
            }
            6 => {
                let from = random.below(donor.len() + 1);
                let until = (from + random.below(64)).min(donor.len());
                bytes.splice(at..at, donor[from..until].iter().copied());
            }
            7 => {
                let until = (at + random.below(32)).min(bytes.len());
                let piece = bytes[at..until].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => bytes.truncate(at.max(1)),
        }
    }
}

/// Changes payloads and their order; `donor`: frames of another run.
pub fn frames(random: &mut Random, frames: &mut Vec<Frame>, donor: &[Frame]) {
    for _ in 0..=random.below(3) {
        let at = random.below(frames.len());
        let other = random.below(frames.len());
        match random.below(10) {
            0 if !frames.is_empty() => {
                frames.remove(at);
            }
            1 if !frames.is_empty() => {
                let again = frames[at].clone();
                frames.insert(other, again);
            }
            2 if !frames.is_empty() => frames.swap(at, other),
            3 => {
                if let Some(frame) = random.pick(donor) {
                    frames.insert(at, frame.clone());
                }
            }
            4 => {
                if let Some(frame) = frames.get_mut(at) {
                    frame.plain = random.next() as u8 >> random.below(8);
                    frame.kind = if random.once_in(4) {
                        Kind::Segment
                    } else {
                        Kind::Block(random.below(6) as u8)
                    };
                }
            }
            _ => {
                let piece = random
                    .pick(donor)
                    .map_or(&[][..], |frame| &frame.bytes)
                    .to_vec();
                if let Some(frame) = frames.get_mut(at) {
                    bytes(random, &mut frame.bytes, &piece);
                }
            }
        }
    }
}
