//! Where a command writes, and what can be seen there.

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};

/// When colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// Where they are seen; `NO_COLOR` and `CLICOLOR_FORCE` decide before that.
    #[default]
    Auto,
    /// In any case.
    Always,
    /// Never.
    Never,
}

/// The two streams of a command.
pub struct Terminal {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    is_out_seen: bool,
    out_colors: bool,
    err_colors: bool,
    width: Option<usize>,
}

impl Terminal {
    /// The streams of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let has_colors = |choice| choice != ColorChoice::Never;
        let is_out_seen = io::stdout().is_terminal();
        Terminal {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            is_out_seen,
            out_colors: has_colors(AutoStream::choice(&io::stdout())),
            err_colors: has_colors(AutoStream::choice(&io::stderr())),
            width: is_out_seen
                .then(terminal_size::terminal_size)
                .flatten()
                .map(|size| usize::from(size.0.0)),
        }
    }

    /// Streams that are no terminals. `width`: as if lines had so many columns.
    #[must_use]
    pub fn writing_to(
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
        width: Option<usize>,
    ) -> Self {
        Terminal {
            out,
            err,
            is_out_seen: false,
            out_colors: false,
            err_colors: false,
            width,
        }
    }

    /// Overrules what was found out about colours.
    pub(crate) fn set_color(&mut self, color: Color) {
        let wish = match color {
            Color::Auto => return,
            Color::Always => true,
            Color::Never => false,
        };
        self.out_colors = wish;
        self.err_colors = wish;
    }

    /// How an answer is laid out here.
    pub(crate) fn layout(&self) -> Layout {
        Layout {
            width: self.width,
            has_links: self.is_out_seen && self.out_colors,
        }
    }

    /// Writes an answer; its colours are left out where they are not wanted.
    pub(crate) fn print(&mut self, text: &str) -> io::Result<()> {
        write(&mut *self.out, self.out_colors, text)
    }

    /// Writes a remark or an error.
    pub(crate) fn remark(&mut self, text: &str) -> io::Result<()> {
        write(&mut *self.err, self.err_colors, text)
    }

    /// The output, for data that has no colours.
    pub(crate) fn raw(&mut self) -> &mut dyn Write {
        &mut *self.out
    }
}

fn write(stream: &mut dyn Write, has_colors: bool, text: &str) -> io::Result<()> {
    if has_colors {
        stream.write_all(text.as_bytes())?;
    } else {
        stream.write_all(anstream::adapter::strip_str(text).to_string().as_bytes())?;
    }
    stream.flush()
}

/// How an answer is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Columns of a line; `None`: as many as it takes.
    pub width: Option<usize>,
    /// Whether links are understood.
    pub has_links: bool,
}
