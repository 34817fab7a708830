//! The end of a recording, when the interpreter has ended.
//!
//! A program's code runs until then: exit handlers of others, `__del__` of what
//! lives in modules, callbacks of weak references. So the recording ends after
//! the interpreter, and nothing here may use Python.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use execmap_record::os::ErrorStream;

use crate::command_line::summarise;
use crate::cpython;

/// What is to be done and said at the end of a run.
pub(crate) struct LastWords {
    /// The process that says it, not its forked children.
    pub(crate) pid: u32,
    /// The run's trace.
    pub(crate) path: PathBuf,
    /// The page, where one is wanted.
    pub(crate) html: Option<PathBuf>,
    pub(crate) page_size: u64,
    pub(crate) is_quiet: bool,
    /// The interpreter that opens the page in a browser, where that is wanted.
    pub(crate) browser: Option<PathBuf>,
    /// The error stream as the program was given it.
    pub(crate) stderr: ErrorStream,
}

static WORDS: Mutex<Option<LastWords>> = Mutex::new(None);

/// Keeps what is to be said at the end.
pub(crate) fn keep(words: LastWords) {
    *WORDS.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
}

/// Ends the recording of this process, if one goes on. CPython calls it when the interpreter has ended.
pub(crate) extern "C" fn after_interpreter() {
    let _ = std::panic::catch_unwind(end);
}

fn end() {
    let Some(stop) = cpython::stop_at_end() else {
        return;
    };
    let words = WORDS.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(words) = words.filter(|words| words.pid == std::process::id()) else {
        return;
    };
    for note in &stop.notes {
        words.stderr.say(note);
    }
    if words.is_quiet && words.html.is_none() {
        return;
    }
    match summarise(&words.path, words.html.as_deref(), words.page_size) {
        Ok(line) if !words.is_quiet => words.stderr.say(line.trim_start_matches("execmap: ")),
        // What went wrong before has been said.
        Err(error) if stop.notes.is_empty() => words.stderr.say(&error),
        _ => {}
    }
    if let (Some(html), Some(python)) = (&words.html, &words.browser) {
        let _ = Command::new(python)
            .args(["-m", "webbrowser"])
            .arg(format!("file://{}", html.display()))
            .env_remove("EXECMAP_CHILD")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
    }
}
