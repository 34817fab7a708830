//! Damages golden traces at random and sends each through every command in every format, and once more
//! with options: `mutate [--count N] [--seconds N] [--seed N] [--from N] [--keep FOLDER]`.
//!
//! A command may say that a trace cannot be read. It must not fail, and what it says must be one
//! clear line. The commands run in a process of their own with little memory, so that it is noticed
//! when they abort, run out of stack or memory, or do not end. Traces that break this are kept.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use execmap_cli::Done;
use execmap_fuzz::commands::{self, NAMES, OPTIONS, PLAIN, carry_out};
use execmap_fuzz::random::Random;
use execmap_fuzz::{mutate, seeds};
use serde::{Deserialize, Serialize};

/// Traces for one process.
const CHUNK: u64 = 20_000;
/// Processor time that a command may take.
const SECONDS: u64 = 10;
/// Time that a command may take, whatever else the machine does.
const MINUTES: u64 = 10;
/// Address space of the process, in KiB.
const MEMORY_KIB: u64 = 1 << 20;
/// More calls than damage of a small trace can make.
const CALLS_A_BYTE: u64 = 1_000;
/// How wide the terminal is.
const WIDTHS: [Option<usize>; 5] = [None, Some(80), Some(200), Some(20), Some(1)];
/// After so many findings there is enough to do.
const ENOUGH: u64 = 20;

#[derive(Clone, Debug)]
struct Wanted {
    count: u64,
    seconds: u64,
    seed: u64,
    from: u64,
    keep: PathBuf,
    /// Where the commands are carried out, in the process that does.
    work: Option<PathBuf>,
}

fn wanted() -> Result<Wanted, String> {
    let mut wanted = Wanted {
        count: u64::MAX,
        seconds: u64::MAX,
        seed: 1,
        from: 0,
        keep: std::env::temp_dir(),
        work: None,
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
            "--from" => wanted.from = number()?,
            "--keep" => wanted.keep = PathBuf::from(&value),
            "--work" => wanted.work = Some(PathBuf::from(&value)),
            _ => return Err(format!("unknown option {word}")),
        }
    }
    if wanted.count == u64::MAX && wanted.seconds == u64::MAX {
        return Err("how many? --count N or --seconds N".to_owned());
    }
    Ok(wanted)
}

fn main() -> ExitCode {
    let outcome = wanted().and_then(|mut wanted| {
        wanted.keep = std::path::absolute(&wanted.keep).map_err(|error| error.to_string())?;
        let done = match wanted.work.clone() {
            Some(work) => carry_out_all(&wanted, &work).map(|()| 0),
            None => oversee(&wanted),
        };
        done.map_err(|error| error.to_string())
    });
    match outcome {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(why) => {
            let _ = writeln!(io::stderr(), "error: {why}");
            ExitCode::from(2)
        }
    }
}

/// What was done so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Figures {
    traces: u64,
    commands: u64,
    refused_commands: u64,
    /// By what `execmap info` says of the trace.
    states: BTreeMap<String, u64>,
    /// Traces with at least a call.
    with_calls: u64,
    calls: u64,
    /// Traces of which something is said to be missing.
    with_losses: u64,
    findings: u64,
    slowest_ms: u64,
    slowest: u64,
}

impl Figures {
    fn add(&mut self, more: &Figures) {
        self.traces += more.traces;
        self.commands += more.commands;
        self.refused_commands += more.refused_commands;
        for (state, count) in &more.states {
            *self.states.entry(state.clone()).or_default() += count;
        }
        self.with_calls += more.with_calls;
        self.calls += more.calls;
        self.with_losses += more.with_losses;
        self.findings += more.findings;
        if more.slowest_ms > self.slowest_ms {
            (self.slowest_ms, self.slowest) = (more.slowest_ms, more.slowest);
        }
    }

    fn line(&self, seconds: f64) -> String {
        let share = |part: u64| part as f64 * 100.0 / self.traces.max(1) as f64;
        let states: Vec<String> = self
            .states
            .iter()
            .map(|(state, count)| format!("{:.1} % {state}", share(*count)))
            .collect();
        format!(
            "{} damaged traces, {} commands ({} said why not), {} findings, {seconds:.0} s; {}; {:.1} % with calls, \
             {:.0} on average; {:.1} % with losses; slowest command {} ms (trace {})",
            self.traces,
            self.commands,
            self.refused_commands,
            self.findings,
            states.join(", "),
            share(self.with_calls),
            self.calls as f64 / self.with_calls.max(1) as f64,
            share(self.with_losses),
            self.slowest_ms,
            self.slowest
        )
    }
}

