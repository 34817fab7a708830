//! `execmap map --check`: maps in documents, drawn again and compared.
//!
//! A document names no command but `execmap run` and `execmap map`. They are read
//! here and never given to a shell; what is recorded for a map is kept in a folder
//! of its own and removed.

use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Program, Stdio};

use clap::Parser;
use execmap_export::mermaid;
use execmap_map::lines_in_common;
use execmap_query::counted;

use crate::args::{Cli, Command, MapArgs};
use crate::commands::{Failure, drawn_map};
use crate::documents::{DocumentError, Drawn, behaviour, maps};
use crate::style::{ADDED, FAILED, HERE, QUIET, paint};
use crate::terminal::Terminal;

/// Why maps of documents were not compared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckError {
    #[error("cannot read {}: {error}", .path.display())]
    Read {
        path: PathBuf,
        error: std::io::Error,
    },
    #[error("{}, {error}", .path.display())]
    Document { path: PathBuf, error: DocumentError },
    #[error("{}, line {line}: {what}", .path.display())]
    Command {
        path: PathBuf,
        line: usize,
        what: String,
    },
    #[error("{}: no map here says where it comes from; write `<!-- $ execmap map TRACE -->` above its block", .path.display())]
    Nothing { path: PathBuf },
}

/// Compares the maps of documents with what their commands draw now. Whether all are the same.
pub(crate) fn check(
    args: &MapArgs,
    python: Option<&Path>,
    terminal: &mut Terminal,
) -> Result<bool, Failure> {
    let (mut is_same, mut has_maps) = (true, false);
    for path in &args.check {
        if let Some(is_own_same) = check_document(path, args.update, python, terminal)? {
            is_same &= is_own_same;
            has_maps = true;
        }
    }
    match args.check.first() {
        Some(path) if !has_maps => Err(CheckError::Nothing {
            path: path.to_owned(),
        }
        .into()),
        _ => Ok(is_same),
    }
}

/// Nothing for a document without such a map.
fn check_document(
    path: &Path,
    is_updating: bool,
    python: Option<&Path>,
    terminal: &mut Terminal,
) -> Result<Option<bool>, Failure> {
    let owned = || path.to_owned();
    let text = fs::read_to_string(path).map_err(|error| {
        let path = owned();
        CheckError::Read { path, error }
    })?;
    let found = maps(&text).map_err(|error| {
        let path = owned();
        CheckError::Document { path, error }
    })?;
    if found.is_empty() {
        return Ok(None);
    }
    let lines: Vec<&str> = text.lines().collect();
    let mut written = String::with_capacity(text.len());
    let mut next = 0;
    let mut differing = 0;
    for drawn in &found {
        let now = draw(path, drawn, python, terminal)?;
        let (begin, end) = drawn.block;
        let block = &lines[begin..end];
        let before = block
            .get(1..block.len().saturating_sub(1))
            .unwrap_or_default();
        let now_lines: Vec<&str> = now.lines().collect();
        let told = |lines: &[&str]| -> Vec<String> {
            lines.iter().filter_map(|line| behaviour(line)).collect()
        };
        if told(before) == told(&now_lines) {
            continue;
        }
        differing += 1;
        let verdict = if is_updating {
            paint(HERE, "rewritten")
        } else {
            paint(FAILED, "differs")
        };
        let command = format!("execmap map {}", shown(&drawn.map));
        let mut report = format!("{}:{} {verdict}: {command}\n", path.display(), drawn.line);
        report.push_str(&differences(before, &now_lines));
        terminal.print(&report)?;
        written.extend(lines[next..begin].iter().map(|line| format!("{line}\n")));
        written.push_str(&mermaid::in_markdown(&now));
        next = end;
    }
    let what = counted(found.len() as u64, "map");
    if differing == 0 {
        let line = format!("{}: {what} up to date\n", path.display());
        terminal.print(&paint(ADDED, line))?;
        return Ok(Some(true));
    }
    if !is_updating {
        let hint = format!(
            "{}: {differing} of {what} differ; --update rewrites them\n",
            path.display()
        );
        terminal.print(&paint(HERE, hint))?;
        return Ok(Some(false));
    }
    written.extend(lines[next..].iter().map(|line| format!("{line}\n")));
    if text.contains("\r\n") {
        written = written.replace('\n', "\r\n");
    }
    if !text.ends_with('\n') && next < lines.len() {
        written.truncate(written.trim_end().len());
    }
    fs::write(path, written).map_err(|error| Failure::Write {
        path: owned(),
        error,
    })?;
    Ok(Some(true))
}

fn shown(words: &[String]) -> String {
    execmap_query::shell_words(words)
}

