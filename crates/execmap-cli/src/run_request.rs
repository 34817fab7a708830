//! What `execmap run` was asked to do. Python carries it out.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory, ValueEnum};

use crate::args::Cli;

/// How much is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Detail {
    /// Every call and return.
    #[default]
    Calls,
    /// Every statement too.
    Statements,
}

impl Detail {
    /// The word that stands for it.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Detail::Calls => "calls",
            Detail::Statements => "statements",
        }
    }
}

/// What to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A file, or a folder or archive with a `__main__.py`.
    Script(PathBuf),
    /// `-m`
    Module(OsString),
    /// `-c`
    Code(OsString),
    /// `-`: the program comes from standard input.
    Stdin,
    /// A console script on `PATH`.
    Command(OsString),
}

/// What `execmap run` was asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
pub struct RunRequest {
    /// What to run.
    pub target: Target,
    /// The program's own arguments.
    pub args: Vec<OsString>,
    /// Where the trace goes, where that was said.
    pub output: Option<PathBuf>,
    /// Whether a page is written.
    pub html: bool,
    /// Whether the page is opened.
    pub open: bool,
    /// How much is recorded.
    pub detail: Detail,
    /// Functions whose statements are recorded at `calls` detail too.
    pub statements: Vec<String>,
    /// Code that is recorded beside the project's own.
    pub include: Vec<String>,
    /// Code that is not recorded.
    pub exclude: Vec<String>,
    /// Whether values are recorded.
    pub values: bool,
    /// Whether calls into other people's code are recorded.
    pub boundary: bool,
    /// Whether `repr` of the program's own types is called.
    pub repr: bool,
    /// Names whose values are hidden beside the usual ones.
    pub redact_names: Vec<String>,
    /// Whether secrets are hidden.
    pub redact: bool,
    /// Where the trace stops growing, in bytes.
    pub max_size: Option<u64>,
    /// Where recording stops.
    pub max_calls: Option<u64>,
    /// Keep the latest so many bytes instead of all.
    pub ring: Option<u64>,
    /// How large the page may be, in bytes.
    pub page_size: u64,
    /// Whether the line after the run is left out.
    pub quiet: bool,
}

/// `run` as it is typed.
#[derive(Debug, Args)]
#[command(
    override_usage = "execmap run [OPTIONS] SCRIPT [ARGS]...\n       execmap run [OPTIONS] -m MODULE [ARGS]...\n       execmap run [OPTIONS] -c CODE [ARGS]...",
    after_help = "\
Patterns are paths (`src/*.py`) or names (`shop.pricing:*`).

Examples:
  execmap run shop.py --fast               options after the script belong to it
  execmap run -o /tmp/t.execmap -m pytest tests/
  execmap run --include 'sqlglot/*' convert.py
  execmap run --no-values --max-calls 1000000 job.py"
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct RunArgs {
    /// Run a module, as `python -m` does.
    #[arg(short = 'm', value_name = "MODULE", conflicts_with = "code")]
    module: Option<OsString>,
    /// Run a piece of code.
    #[arg(short = 'c', value_name = "CODE")]
    code: Option<OsString>,
    /// The script (`-`: standard input; or a command such as pytest) and its own arguments.
    #[arg(value_name = "SCRIPT [ARGS]")]
    program: Vec<OsString>,

    /// Where the trace goes; NAME.execmap here when left out.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Write no page.
    #[arg(long, help_heading = "Output")]
    no_html: bool,
    /// Open the page when the program has ended.
    #[arg(long, help_heading = "Output")]
    open: bool,
    /// How large the page may be.
    #[arg(long, value_name = "SIZE", default_value = "5MB", value_parser = crate::quantity::size, help_heading = "Output")]
    page_size: u64,
    /// Say nothing after the run.
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,

    /// calls, or statements too.
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "WHAT",
        hide_possible_values = true,
        help_heading = "What is recorded"
    )]
    detail: Detail,
    /// Every statement of these functions.
    #[arg(long, value_name = "PATTERN", help_heading = "What is recorded")]
    statements: Vec<String>,
    /// Record this code too, a library for instance.
    #[arg(long, value_name = "GLOB", help_heading = "What is recorded")]
    include: Vec<String>,
    /// Do not record this code.
    #[arg(long, value_name = "GLOB", help_heading = "What is recorded")]
    exclude: Vec<String>,
    /// Record no values: calls and times alone.
    #[arg(long, help_heading = "What is recorded")]
    no_values: bool,
    /// Leave out calls into other people's code.
    #[arg(long, help_heading = "What is recorded")]
    no_boundary: bool,
    /// Call `repr` of the program's own types; runs its code.
    #[arg(long, help_heading = "What is recorded")]
    repr: bool,

    /// Hide values of this name too, beside password, token, ...
    #[arg(long, value_name = "NAME", help_heading = "Secrets")]
    redact: Vec<String>,
    /// Hide nothing.
    #[arg(long, conflicts_with = "redact", help_heading = "Secrets")]
    no_redact: bool,

    /// Stop recording before a process's trace is larger.
    #[arg(long, value_name = "SIZE", value_parser = crate::quantity::size, help_heading = "Limits")]
    max_size: Option<u64>,
    /// Stop recording after so many calls of a process.
    #[arg(long, value_name = "N", help_heading = "Limits")]
    max_calls: Option<u64>,
    /// Keep the latest of a process, about so much, instead of all; 1MB or more.
    #[arg(long, value_name = "SIZE", value_parser = crate::quantity::ring, conflicts_with = "max_size", help_heading = "Limits")]
    ring: Option<u64>,
}