/// Where a process that carries out commands says how far it is.
fn figures_of(work: &Path) -> Figures {
    let text = fs::read(work.join("figures.json")).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Has all traces go through all commands, some thousand in one process.
fn oversee(wanted: &Wanted) -> io::Result<u64> {
    // In memory where there is such a place: each trace is written to a file.
    let shared = Path::new("/dev/shm");
    let place = if shared.is_dir() {
        shared.to_owned()
    } else {
        std::env::temp_dir()
    };
    let work = place.join(format!("execmap-mutate-{}", std::process::id()));
    fs::create_dir_all(work.join("run"))?;
    let began = Instant::now();
    let mut all = Figures::default();
    let mut out = io::stdout();
    writeln!(out, "seed {}, from trace {}", wanted.seed, wanted.from)?;
    while all.traces < wanted.count && all.findings < ENOUGH {
        let left = wanted.seconds.saturating_sub(began.elapsed().as_secs());
        if left == 0 {
            break;
        }
        let from = wanted.from + all.traces;
        let chunk = Wanted {
            from,
            seconds: left,
            count: CHUNK.min(wanted.count - all.traces),
            ..wanted.clone()
        };
        fs::write(work.join("figures.json"), "")?;
        fs::write(work.join("at"), "")?;
        let ended = attend(start(&chunk, &work)?, &work)?;
        let mut done = figures_of(&work);
        if let Err(why) = ended {
            // The process died with the trace after the last that it counted.
            done.traces += 1;
            done.findings += 1;
            let at = fs::read_to_string(work.join("at"))?;
            let kept = keep(wanted, from + done.traces - 1, |folder| {
                for file in fs::read_dir(work.join("run"))?.flatten() {
                    if file
                        .file_name()
                        .to_string_lossy()
                        .starts_with("run.execmap")
                    {
                        fs::copy(file.path(), folder.join(file.file_name()))?;
                    }
                }
                Ok(())
            })?;
            writeln!(out, "{:?} on {}: {why}", at.trim(), kept.display())?;
        }
        all.add(&done);
        writeln!(out, "{}", all.line(began.elapsed().as_secs_f64()))?;
    }
    fs::remove_dir_all(&work)?;
    Ok(all.findings)
}

fn start(wanted: &Wanted, work: &Path) -> io::Result<Child> {
    let limit = format!("ulimit -c 0; ulimit -v {MEMORY_KIB}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.arg("-c").arg(limit).arg(std::env::current_exe()?);
    for (option, value) in [
        ("--seed", wanted.seed),
        ("--from", wanted.from),
        ("--count", wanted.count),
        ("--seconds", wanted.seconds),
    ] {
        command.arg(option).arg(value.to_string());
    }
    command.arg("--keep").arg(&wanted.keep);
    command.arg("--work").arg(work);
    // What was freed is kept: asking the system for it again takes longer than a small command.
    command.env("MALLOC_TRIM_THRESHOLD_", "200000000");
    command.env("MALLOC_TOP_PAD_", "32000000");
    command.env("MALLOC_MMAP_THRESHOLD_", "30000000");
    command
        .current_dir(work.join("run"))
        .stdin(Stdio::null())
        .spawn()
}

/// Waits for a process; says why when it did not come to its end.
fn attend(mut child: Child, work: &Path) -> io::Result<Result<(), String>> {
    let processor_seconds = |child: &Child| -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks = after_name.split_whitespace().skip(11).take(2);
        ticks
            .filter_map(|word| word.parse::<u64>().ok())
            .sum::<u64>()
            / 100
    };
    let mut seen = (Vec::new(), Vec::new());
    let (mut since, mut used) = (Instant::now(), 0);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(is_done(status));
        }
        let now = (
            fs::read(work.join("figures.json"))?,
            fs::read(work.join("at"))?,
        );
        if now != seen {
            (seen, since, used) = (now, Instant::now(), processor_seconds(&child));
        }
        let is_long = processor_seconds(&child).saturating_sub(used) > SECONDS;
        if is_long || since.elapsed() > Duration::from_secs(60 * MINUTES) {
            child.kill()?;
            child.wait()?;
            return Ok(Err(format!("takes more than {SECONDS} s")));
        }
        sleep(Duration::from_millis(50));
    }
}