/// What the commands of a map draw now.
fn draw(
    document: &Path,
    drawn: &Drawn,
    python: Option<&Path>,
    terminal: &mut Terminal,
) -> Result<String, Failure> {
    let wrong = |what: String| {
        Failure::from(CheckError::Command {
            path: document.to_owned(),
            line: drawn.line,
            what,
        })
    };
    let parsed = |verb: &str, words: &[String]| {
        let words = ["execmap", verb]
            .into_iter()
            .chain(words.iter().map(String::as_str));
        let words = crate::run_request::separate(words.map(OsString::from).collect());
        Cli::try_parse_from(words).map_err(|error| {
            let text = error.render().to_string();
            let text = text
                .trim_start_matches("error: ")
                .lines()
                .next()
                .unwrap_or_default();
            wrong(text.to_owned())
        })
    };
    let Command::Map(mut args) = parsed("map", &drawn.map)?.command else {
        return Err(wrong("no map".to_owned()));
    };
    if args.output.is_some() || args.json || !args.check.is_empty() || args.update {
        return Err(wrong(
            "-o, --json, --check and --update have no place in a document".to_owned(),
        ));
    }
    if args
        .format
        .is_some_and(|format| format != crate::args::MapFormat::Mermaid)
    {
        return Err(wrong("only Mermaid maps are checked".to_owned()));
    }
    let mut folder = None;
    for words in &drawn.runs {
        let Command::Run(run) = parsed("run", words)?.command else {
            return Err(wrong("no run".to_owned()));
        };
        let request = run
            .request()
            .ok_or_else(|| wrong("nothing to run".to_owned()))?;
        if request.output.is_some() || args.trace.trace.is_some() {
            return Err(wrong(
                "the trace of a run in a document has no name: leave out -o and TRACE".to_owned(),
            ));
        }
        let python =
            python.ok_or_else(|| wrong("no Python here to run a program with".to_owned()))?;
        let line = format!(
            "{}:{} runs: execmap run {}\n",
            document.display(),
            drawn.line,
            shown(words)
        );
        terminal.remark(&paint(QUIET, line))?;
        let folder = folder.get_or_insert(
            TemporaryFolder::new()
                .map_err(|error| wrong(format!("no folder for its trace: {error}")))?,
        );
        record(python, words, &folder.trace()).map_err(wrong)?;
    }
    if let Some(folder) = &folder {
        args.trace.trace = Some(folder.trace());
    }
    drawn_map(&args).map_err(|failure| wrong(failure.to_string()))
}

/// Records a program; gives back why there is no trace.
fn record(python: &Path, words: &[String], trace: &Path) -> Result<(), String> {
    let ran = Program::new(python)
        .args(["-m", "execmap", "run", "--no-html", "--quiet", "-o"])
        .arg(trace)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run {}: {error}", python.display()))?;
    if trace.exists() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ran.stderr);
    let last = said.trim_end().lines().next_back().unwrap_or_default();
    let last = execmap_query::visible(last.trim_start_matches("error: "));
    Err(format!(
        "nothing was recorded by execmap run {}: {last}",
        shown(words)
    ))
}

/// A folder that is removed when it is not needed any more.
struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn new() -> std::io::Result<Self> {
        let home = std::env::temp_dir();
        for number in 0..1_000 {
            let path = home.join(format!("execmap-check-{}-{number}", std::process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(TemporaryFolder(path)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(std::io::ErrorKind::AlreadyExists.into())
    }

    fn trace(&self) -> PathBuf {
        self.0.join("map.execmap")
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// So many equal lines stand around those that differ.
const AROUND: usize = 2;

/// Lines that only one of two diagrams has, with some around them. Lines that say the same with
/// other values are the same.
fn differences(before: &[&str], now: &[&str]) -> String {
    let told = |lines: &[&str]| -> Vec<String> {
        let lines = lines.iter();
        lines
            .map(|line| behaviour(line).unwrap_or_default())
            .collect()
    };
    let (old, new) = (told(before), told(now));
    let old: Vec<&str> = old.iter().map(String::as_str).collect();
    let new: Vec<&str> = new.iter().map(String::as_str).collect();
    // Sign, and line.
    let mut all: Vec<(char, &str)> = Vec::new();
    let mut from = (0, 0);
    let ends = (before.len(), now.len());
    for to in lines_in_common(&old, &new).into_iter().chain([ends]) {
        all.extend(before[from.0..to.0].iter().map(|line| ('-', *line)));
        all.extend(now[from.1..to.1].iter().map(|line| ('+', *line)));
        if to != ends {
            all.push((' ', now[to.1]));
        }
        from = (to.0 + 1, to.1 + 1);
    }
    let mut text = String::new();
    let mut last = None;
    for (at, (sign, line)) in all.iter().enumerate() {
        let near = at.saturating_sub(AROUND)..(at + AROUND + 1).min(all.len());
        if all[near].iter().all(|(sign, _)| *sign == ' ') {
            continue;
        }
        if last.is_some_and(|last: usize| last + 1 < at) {
            text.push_str("    …\n");
        }
        last = Some(at);
        let line = format!("{sign} {}", execmap_query::visible(line));
        let line = match sign {
            '+' => paint(ADDED, line),
            '-' => paint(FAILED, line),
            _ => paint(QUIET, line),
        };
        let _ = writeln!(text, "  {line}");
    }
    text
}
