//! What may be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use execmap_query::{CallNumber, StatsSort};

use crate::run_request::RunArgs;
use crate::terminal::Color;

/// Records what a Python program did and draws it as a map.
#[derive(Debug, Parser)]
#[command(
    name = "execmap",
    version,
    styles = crate::style::help(),
    max_term_width = 100,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  execmap run shop.py              record a script; writes shop.execmap and shop.html
  execmap run -m pytest tests/     record a module
  execmap tree                     the calls of the newest trace here
  execmap map shop.execmap         its map, as a Mermaid diagram
  execmap diff a.execmap b.execmap what they did differently
  execmap export -o shop.ndjson    all calls, one a line"
)]
pub(crate) struct Cli {
    /// When to use colours.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        hide_possible_values = true,
        value_name = "auto|always|never",
        hide_default_value = true
    )]
    pub(crate) color: Color,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a Python program and record it.
    Run(Box<RunArgs>),
    /// What a trace holds, and whether it is whole.
    Info(InfoArgs),
    /// The call tree.
    Tree(TreeArgs),
    /// Functions by time, calls and failures.
    Stats(StatsArgs),
    /// The map: who called whom, as a sequence diagram.
    Map(MapArgs),
    /// What two runs did differently.
    Diff(DiffArgs),
    /// Write a trace in another format.
    Export(ExportArgs),
}

/// Which trace.
#[derive(Debug, Args)]
pub(crate) struct TraceArg {
    /// The trace; the newest *.execmap here when left out.
    #[arg(value_name = "TRACE")]
    pub(crate) trace: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  execmap info\n  execmap info shop.execmap --json")]
pub(crate) struct InfoArgs {
    #[command(flatten)]
    pub(crate) trace: TraceArg,
    /// Answer in JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  execmap tree --depth 5
  execmap tree --function 'shop.cart:*' --min 1ms
  execmap tree --root c-12 --all")]
pub(crate) struct TreeArgs {
    #[command(flatten)]
    pub(crate) trace: TraceArg,
    /// Only calls of these functions, with the way to them: `price`, `Cart.*`, `shop.cart:*`, `src/*.py`.
    #[arg(short, long, value_name = "PATTERN", help_heading = "What is shown")]
    pub(crate) function: Option<String>,
    /// Only calls that took so long: `1ms`, `20us`, `0.5s`.
    #[arg(long, value_name = "TIME", value_parser = crate::quantity::time, help_heading = "What is shown")]
    pub(crate) min: Option<u64>,
    /// The call to begin with, such as c-12.
    #[arg(long, value_name = "HANDLE", help_heading = "What is shown")]
    pub(crate) root: Option<CallNumber>,
    /// All calls down to this depth.
    #[arg(short, long, value_name = "N", help_heading = "How much")]
    pub(crate) depth: Option<u32>,
    /// About so many rows, opened where it matters most.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 120,
        help_heading = "How much"
    )]
    pub(crate) rows: usize,
    /// Every call.
    #[arg(short, long, help_heading = "How much")]
    pub(crate) all: bool,
    /// A row for each of several equal calls.
    #[arg(long, help_heading = "How much")]
    pub(crate) no_fold: bool,
    /// Answer in JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What functions are ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sort {
    /// Time a function ran itself.
    #[default]
    #[value(name = "self")]
    SelfTime,
    /// Time it ran, calls from it included.
    Total,
    /// Number of calls.
    Calls,
    /// Mean time of a call.
    Mean,
    /// Longest call.
    Slowest,
    /// Number of failures.
    Failed,
}

impl From<Sort> for StatsSort {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::SelfTime => StatsSort::SelfTime,
            Sort::Total => StatsSort::Total,
            Sort::Calls => StatsSort::Calls,
            Sort::Mean => StatsSort::Mean,
            Sort::Slowest => StatsSort::Slowest,
            Sort::Failed => StatsSort::Failed,
        }
    }
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  execmap stats --sort calls\n  execmap stats --function 'shop.*' --all"
)]
pub(crate) struct StatsArgs {
    #[command(flatten)]
    pub(crate) trace: TraceArg,
    /// Only these functions: `price`, `Cart.*`, `shop.cart:*`, `src/*.py`.
    #[arg(short, long, value_name = "PATTERN")]
    pub(crate) function: Option<String>,
    /// What comes first: self, total, calls, mean, slowest or failed.
    #[arg(
        short,
        long,
        value_enum,
        default_value_t,
        value_name = "WHAT",
        hide_possible_values = true,
        hide_default_value = true
    )]
    pub(crate) sort: Sort,
    /// At most so many functions.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 30)]
    pub(crate) limit: usize,
    /// Every function.
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Answer in JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How the map is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum MapFormat {
    /// A Mermaid sequence diagram.
    #[default]
    Mermaid,
    /// A `PlantUML` sequence diagram.
    Plantuml,
    /// Indented lines.
    Text,
}

/// What calls are drawn on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum GroupBy {
    #[default]
    Class,
    Module,
    Package,
}

