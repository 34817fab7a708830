//! One function a command: ask, then print.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use execmap_export::fit::{Limit, fitted};
use execmap_export::{json, mermaid, ndjson, plantuml, text};
use execmap_map::{DiffQuery, Filter, Folded, Map, MapError, MapQuery, fold_map};
use execmap_query::{
    BadPattern, CallNumber, Fold, FunctionPattern, OpenError, StatsQuery, Trace, TreeQuery, bytes,
    facts, newest, open, thousands, tree_rows,
};
use execmap_web::PageOptions;
use serde::Serialize;

use crate::args::{
    DiffArgs, DiffFormat, ExportArgs, ExportFormat, InfoArgs, MapArgs, MapFormat, StatsArgs,
    TraceArg, TreeArgs,
};
use crate::check::CheckError;
use crate::render::{self, TreeLines};
use crate::terminal::{Layout, Terminal};

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("nothing to run: `execmap run SCRIPT`, `-m MODULE` or `-c CODE`")]
    NothingToRun,
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Pattern(#[from] BadPattern),
    #[error(transparent)]
    Map(#[from] MapError),
    #[error(transparent)]
    Check(#[from] CheckError),
    #[error("no call {call} in {trace}: it has {calls} calls")]
    NoSuchCall {
        call: CallNumber,
        trace: String,
        calls: String,
    },
    #[error("cannot write {}: {error}", .path.display())]
    Write { path: PathBuf, error: io::Error },
    #[error("{} is there and is no page of execmap: name another file with -o", .path.display())]
    NotOurs { path: PathBuf },
    #[error("{} is the trace itself: name another file with -o", .path.display())]
    OverTrace { path: PathBuf },
    #[error("no format goes with the ending of {}: name one with -f: {known}", .path.display())]
    UnknownEnding { path: PathBuf, known: &'static str },
    #[error("which format? -f {known}, or -o with an ending that says it")]
    NoFormat { known: &'static str },
    #[error("cannot write the answer: {0}")]
    Print(#[from] io::Error),
}

impl Failure {
    pub(crate) fn is_broken_pipe(&self) -> bool {
        let (Failure::Print(error) | Failure::Write { error, .. }) = self else {
            return false;
        };
        error.kind() == io::ErrorKind::BrokenPipe
    }
}

pub(crate) fn info(args: &InfoArgs, terminal: &mut Terminal) -> Result<(), Failure> {
    let info = facts(&trace_path(&args.trace)?)?;
    if args.json {
        return print_json(&info, terminal);
    }
    Ok(terminal.print(&render::info_text(&info))?)
}

pub(crate) fn tree(args: &TreeArgs, terminal: &mut Terminal) -> Result<(), Failure> {
    let functions = pattern(args.function.as_deref())?;
    let trace = open_trace(&args.trace)?;
    let is_bounded = !args.all && args.depth.is_none();
    let query = TreeQuery {
        functions,
        at_least_ns: args.min.unwrap_or(0),
        depth: args.depth.filter(|_| !args.all),
        rows: is_bounded.then_some(args.rows),
        fold: if args.no_fold {
            Fold::Never
        } else {
            Fold::Alike
        },
        root: root(&trace, args.root)?,
    };
    if args.json {
        return print_json(&execmap_query::tree(&trace, &query), terminal);
    }
    print_tree(&trace, &query, terminal)
}

/// Prints rows as they are made: a tree may be larger than memory.
fn print_tree(trace: &Trace, query: &TreeQuery, terminal: &mut Terminal) -> Result<(), Failure> {
    const CHUNK: usize = 1 << 16;
    let mut lines = TreeLines::new(terminal.layout());
    let mut text = String::new();
    let mut printed = Ok(());
    let tree = tree_rows(trace, query, &mut |row| {
        text.push_str(&lines.line(&row));
        if text.len() > CHUNK {
            printed = terminal.print(&text);
            text.clear();
        }
        if printed.is_ok() {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    printed?;
    text.push_str(&lines.end(&tree));
    Ok(terminal.print(&text)?)
}

pub(crate) fn stats(args: &StatsArgs, terminal: &mut Terminal) -> Result<(), Failure> {
    let functions = pattern(args.function.as_deref())?;
    let trace = open_trace(&args.trace)?;
    let query = StatsQuery {
        functions,
        sort: args.sort.into(),
        limit: (!args.all).then_some(args.limit),
    };
    let stats = execmap_query::stats(&trace, &query);
    if args.json {
        return print_json(&stats, terminal);
    }
    let text = render::stats_text(&stats, query.sort, terminal.layout());
    Ok(terminal.print(&text)?)
}

pub(crate) fn map(args: &MapArgs, terminal: &mut Terminal) -> Result<(), Failure> {
    if args.json {
        let (trace, folded, query) = folded_map(args)?;
        return print_json(&fold_map(&trace, &folded, &query)?, terminal);
    }
    let drawn = drawn_map(args)?;
    match args.output.as_deref() {
        Some(path) if is_same_file(path, &trace_path(&args.trace)?) => Err(Failure::OverTrace {
            path: path.to_owned(),
        }),
        Some(path) => write_file(path, terminal, &mut |out| out.write_all(drawn.as_bytes())),
        None => Ok(terminal.print(&drawn)?),
    }
}

fn folded_map(args: &MapArgs) -> Result<(Trace, Folded, MapQuery), Failure> {
    let focus = pattern(args.focus.as_deref())?;
    let filter = Filter {
        include: patterns(&args.include)?,
        exclude: patterns(&args.exclude)?,
    };
    let trace = open_trace(&args.trace)?;
    let query = MapQuery {
        messages: Some(args.max_messages),
        depth: args.depth,
        root: root(&trace, args.root)?,
        focus,
        group_by: args.group_by.into(),
        ..MapQuery::default()
    };
    let folded = filter.fold(&trace);
    Ok((trace, folded, query))
}

/// A map as text.
pub(crate) fn drawn_map(args: &MapArgs) -> Result<String, Failure> {
    let format = map_format(args)?;
    let (trace, folded, query) = folded_map(args)?;
    let limit = match (args.max_tokens, args.max_chars, format) {
        (Some(tokens), ..) => Limit::Tokens(tokens),
        (None, Some(chars), _) => Limit::Chars(chars),
        (None, None, MapFormat::Mermaid) => mermaid::LIMIT,
        _ => Limit::None,
    };
    let render: &dyn Fn(&Map, usize) -> String = match format {
        MapFormat::Mermaid => &mermaid::render,
        MapFormat::Plantuml => &plantuml::render,
        MapFormat::Text => &text::render,
    };
    let drawn = fitted(&trace, &folded, &query, limit, render)?;
    Ok(match (format, ending(args.output.as_deref())) {
        (MapFormat::Mermaid, Some("md")) => mermaid::in_markdown(&drawn),
        _ => drawn,
    })
}

/// So many differences are printed unless all are wanted.
const MOST_CHANGES: usize = 40;

/// Whether both runs did the same.
pub(crate) fn diff(args: &DiffArgs, terminal: &mut Terminal) -> Result<bool, Failure> {
    let path = |path: &PathBuf| {
        trace_path(&TraceArg {
            trace: Some(path.clone()),
        })
    };
    let paths = [path(&args.old)?, path(&args.new)?];
    let is_over = |output: &Path| paths.iter().any(|trace| is_same_file(output, trace));
    if let Some(path) = args.output.as_deref().filter(|output| is_over(output)) {
        let path = path.to_owned();
        return Err(Failure::OverTrace { path });
    }
    let format = diff_format(args)?;
    let (old, new) = open_both(&paths)?;
    let query = DiffQuery {
        ignore: args.ignore.iter().copied().map(Into::into).collect(),
    };
    let difference = execmap_map::diff(&old, &new, &query);
    if args.json {
        print_json(&difference, terminal)?;
        return Ok(difference.equal);
    }
    let most = if args.all { usize::MAX } else { MOST_CHANGES };
    let text = match (format, args.output.as_deref()) {
        (DiffFormat::Text, None) => render::diff_text(&difference, most, terminal.layout()),
        (DiffFormat::Text, Some(_)) => {
            render::plain(&render::diff_text(&difference, most, Layout::default()))
        }
        (DiffFormat::Mermaid, output) => {
            let diagram = execmap_export::difference::mermaid(&difference, args.max_messages);
            if ending(output) == Some("md") {
                mermaid::in_markdown(&diagram)
            } else {
                diagram
            }
        }
    };
    match args.output.as_deref() {
        Some(path) => write_file(path, terminal, &mut |out| out.write_all(text.as_bytes()))?,
        None => terminal.print(&text)?,
    }
    Ok(difference.equal)
}

fn diff_format(args: &DiffArgs) -> Result<DiffFormat, Failure> {
    let known = "text (.txt) or mermaid (.mmd, .md)";
    match (args.format, args.output.as_deref()) {
        (Some(format), _) => Ok(format),
        (None, None) => Ok(DiffFormat::default()),
        (None, Some(path)) => match ending(Some(path)) {
            Some("mmd" | "mermaid" | "md") => Ok(DiffFormat::Mermaid),
            Some("txt") => Ok(DiffFormat::Text),
            _ => Err(Failure::UnknownEnding {
                path: path.to_owned(),
                known,
            }),
        },
    }
}

/// Opens two traces side by side.
fn open_both(paths: &[PathBuf; 2]) -> Result<(Trace, Trace), OpenError> {
    std::thread::scope(|scope| {
        let second = std::thread::Builder::new().spawn_scoped(scope, || open(&paths[1]));
        let first = open(&paths[0]);
        let second = second.ok().and_then(|second| second.join().ok());
        Ok((first?, second.unwrap_or_else(|| open(&paths[1]))?))
    })
}

fn patterns(texts: &[String]) -> Result<Vec<FunctionPattern>, BadPattern> {
    texts
        .iter()
        .map(|text| FunctionPattern::new(text))
        .collect()
}

fn map_format(args: &MapArgs) -> Result<MapFormat, Failure> {
    const KNOWN: &str = "mermaid (.mmd, .md), plantuml (.puml) or text (.txt)";
    match (args.format, args.output.as_deref()) {
        (Some(format), _) => Ok(format),
        (None, None) => Ok(MapFormat::default()),
        (None, Some(path)) => match ending(Some(path)) {
            Some("mmd" | "mermaid" | "md") => Ok(MapFormat::Mermaid),
            Some("puml" | "plantuml") => Ok(MapFormat::Plantuml),
            Some("txt") => Ok(MapFormat::Text),
            _ => Err(Failure::UnknownEnding {
                path: path.to_owned(),
                known: KNOWN,
            }),
        },
    }
}

pub(crate) fn export(args: &ExportArgs, terminal: &mut Terminal) -> Result<(), Failure> {
    let format = export_format(args)?;
    let path = trace_path(&args.trace)?;
    let trace = open(&path)?;
    let output = export_path(args, format, &path)?;
    let is_markdown = ending(output.as_deref()) == Some("md");
    let mut write = |out: &mut dyn Write| match format {
        ExportFormat::Html => write_page(&trace, args.page_size, out),
        ExportFormat::Json => json::write(&trace, out),
        ExportFormat::Ndjson => ndjson::write(&trace, out),
        ExportFormat::Mermaid => {
            let diagram =
                mermaid::of_trace(&trace, &MapQuery::default()).map_err(io::Error::other)?;
            let text = if is_markdown {
                mermaid::in_markdown(&diagram)
            } else {
                diagram
            };
            out.write_all(text.as_bytes())
        }
    };
    if let Some(path) = output.filter(|path| path != Path::new("-")) {
        return write_file(&path, terminal, &mut write);
    }
    let mut out = BufWriter::with_capacity(1 << 16, terminal.raw());
    write(&mut out)?;
    Ok(out.flush()?)
}

/// Where an export goes, when not to standard output: never over the trace, and without being told
/// so never over anything but an older page.
fn export_path(
    args: &ExportArgs,
    format: ExportFormat,
    trace: &Path,
) -> Result<Option<PathBuf>, Failure> {
    match &args.output {
        Some(path) if is_same_file(path, trace) => Err(Failure::OverTrace { path: path.clone() }),
        Some(path) => Ok(Some(path.clone())),
        None if format != ExportFormat::Html => Ok(None),
        None => {
            let page = PathBuf::from(trace.with_extension("html").file_name().unwrap_or_default());
            let is_free = std::fs::read(&page).map_or(true, |there| {
                there.is_empty() || execmap_web::is_page(&there)
            });
            if is_free {
                Ok(Some(page))
            } else {
                Err(Failure::NotOurs { path: page })
            }
        }
    }
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

const EXPORT_FORMATS: &str = "html, json, ndjson or mermaid";

fn export_format(args: &ExportArgs) -> Result<ExportFormat, Failure> {
    let Some(path) = args.output.as_deref() else {
        return args.format.ok_or(Failure::NoFormat {
            known: EXPORT_FORMATS,
        });
    };
    let by_ending = match ending(Some(path)) {
        Some("html" | "htm") => Some(ExportFormat::Html),
        Some("json") => Some(ExportFormat::Json),
        Some("ndjson" | "jsonl") => Some(ExportFormat::Ndjson),
        Some("mmd" | "mermaid" | "md") => Some(ExportFormat::Mermaid),
        _ => None,
    };
    let unknown = || Failure::UnknownEnding {
        path: path.to_owned(),
        known: EXPORT_FORMATS,
    };
    args.format.or(by_ending).ok_or_else(unknown)
}

fn write_page(trace: &Trace, page_size: u64, out: &mut dyn Write) -> io::Result<()> {
    let page = execmap_web::page(trace, &PageOptions { page_size });
    out.write_all(page.html.as_bytes())
}

fn trace_path(arg: &TraceArg) -> Result<PathBuf, Failure> {
    match &arg.trace {
        Some(path) if path.is_dir() => Ok(newest(path)?),
        Some(path) => Ok(path.clone()),
        None => Ok(newest(Path::new("."))?),
    }
}

fn open_trace(arg: &TraceArg) -> Result<Trace, Failure> {
    Ok(open(&trace_path(arg)?)?)
}

fn pattern(text: Option<&str>) -> Result<Option<FunctionPattern>, Failure> {
    Ok(text.map(FunctionPattern::new).transpose()?)
}

/// The call to begin with, if it is there.
fn root(trace: &Trace, call: Option<CallNumber>) -> Result<Option<CallNumber>, Failure> {
    match call {
        Some(call) if !trace.calls().contains(call) => Err(Failure::NoSuchCall {
            call,
            trace: trace.run().trace.clone(),
            calls: thousands(trace.calls().count()),
        }),
        call => Ok(call),
    }
}

fn ending(path: Option<&Path>) -> Option<&str> {
    path?.extension().and_then(OsStr::to_str)
}

fn print_json<T: Serialize>(answer: &T, terminal: &mut Terminal) -> Result<(), Failure> {
    let mut out = BufWriter::new(terminal.raw());
    serde_json::to_writer_pretty(&mut out, answer).map_err(io::Error::from)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// Writes a file and says so; a file that cannot be written whole is not left half done.
fn write_file(
    path: &Path,
    terminal: &mut Terminal,
    write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    let failed = |error| Failure::Write {
        path: path.to_owned(),
        error,
    };
    let file = File::create(path).map_err(failed)?;
    let mut out = BufWriter::with_capacity(1 << 16, file);
    write(&mut out).and_then(|()| out.flush()).map_err(failed)?;
    let size = out.get_ref().metadata().map_err(failed)?.len();
    Ok(terminal.remark(&format!("{} ({})\n", path.display(), bytes(size)))?)
}
