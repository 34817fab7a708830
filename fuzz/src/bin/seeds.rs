//! Writes the corpus that fuzzing begins with, made of the golden traces: `seeds FOLDER`.

use std::fs;
use std::io;
use std::path::Path;

use execmap_fuzz::frames::{Kind, serialise};
use execmap_fuzz::programs;
use execmap_fuzz::random::Random;
use execmap_fuzz::seeds::{self, Files};

fn main() -> io::Result<()> {
    let folder = std::env::args()
        .nth(1)
        .ok_or_else(|| io::Error::other("usage: seeds FOLDER"))?;
    let put = |target: &str, name: &str, bytes: &[u8]| {
        let folder = Path::new(&folder).join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), bytes)
    };
    for (name, program) in programs::SEEDS {
        put("map", name, program)?;
    }
    // Longer ones: a fuzzer grows its inputs slowly.
    for number in 0..8 {
        let mut random = Random::new(number);
        let program: Vec<u8> = (0..400).map(|_| random.next() as u8).collect();
        put("map", &format!("random-{number}"), &program)?;
    }
    for seed in seeds::all() {
        for files in &seed.processes {
            of_process(&(seed.name.clone() + &files.ending), files, &put)?;
        }
    }
    Ok(())
}

fn of_process(
    name: &str,
    files: &Files,
    put: &dyn Fn(&str, &str, &[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let part = files.part.as_deref().unwrap_or_default();
    put("container", name, &[&files.main[..], part].concat())?;
    let frames = files.frames();
    put("trace", name, &serialise(&frames))?;
    for (index, frame) in frames.iter().enumerate() {
        let name = format!("{name}-{index}");
        match frame.kind {
            Kind::Block(kind) => put("block", &name, &[&[kind][..], &frame.bytes].concat())?,
            Kind::Segment => put("segment", &name, &frame.bytes[64.min(frame.bytes.len())..])?,
        }
    }
    for choice in 0..8u8 {
        let words = [
            &[
                0,
                choice << 2 | choice % 4,
                choice,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                choice,
            ][..],
            b"shop.*:fib?",
        ]
        .concat();
        put("query", &format!("{name}-{choice}"), &words)?;
    }
    Ok(())
}