impl From<GroupBy> for execmap_map::GroupBy {
    fn from(by: GroupBy) -> Self {
        match by {
            GroupBy::Class => execmap_map::GroupBy::Class,
            GroupBy::Module => execmap_map::GroupBy::Module,
            GroupBy::Package => execmap_map::GroupBy::Package,
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  execmap map                      a Mermaid diagram, as GitHub draws it
  execmap map -o shop.md           the same in a Markdown file
  execmap map -f text --root c-12
  execmap map --check README.md docs/*.md

A map in a document says in a comment above its block where it comes from:
  <!-- $ execmap run shop.py 1042
       $ execmap map --max-messages 16 -->
Only these two commands may stand there. No shell reads them. The recorded program runs here, in
the working directory.")]
pub(crate) struct MapArgs {
    #[command(flatten)]
    pub(crate) trace: TraceArg,
    /// mermaid, plantuml or text.
    #[arg(
        short,
        long,
        value_enum,
        value_name = "FORMAT",
        hide_possible_values = true
    )]
    pub(crate) format: Option<MapFormat>,
    /// Write to a file; its ending chooses the format (.mmd, .md, .puml, .txt).
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// At most so many arrows, returns included; opened where it matters most.
    #[arg(long, value_name = "N", default_value_t = execmap_map::MESSAGES)]
    pub(crate) max_messages: usize,
    /// At most so many characters; 50,000 for Mermaid, which draws no more.
    #[arg(long, value_name = "N")]
    pub(crate) max_chars: Option<usize>,
    /// At most about so many tokens of a language model, three bytes each.
    #[arg(long, value_name = "N", conflicts_with = "max_chars")]
    pub(crate) max_tokens: Option<usize>,
    /// At most so many levels of calls.
    #[arg(short, long, value_name = "N")]
    pub(crate) depth: Option<u32>,
    /// The call to begin with, such as c-12.
    #[arg(long, value_name = "HANDLE")]
    pub(crate) root: Option<CallNumber>,
    /// Only calls of these functions and what is below them, such as 'Cart.*' or 'shop.pricing:*'.
    #[arg(long, value_name = "FUNCTION", conflicts_with = "root")]
    pub(crate) focus: Option<String>,
    /// What calls are drawn on: class, module or package.
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        default_value_t,
        hide_possible_values = true
    )]
    pub(crate) group_by: GroupBy,
    /// Only these functions; what others called stands in their place. May be repeated.
    #[arg(long, value_name = "FUNCTION")]
    pub(crate) include: Vec<String>,
    /// All but these functions. May be repeated.
    #[arg(long, value_name = "FUNCTION")]
    pub(crate) exclude: Vec<String>,
    /// Draw the maps of these Markdown files again and compare calls, order, counts and outcomes.
    /// Programs that they name are run.
    #[arg(
        long,
        value_name = "FILE.md",
        num_args = 1..,
        conflicts_with_all = ["trace", "output", "format", "json"],
        help_heading = "Maps in documents"
    )]
    pub(crate) check: Vec<PathBuf>,
    /// Write those that differ anew.
    #[arg(long, requires = "check", help_heading = "Maps in documents")]
    pub(crate) update: bool,
    /// Answer in JSON.
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
}

/// How a difference is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffFormat {
    /// Lines for a terminal.
    #[default]
    Text,
    /// A Mermaid sequence diagram with what differs marked.
    Mermaid,
}

/// Values that differ in every run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ignore {
    Time,
    Address,
    Id,
    Path,
}

impl From<Ignore> for execmap_map::Volatile {
    fn from(kind: Ignore) -> Self {
        match kind {
            Ignore::Time => execmap_map::Volatile::Time,
            Ignore::Address => execmap_map::Volatile::Address,
            Ignore::Id => execmap_map::Volatile::Id,
            Ignore::Path => execmap_map::Volatile::Path,
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Compared are calls, their arguments, results, exceptions, count and order. Lines of code do not
count, nor does the order of threads and tasks that run side by side.

Ends with 0 when both runs did the same, with 1 when they did not.

Examples:
  execmap diff before.execmap after.execmap
  execmap diff before.execmap after.execmap --ignore time,address
  execmap diff before.execmap after.execmap -f mermaid -o difference.md")]
pub(crate) struct DiffArgs {
    /// The trace to compare with.
    pub(crate) old: PathBuf,
    /// The trace that is compared.
    pub(crate) new: PathBuf,
    /// Values that do not count: time, address, id or path (a temporary one). May be repeated.
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        value_delimiter = ',',
        hide_possible_values = true
    )]
    pub(crate) ignore: Vec<Ignore>,
    /// text or mermaid.
    #[arg(
        short,
        long,
        value_enum,
        value_name = "FORMAT",
        hide_possible_values = true
    )]
    pub(crate) format: Option<DiffFormat>,
    /// Write to a file; its ending chooses the format (.txt, .mmd, .md).
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// At most so many arrows of a diagram.
    #[arg(long, value_name = "N", default_value_t = execmap_map::MESSAGES)]
    pub(crate) max_messages: usize,
    /// Every difference, not only the first 40.
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Answer in JSON.
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
}

/// Formats of `export`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// The page: one file for the browser.
    Html,
    /// The whole trace in one object.
    Json,
    /// One call a line.
    Ndjson,
    /// The map as a sequence diagram.
    Mermaid,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Formats:
  html      the page, one file for the browser    (.html)
  json      the whole trace in one object         (.json)
  ndjson    all calls, one a line                 (.ndjson, .jsonl)
  mermaid   the map as a sequence diagram         (.mmd, .md)

Examples:
  execmap export -o shop.html --page-size 20MB
  execmap export shop.execmap -f ndjson | jq .function")]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) trace: TraceArg,
    /// html, json, ndjson or mermaid; the ending of -o chooses it too.
    #[arg(
        short,
        long,
        value_enum,
        value_name = "FORMAT",
        hide_possible_values = true
    )]
    pub(crate) format: Option<ExportFormat>,
    /// Write to a file. Without it html goes to NAME.html and all others to standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// How large a page may be; it holds as many of the first calls as fit.
    #[arg(long, value_name = "SIZE", default_value = "5MB", value_parser = crate::quantity::size)]
    pub(crate) page_size: u64,
}
