//! Damages golden traces at random and sends them through every command: `mutate [--count N]
//! [--seconds N] [--seed N] [--keep FOLDER]`. One in sixteen goes through all of them, the others through
//! four.
//!
//! A command may say that a trace cannot be read. It must not fail, and what it says must be one
//! clear line. Traces that break this are kept.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use execmap_cli::{Done, Terminal, run_with};
use execmap_fuzz::frames::{Frame, build, take_apart};
use execmap_fuzz::random::Random;
use execmap_fuzz::{mutate, seeds};

const COMMANDS: [&[&str]; 14] = [
    &["info"],
    &["info", "--json"],
    &["tree"],
    &["tree", "--json"],
    &["tree", "--all", "--no-fold"],
    &["tree", "--function", "fib", "--depth", "3"],
    &["stats"],
    &["stats", "--json", "--sort", "mean"],
    &["map"],
    &["map", "--json"],
    &["map", "-f", "text", "--max-messages", "9"],
    &["export", "-f", "ndjson"],
    &["export", "-f", "json"],
    &["export", "-f", "html", "-o", "-"],
];

struct Wanted {
    count: u64,
    seconds: u64,
    seed: u64,
    keep: PathBuf,
}

fn wanted() -> Result<Wanted, String> {
    let mut wanted = Wanted {
        count: u64::MAX,
        seconds: u64::MAX,
        seed: 1,
        keep: std::env::temp_dir(),
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words
            .next()
            .ok_or_else(|| format!("{word} wants a value"))?;
        let number = || {
            value
                .parse::<u64>()
                .map_err(|error| format!("{word} {value}: {error}"))
        };
        match word.as_str() {
            "--count" => wanted.count = number()?,
            "--seconds" => wanted.seconds = number()?,
            "--seed" => wanted.seed = number()?,
            "--keep" => wanted.keep = PathBuf::from(&value),
            _ => return Err(format!("unknown option {word}")),
        }
    }
    if wanted.count == u64::MAX && wanted.seconds == u64::MAX {
        return Err("how many? --count N or --seconds N".to_owned());
    }
    Ok(wanted)
}

fn main() -> ExitCode {
    let outcome = wanted().and_then(|wanted| run(&wanted).map_err(|error| error.to_string()));
    match outcome {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(why) => {
            let _ = writeln!(io::stderr(), "error: {why}");
            ExitCode::from(2)
        }
    }
}

/// A seed, taken apart.
struct Seed {
    main: Vec<u8>,
    part: Option<Vec<u8>>,
    frames: Vec<Frame>,
}

#[derive(Default)]
struct Figures {
    traces: u64,
    commands: u64,
    refused: u64,
    findings: u64,
}

fn run(wanted: &Wanted) -> io::Result<u64> {
    let seeds: Vec<Seed> = seeds::traces()
        .into_iter()
        // Large ones make each attempt slow and find no more.
        .filter(|(_, main, part)| main.len() + part.as_ref().map_or(0, Vec::len) < 100_000)
        .map(|(_, main, part)| Seed {
            frames: take_apart(&main, part.as_deref()),
            main,
            part,
        })
        .collect();
    let folder = fs::canonicalize(std::env::temp_dir())?
        .join(format!("execmap-mutate-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let began = Instant::now();
    let mut figures = Figures::default();
    while figures.traces < wanted.count
        && began.elapsed() < Duration::from_secs(wanted.seconds)
        && figures.findings < 20
    {
        // Each trace follows from the seed and its number alone, so that it can be made again.
        let mut random = Random::new(wanted.seed << 40 ^ figures.traces);
        let (main, part) = damaged(&mut random, &seeds);
        figures.traces += 1;
        let commands: Vec<&[&str]> = if random.once_in(16) {
            COMMANDS.to_vec()
        } else {
            (0..4)
                .filter_map(|_| random.pick(&COMMANDS).copied())
                .collect()
        };
        let trace = (&main[..], part.as_deref());
        try_all(&mut figures, wanted, &folder, trace, &commands)?;
    }
    fs::remove_dir_all(&folder)?;
    let Figures {
        traces,
        commands,
        refused,
        findings,
    } = figures;
    let seconds = began.elapsed().as_secs_f64();
    writeln!(
        io::stdout(),
        "{traces} damaged traces, {commands} commands ({refused} refused), {findings} findings, {seconds:.0} s"
    )?;
    Ok(findings)
}

fn damaged(random: &mut Random, seeds: &[Seed]) -> (Vec<u8>, Option<Vec<u8>>) {
    let (seed, donor) = (
        &seeds[random.below(seeds.len())],
        &seeds[random.below(seeds.len())],
    );
    if random.once_in(3) {
        // As a disk or a transfer damages a file: checksums are wrong.
        let (mut main, mut part) = (seed.main.clone(), seed.part.clone());
        match &mut part {
            Some(part) if random.once_in(2) => mutate::bytes(random, part, &donor.main),
            _ => mutate::bytes(random, &mut main, &donor.main),
        }
        if random.once_in(4) {
            part.clone_from(&donor.part);
        }
        return (main, part);
    }
    let mut frames = seed.frames.clone();
    mutate::frames(random, &mut frames, &donor.frames);
    build(&frames)
}

fn try_all(
    figures: &mut Figures,
    wanted: &Wanted,
    folder: &Path,
    (main, part): (&[u8], Option<&[u8]>),
    commands: &[&[&str]],
) -> io::Result<()> {
    let path = folder.join("run.execmap");
    let side = folder.join("run.execmap.part");
    fs::write(&path, main)?;
    match part {
        Some(part) => fs::write(&side, part)?,
        None => drop(fs::remove_file(&side)),
    }
    for command in commands {
        figures.commands += 1;
        let (done, err) = carry_out(command, &path);
        figures.refused += u64::from(done == Done::Exit(2));
        let is_fine = match done {
            Done::Exit(0 | 1) => err.is_empty(),
            Done::Exit(2) => err.starts_with("error: ") && err.lines().count() == 1,
            _ => false,
        };
        if !is_fine {
            figures.findings += 1;
            let kept = wanted.keep.join(format!(
                "finding-{}-{}.execmap",
                wanted.seed, figures.traces
            ));
            fs::write(&kept, main)?;
            if let Some(part) = part {
                fs::write(kept.with_extension("execmap.part"), part)?;
            }
            writeln!(
                io::stdout(),
                "{command:?} on {}: {done:?} {err}",
                kept.display()
            )?;
            break;
        }
    }
    Ok(())
}

/// Output that is thrown away, or kept.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .map_err(|_| io::ErrorKind::Other)?
            .write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn carry_out(command: &[&str], path: &Path) -> (Done, String) {
    let err = Shared::default();
    let mut terminal = Terminal::writing_to(Box::new(io::sink()), Box::new(err.clone()), Some(80));
    let args = std::iter::once("execmap")
        .chain(command.iter().copied())
        .map(OsString::from)
        .chain([path.as_os_str().to_owned()]);
    let done = run_with(args, &mut terminal);
    let err = err
        .0
        .lock()
        .map(|err| String::from_utf8_lossy(&err).into_owned());
    (done, err.unwrap_or_default())
}
