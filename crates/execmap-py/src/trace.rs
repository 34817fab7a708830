//! A trace opened for reading, as Python sees it. Answers cross as JSON or as text.

#![expect(
    clippy::needless_pass_by_value,
    reason = "PyO3 hands arguments over by value"
)]

use std::ops::Range;
use std::path::PathBuf;
use std::sync::OnceLock;

use execmap_cli::{Layout, diff_text, stats_text, tree_text};
use execmap_export::fit::{Limit, fitted};
use execmap_export::{mermaid, ndjson, plantuml, text};
use execmap_map::{DiffQuery, Filter, Folded, GroupBy, MapError, MapQuery, Volatile, fold_map};
use execmap_query::{CallNumber, Fold, FunctionPattern, StatsQuery, TreeQuery};
use execmap_web::PageOptions;
use pyo3::prelude::*;

use crate::command_line::write_page;
use crate::errors::{TraceError, query_error, write_error};

/// A trace in memory; never changes.
#[pyclass(frozen, name = "Trace", module = "execmap._core")]
pub(crate) struct CoreTrace {
    trace: execmap_query::Trace,
    /// Its folded form, made when a map is first asked for.
    folded: OnceLock<Folded>,
}

/// Values on the map are cut to so many characters.
const VALUE_CHARS: usize = 60;

fn as_json(answer: &impl serde::Serialize) -> PyResult<String> {
    serde_json::to_string(answer).map_err(|error| TraceError::new_err(error.to_string()))
}

fn pattern(text: Option<&str>) -> PyResult<Option<FunctionPattern>> {
    text.map(FunctionPattern::new)
        .transpose()
        .map_err(|error| TraceError::new_err(error.to_string()))
}

fn patterns(texts: &[String]) -> PyResult<Vec<FunctionPattern>> {
    let parsed = texts.iter().map(|text| FunctionPattern::new(text));
    parsed
        .collect::<Result<_, _>>()
        .map_err(|error| TraceError::new_err(error.to_string()))
}

impl CoreTrace {
    fn call(&self, handle: Option<&str>) -> PyResult<Option<CallNumber>> {
        let Some(handle) = handle else {
            return Ok(None);
        };
        let call: CallNumber = handle
            .parse()
            .map_err(|_| TraceError::new_err(format!("not a call's handle: {handle}")))?;
        if self.trace.calls().contains(call) {
            return Ok(Some(call));
        }
        Err(TraceError::new_err(format!(
            "no call {handle}: the trace has {} calls",
            self.trace.calls().count()
        )))
    }

    fn tree_query(
        &self,
        function: Option<&str>,
        depth: Option<u32>,
        min_ns: u64,
        root: Option<&str>,
        rows: Option<usize>,
    ) -> PyResult<TreeQuery> {
        Ok(TreeQuery {
            functions: pattern(function)?,
            at_least_ns: min_ns,
            depth,
            rows: rows.filter(|_| depth.is_none()),
            fold: Fold::Alike,
            root: self.call(root)?,
        })
    }
}

#[pymethods]
impl CoreTrace {
    /// Opens a trace.
    #[new]
    fn open(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let trace = py
            .detach(|| execmap_query::open(&path))
            .map_err(|error| query_error(&error))?;
        Ok(CoreTrace {
            trace,
            folded: OnceLock::new(),
        })
    }

    /// How many calls there are.
    fn count(&self) -> u64 {
        self.trace.calls().count()
    }

    /// What `execmap info --json` prints.
    fn info(&self) -> PyResult<String> {
        as_json(&execmap_query::info(&self.trace))
    }

    /// The processes of the run, as JSON.
    fn processes(&self) -> PyResult<String> {
        as_json(&execmap_query::process_rows(&self.trace))
    }

    /// What `execmap info` prints.
    fn info_text(&self) -> String {
        execmap_cli::plain(&execmap_cli::info_text(&execmap_query::info(&self.trace)))
    }

    /// Rows of the table of calls, as lines of ndjson.
    fn rows(&self, first: u64, last: u64) -> PyResult<Vec<String>> {
        let Range { start, end } = first..last;
        (start..end)
            .filter_map(|number| u32::try_from(number).ok().map(CallNumber))
            .filter(|call| self.trace.calls().contains(*call))
            .map(|call| as_json(&execmap_query::row(&self.trace, call)))
            .collect()
    }

    /// All rows as ndjson.
    fn ndjson(&self, py: Python<'_>) -> PyResult<String> {
        let mut out = Vec::new();
        py.detach(|| ndjson::write(&self.trace, &mut out))?;
        String::from_utf8(out).map_err(|error| TraceError::new_err(error.to_string()))
    }