fn is_done(status: ExitStatus) -> Result<(), String> {
    if status.success() {
        Ok(())
    } else {
        Err(format!("the process died: {status}"))
    }
}

/// Makes the folder in which a trace is kept.
fn keep(
    wanted: &Wanted,
    number: u64,
    fill: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<PathBuf> {
    let folder = wanted
        .keep
        .join(format!("finding-{}-{number}", wanted.seed));
    fs::create_dir_all(&folder)?;
    fill(&folder)?;
    Ok(folder.join("run.execmap"))
}

/// Has traces go through all commands in this process, in the working directory.
fn carry_out_all(wanted: &Wanted, work: &Path) -> io::Result<()> {
    // Panics are findings, which are told once.
    std::panic::set_hook(Box::new(|_| {}));
    let seeds = seeds::all();
    let at = File::options().write(true).open(work.join("at"))?;
    let mut figures = Figures::default();
    let began = Instant::now();
    while figures.traces < wanted.count
        && began.elapsed() < Duration::from_secs(wanted.seconds)
        && figures.findings < ENOUGH
    {
        let number = wanted.from + figures.traces;
        // Each trace follows from the seed and its number alone, so that it can be made again.
        let mut random = Random::new(wanted.seed << 40 ^ number);
        let run = mutate::run(&mut random, &seeds);
        for file in fs::read_dir(".")?.flatten() {
            fs::remove_file(file.path())?;
        }
        for process in &run {
            process.write(Path::new("."), "run")?;
        }
        let lines = lines(&mut random);
        let name = NAMES[random.below(NAMES.len())];
        let width = WIDTHS[random.below(WIDTHS.len())];
        for line in &lines {
            at.write_all_at(format!("{:<99}", line.0.join(" ")).as_bytes(), 0)?;
            if let Err(why) = one(&mut figures, number, *line, name, width) {
                figures.findings += 1;
                let kept = keep(wanted, number, |folder| {
                    run.iter()
                        .try_for_each(|process| process.write(folder, "run"))
                })?;
                writeln!(io::stdout(), "{line:?} on {}: {why}", kept.display())?;
                break;
            }
        }
        figures.traces += 1;
        fs::write(work.join("figures.json"), serde_json::to_vec(&figures)?)?;
    }
    Ok(())
}

/// The commands that a trace goes through.
fn lines(random: &mut Random) -> Vec<commands::Command> {
    let mut lines = PLAIN.to_vec();
    lines.extend(
        random
            .pick(&OPTIONS)
            .and_then(|command| random.pick(command)),
    );
    lines
}

/// Carries out a command and takes down how it went.
fn one(
    figures: &mut Figures,
    number: u64,
    command: commands::Command,
    trace: &str,
    width: Option<usize>,
) -> Result<(), String> {
    let began = Instant::now();
    let ran = carry_out(command, trace, width);
    let took = began.elapsed().as_millis() as u64;
    if took > figures.slowest_ms {
        (figures.slowest_ms, figures.slowest) = (took, number);
    }
    figures.commands += 1;
    let ran = ran?;
    figures.refused_commands += u64::from(ran.done == Done::Exit(2));
    if command == PLAIN[0] {
        let info: Info = serde_json::from_str(&ran.out).unwrap_or_default();
        *figures.states.entry(info.state).or_default() += 1;
        if info.calls > info.bytes.saturating_mul(CALLS_A_BYTE) {
            return Err(format!("{} calls in {} bytes", info.calls, info.bytes));
        }
        figures.calls += info.calls;
        figures.with_calls += u64::from(info.calls > 0);
        figures.with_losses += u64::from(!info.left_out.is_empty());
    }
    Ok(())
}

/// What `execmap info --json` says, of a trace that opens.
#[derive(Deserialize)]
struct Info {
    state: String,
    calls: u64,
    bytes: u64,
    left_out: BTreeMap<String, u64>,
}

impl Default for Info {
    fn default() -> Self {
        Info {
            state: "refused".to_owned(),
            calls: 0,
            bytes: 0,
            left_out: BTreeMap::new(),
        }
    }
}