impl RunArgs {
    /// The request; `None` when nothing to run was named.
    pub(crate) fn request(self) -> Option<RunRequest> {
        let (target, args) = target(self.module, self.code, self.program)?;
        Some(RunRequest {
            target,
            args,
            output: self.output,
            html: !self.no_html,
            open: self.open,
            detail: self.detail,
            statements: self.statements,
            include: self.include,
            exclude: self.exclude,
            values: !self.no_values,
            boundary: !self.no_boundary,
            repr: self.repr,
            redact_names: self.redact,
            redact: !self.no_redact,
            max_size: self.max_size,
            max_calls: self.max_calls,
            ring: self.ring,
            page_size: self.page_size,
            quiet: self.quiet,
        })
    }
}

fn target(
    module: Option<OsString>,
    code: Option<OsString>,
    mut program: Vec<OsString>,
) -> Option<(Target, Vec<OsString>)> {
    if let Some(module) = module {
        return Some((Target::Module(module), program));
    }
    if let Some(code) = code {
        return Some((Target::Code(code), program));
    }
    if program.is_empty() {
        return None;
    }
    let name = program.remove(0);
    let target = if name == "-" {
        Target::Stdin
    } else if is_script(&name) {
        Target::Script(name.into())
    } else {
        Target::Command(name)
    };
    Some((target, program))
}

/// A bare word that is no file here is a command on `PATH`.
fn is_script(name: &OsStr) -> bool {
    let path = Path::new(name);
    path.extension().is_some_and(|ending| ending == "py")
        || path.components().count() > 1
        || path.exists()
}

/// Puts `--` where the program's own arguments begin, so that none of them is taken for ours.
pub(crate) fn separate(args: Vec<OsString>) -> Vec<OsString> {
    let Some(run) = position_of_run(&args) else {
        return args;
    };
    let command = Cli::command();
    let Some(ours) = command.find_subcommand("run") else {
        return args;
    };
    let mut index = run + 1;
    while let Some(arg) = args.get(index) {
        match reach(&command, ours, &arg.to_string_lossy()) {
            Reach::Flag => index += 1,
            Reach::WithValue => index += 2,
            Reach::LastWithValue => return insert(args, index + 2),
            Reach::Last => return insert(args, index + 1),
            Reach::Program => return insert(args, index),
            Reach::Separator => return args,
        }
    }
    args
}

/// Where `run` stands, if it is the command.
fn position_of_run(args: &[OsString]) -> Option<usize> {
    let mut index = 1;
    while args.get(index)?.to_string_lossy().starts_with('-') {
        index += if args[index] == "--color" { 2 } else { 1 };
    }
    (args.get(index)? == "run").then_some(index)
}

fn insert(mut args: Vec<OsString>, index: usize) -> Vec<OsString> {
    if index < args.len() {
        args.insert(index, "--".into());
    }
    args
}

/// How far an argument of `run` reaches.
enum Reach {
    Flag,
    /// The next argument belongs to it.
    WithValue,
    /// `-m` or `-c` with what it names in the next argument.
    LastWithValue,
    /// The same in one word: `-mpytest`.
    Last,
    /// The program begins here.
    Program,
    /// `--`
    Separator,
}

fn reach(command: &clap::Command, run: &clap::Command, arg: &str) -> Reach {
    if arg == "--" {
        return Reach::Separator;
    }
    let takes_value =
        |found: Option<&clap::Arg>| found.is_some_and(|arg| arg.get_action().takes_values());
    let known = |wanted: &dyn Fn(&&clap::Arg) -> bool| {
        run.get_arguments()
            .find(wanted)
            .or_else(|| command.get_arguments().find(wanted))
    };
    if let Some(long) = arg.strip_prefix("--") {
        let has_next =
            !long.contains('=') && takes_value(known(&|arg| arg.get_long() == Some(long)));
        return if has_next {
            Reach::WithValue
        } else {
            Reach::Flag
        };
    }
    let Some(shorts) = arg.strip_prefix('-').filter(|shorts| !shorts.is_empty()) else {
        return Reach::Program;
    };
    for (position, short) in shorts.char_indices() {
        let is_end = position + short.len_utf8() == shorts.len();
        match short {
            'm' | 'c' if is_end => return Reach::LastWithValue,
            'm' | 'c' => return Reach::Last,
            _ if takes_value(known(&|arg| arg.get_short() == Some(short))) => {
                return if is_end {
                    Reach::WithValue
                } else {
                    Reach::Flag
                };
            }
            _ => {}
        }
    }
    Reach::Flag
}