    /// The tree as JSON and as the text that `execmap tree` prints.
    #[pyo3(signature = (function=None, depth=None, min_ns=0, root=None, rows=None))]
    fn tree(
        &self,
        function: Option<&str>,
        depth: Option<u32>,
        min_ns: u64,
        root: Option<&str>,
        rows: Option<usize>,
    ) -> PyResult<(String, String)> {
        let tree = execmap_query::tree(
            &self.trace,
            &self.tree_query(function, depth, min_ns, root, rows)?,
        );
        Ok((
            as_json(&tree)?,
            execmap_cli::plain(&tree_text(&tree, Layout::default())),
        ))
    }

    /// The functions as JSON and as the text that `execmap stats` prints.
    #[pyo3(signature = (function=None, limit=None))]
    fn stats(&self, function: Option<&str>, limit: Option<usize>) -> PyResult<(String, String)> {
        let query = StatsQuery {
            functions: pattern(function)?,
            limit,
            ..StatsQuery::default()
        };
        let stats = execmap_query::stats(&self.trace, &query);
        let text = stats_text(&stats, query.sort, Layout::default());
        Ok((as_json(&stats)?, execmap_cli::plain(&text)))
    }

    /// The map as JSON, as Mermaid, as `PlantUML`, and as text.
    #[pyo3(signature = (max_messages=None, depth=None, root=None, focus=None, group_by="class", include=Vec::new(), exclude=Vec::new(), max_chars=None))]
    #[expect(clippy::too_many_arguments, reason = "they are one call's keywords")]
    fn map(
        &self,
        py: Python<'_>,
        max_messages: Option<usize>,
        depth: Option<u32>,
        root: Option<&str>,
        focus: Option<&str>,
        group_by: &str,
        include: Vec<String>,
        exclude: Vec<String>,
        max_chars: Option<usize>,
    ) -> PyResult<[String; 4]> {
        let query = MapQuery {
            messages: max_messages,
            depth,
            root: self.call(root)?,
            focus: pattern(focus)?,
            group_by: match group_by {
                "class" => GroupBy::Class,
                "module" => GroupBy::Module,
                "package" => GroupBy::Package,
                other => {
                    return Err(TraceError::new_err(format!(
                        "cannot group by {other}: class, module or package"
                    )));
                }
            },
            ..MapQuery::default()
        };
        let filter = Filter {
            include: patterns(&include)?,
            exclude: patterns(&exclude)?,
        };
        let limit = max_chars.map_or(mermaid::LIMIT, Limit::Chars);
        py.detach(|| {
            let filtered = (!filter.is_empty()).then(|| filter.fold(&self.trace));
            let folded = match &filtered {
                Some(folded) => folded,
                None => self.folded.get_or_init(|| Folded::of(&self.trace)),
            };
            let failed = |error: MapError| TraceError::new_err(error.to_string());
            let map = fold_map(&self.trace, folded, &query).map_err(failed)?;
            let diagram = fitted(&self.trace, folded, &query, limit, &mermaid::render);
            Ok([
                as_json(&map)?,
                diagram.map_err(failed)?,
                plantuml::render(&map, VALUE_CHARS),
                text::render(&map, VALUE_CHARS),
            ])
        })
    }

    /// What another run did differently: whether nothing, as JSON, as text, and as Mermaid.
    fn diff(
        &self,
        py: Python<'_>,
        other: &CoreTrace,
        ignore: Vec<String>,
        max_messages: usize,
    ) -> PyResult<[String; 3]> {
        let kind = |word: &String| {
            let known = Volatile::ALL.into_iter().find(|kind| kind.text() == word);
            known.ok_or_else(|| {
                TraceError::new_err(format!("cannot ignore {word}: time, address, id or path"))
            })
        };
        let query = DiffQuery {
            ignore: ignore.iter().map(kind).collect::<PyResult<_>>()?,
        };
        py.detach(|| {
            let difference = execmap_map::diff(&self.trace, &other.trace, &query);
            let text = diff_text(&difference, usize::MAX, Layout::default());
            Ok([
                as_json(&difference)?,
                execmap_cli::plain(&text),
                execmap_export::difference::mermaid(&difference, max_messages),
            ])
        })
    }

    /// Writes the page.
    fn write_html(&self, py: Python<'_>, path: PathBuf, page_size: Option<u64>) -> PyResult<()> {
        let mut options = PageOptions::default();
        options.page_size = page_size.unwrap_or(options.page_size);
        let page = py.detach(|| execmap_web::page(&self.trace, &options));
        write_page(&path, &page.html).map_err(|why| write_error(&path, &why))
    }
}
