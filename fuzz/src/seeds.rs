//! The traces that everything begins with: those that every version must read.

use std::fs;
use std::path::{Path, PathBuf};

use execmap_format::{Begin, LogState};

use crate::frames::{Frame, Head, Kind, build_under, take_apart};

/// What one process wrote.
#[derive(Clone, Debug)]
pub struct Files {
    /// What comes after `NAME.execmap` in the name of its trace: empty for the first process,
    /// `.PID-N` for its children.
    pub ending: String,
    /// The trace.
    pub main: Vec<u8>,
    /// The side file, of a process that was killed.
    pub part: Option<Vec<u8>>,
}

impl Files {
    /// What is in them behind checksums and compression.
    #[must_use]
    pub fn frames(&self) -> Vec<Frame> {
        take_apart(&self.main, self.part.as_deref())
    }

    /// Writes them into a folder as those of a run of this name.
    pub fn write(&self, folder: &Path, name: &str) -> std::io::Result<()> {
        let main = folder.join(format!("{name}.execmap{}", self.ending));
        fs::write(&main, &self.main)?;
        let mut side = main.into_os_string();
        side.push(".part");
        match &self.part {
            Some(part) => fs::write(side, part),
            None => match fs::remove_file(side) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
        }
    }
}

/// A run.
#[derive(Clone, Debug)]
pub struct Seed {
    /// Its name.
    pub name: String,
    /// The files of its processes, those of the first one first.
    pub processes: Vec<Files>,
}

/// Where the golden traces lie.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/v1")
}

/// The golden traces in the order of their names, and what a ring would have kept of one.
///
/// # Panics
/// When there are none.
#[must_use]
pub fn all() -> Vec<Seed> {
    let entries = fs::read_dir(folder()).expect("the golden traces are there");
    let mut names: Vec<String> = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let seed = |trace: &String| {
        let name = trace.strip_suffix(".execmap")?;
        let processes = names.iter().filter_map(|file| {
            let ending = file.strip_prefix(trace)?;
            let is_trace = ending.is_empty()
                || ending.starts_with(|c: char| c == '.') && ending[1..].starts_with(is_digit);
            (is_trace && !ending.ends_with(".part")).then(|| read(file, ending))
        });
        Some(Seed {
            name: name.to_owned(),
            processes: processes.collect(),
        })
    };
    let mut seeds: Vec<Seed> = names.iter().filter_map(seed).collect();
    assert!(
        !seeds.is_empty(),
        "there are no traces in {}",
        folder().display()
    );
    let whole = seeds.iter().find(|seed| seed.name == "calls");
    seeds.extend(
        whole
            .map(|whole| of_a_ring(&whole.processes[0]))
            .into_iter(),
    );
    seeds
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

fn read(file: &str, ending: &str) -> Files {
    let path = folder().join(file);
    Files {
        ending: ending.to_owned(),
        main: fs::read(&path).expect("a golden trace can be read"),
        part: fs::read(folder().join(format!("{file}.part"))).ok(),
    }
}

/// A trace that says that calls came before it.
fn of_a_ring(whole: &Files) -> Seed {
    let begin = Begin {
        next_call: 2,
        next_row: 0,
        logs: vec![LogState {
            open: vec![1, 0],
            ..LogState::default()
        }],
    };
    let mut frames = whole.frames();
    frames.insert(
        0,
        Frame {
            kind: Kind::Block(5),
            plain: 0,
            bytes: begin.encode(),
        },
    );
    let (main, part) = build_under(&Head::of(&whole.main, None), &frames);
    let files = Files {
        ending: String::new(),
        main,
        part,
    };
    Seed {
        name: "ring".to_owned(),
        processes: vec![files],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_runs_of_several_processes_recovered_ones_and_a_ring() {
        let seeds = all();
        assert!(seeds.iter().any(|seed| seed.processes.len() > 3));
        let is_recovered = |seed: &&Seed| seed.processes.iter().any(|files| files.part.is_some());
        assert!(seeds.iter().filter(is_recovered).count() >= 3);
        let ring = seeds.iter().find(|seed| seed.name == "ring");
        let files = ring.expect("it is there").processes[0].clone();
        let trace = execmap_query::testing::open_bytes(files.main, None).expect("it opens");
        let info = execmap_query::info(&trace);
        assert!(info.calls > 0);
        assert!(!info.left_out.is_empty(), "calls were dropped");
    }
}
