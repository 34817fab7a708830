//! Commands without a terminal, for tests.

use std::ffi::OsString;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Done, Terminal, run_with};

/// What a command did and said.
#[derive(Debug)]
pub struct Ran {
    /// How it ended.
    pub done: Done,
    /// Its output.
    pub out: String,
    /// Its errors and remarks.
    pub err: String,
}

impl Ran {
    /// What a user sees of it.
    #[must_use]
    pub fn seen(&self) -> String {
        let code = match &self.done {
            Done::Exit(code) => code.to_string(),
            Done::Run(_) => "run".to_owned(),
        };
        format!("exit {code}\n-- out\n{}-- err\n{}", self.out, self.err)
    }
}

/// Carries out a command as if lines had so many columns.
///
/// # Panics
/// When what it writes is no text.
#[must_use]
pub fn execmap_at(width: Option<usize>, args: &[&str]) -> Ran {
    let (out, err) = (Shared::default(), Shared::default());
    let mut terminal = Terminal::writing_to(Box::new(out.clone()), Box::new(err.clone()), width);
    let args = std::iter::once("execmap")
        .chain(args.iter().copied())
        .map(OsString::from);
    let done = run_with(args, &mut terminal);
    Ran {
        done,
        out: out.text(),
        err: err.text(),
    }
}

/// Carries out a command where lines may be as long as they like.
#[must_use]
pub fn execmap(args: &[&str]) -> Ran {
    execmap_at(None, args)
}

/// A stream that can be read afterwards.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn text(&self) -> String {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8(std::mem::take(&mut *all)).expect("what is written is text")
    }
}
