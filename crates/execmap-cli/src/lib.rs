//! The commands of execmap: what may be typed, and what is printed.
//!
//! [`main_with`] is the whole of the console script but for one thing: running
//! a Python program is Python's work, so `execmap run` comes back as a
//! [`RunRequest`]. The text of every answer is made by a plain function from the
//! same data that `--json` prints.

#![forbid(unsafe_code)]

mod args;
mod check;
mod commands;
mod documents;
mod fit;
mod quantity;
mod render;
mod run_request;
mod style;
mod summary;
mod terminal;
#[cfg(feature = "testing")]
pub mod testing;

use std::cell::RefCell;
use std::ffi::OsString;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Once;

use clap::Parser;

use args::{Cli, Command};
pub use render::{diff_text, info_text, map_text, plain, stats_text, tree_text};
pub use run_request::{Detail, RunRequest, Target};
pub use summary::{MOST_CALLS_FOR_A_PAGE, RunSummary, run_summary};
pub use terminal::{Color, Layout, Terminal};

/// What is left to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Done {
    /// Nothing: leave with this exit code.
    Exit(u8),
    /// Run this program.
    Run(Box<RunRequest>),
}

/// Everything went well.
pub const EXIT_DONE: u8 = 0;
/// A "no" that was asked for: two runs differ, a map is out of date.
pub const EXIT_NO: u8 = 1;
/// Wrong usage or input.
pub const EXIT_USAGE: u8 = 2;
/// A fault of execmap's own.
pub const EXIT_BUG: u8 = 70;

/// Carries out a command line, the program's name first, on the streams of this process. `python`:
/// the interpreter that runs what a document names.
#[must_use]
pub fn main_with(args: impl IntoIterator<Item = OsString>, python: Option<&Path>) -> Done {
    carry_out_safely(args, python, &mut Terminal::of_process())
}

/// Carries out a command line, the program's name first. Runs no program.
#[must_use]
pub fn run_with(args: impl IntoIterator<Item = OsString>, terminal: &mut Terminal) -> Done {
    carry_out_safely(args, None, terminal)
}

fn carry_out_safely(
    args: impl IntoIterator<Item = OsString>,
    python: Option<&Path>,
    terminal: &mut Terminal,
) -> Done {
    let args: Vec<OsString> = args.into_iter().collect();
    NOTE_FAULTS.call_once(note_faults);
    FAULT.set(Some(String::new()));
    let done = panic::catch_unwind(AssertUnwindSafe(|| carry_out(args, python, terminal)));
    let fault = FAULT.take().unwrap_or_default();
    done.unwrap_or_else(|_| {
        let text = format!(
            "execmap: a fault of execmap itself, not of your program: {fault}. Please report it\n"
        );
        let _ = terminal.remark(&text);
        Done::Exit(EXIT_BUG)
    })
}

static NOTE_FAULTS: Once = Once::new();

thread_local! {
    /// What a panic said on a thread that carries out a command.
    static FAULT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps what a panic of ours says, in place of printing it; others go their way.
#[expect(
    clippy::disallowed_methods,
    reason = "an extension module has a Rust of its own, so no other code is under this hook"
)]
fn note_faults() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let what = panic.payload_as_str().unwrap_or("panic");
        let at = panic
            .location()
            .map_or_else(String::new, |at| format!(" ({}:{})", at.file(), at.line()));
        let is_ours = FAULT.with_borrow_mut(|fault| {
            let fault = fault.as_mut()?;
            *fault = format!("{what}{at}");
            Some(())
        });
        if is_ours.is_none() {
            before(panic);
        }
    }));
}

fn carry_out(args: Vec<OsString>, python: Option<&Path>, terminal: &mut Terminal) -> Done {
    let cli = match Cli::try_parse_from(run_request::separate(args)) {
        Ok(cli) => cli,
        Err(error) => return explain_usage(&error, terminal),
    };
    terminal.set_color(cli.color);
    let outcome = match cli.command {
        Command::Run(run) => match run.request() {
            Some(request) => return Done::Run(Box::new(request)),
            None => Err(commands::Failure::NothingToRun),
        },
        Command::Info(args) => commands::info(&args, terminal),
        Command::Tree(args) => commands::tree(&args, terminal),
        Command::Stats(args) => commands::stats(&args, terminal),
        Command::Map(args) if !args.check.is_empty() => {
            match check::check(&args, python, terminal) {
                Ok(false) => return Done::Exit(EXIT_NO),
                done => done.map(|_| ()),
            }
        }
        Command::Map(args) => commands::map(&args, terminal),
        Command::Export(args) => commands::export(&args, terminal),
        Command::Diff(args) => match commands::diff(&args, terminal) {
            Ok(false) => return Done::Exit(EXIT_NO),
            done => done.map(|_| ()),
        },
    };
    match outcome {
        Ok(()) => Done::Exit(EXIT_DONE),
        // Whoever read the output has seen enough.
        Err(failure) if failure.is_broken_pipe() => Done::Exit(EXIT_DONE),
        Err(failure) => {
            let error = style::paint(style::FAILED, "error:");
            let _ = terminal.remark(&format!("{error} {failure}\n"));
            Done::Exit(EXIT_USAGE)
        }
    }
}

/// Help and version go to the output, mistakes to the error stream.
fn explain_usage(error: &clap::Error, terminal: &mut Terminal) -> Done {
    let text = error.render().ansi().to_string();
    if error.use_stderr() {
        let _ = terminal.remark(&text);
        return Done::Exit(EXIT_USAGE);
    }
    let _ = terminal.print(&text);
    Done::Exit(EXIT_DONE)
}
