//! The page's file.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use execmap_map::Folded;
use execmap_query::Trace;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::columns::{Columns, encode};
use crate::data::{ColumnSpec, PageHead, PageTables, functions, head};
use crate::map;

/// The viewer, built from `viewer/`.
const TEMPLATE: &str = include_str!("../assets/page.html");
const TITLE: &str = "<title>execmap</title>";
const PAGE_PLACE: &str = "/*EXECMAP_PAGE*/";
const COLUMNS_PLACE: &str = "/*EXECMAP_COLUMNS*/";

/// How large a page may be unless said otherwise, in bytes.
pub const PAGE_SIZE: u64 = 5_000_000;

/// How the page is made.
#[derive(Clone, Copy, Debug)]
pub struct PageOptions {
    /// How large it may be, in bytes. The facts of the run and the map are in it at any size.
    pub page_size: u64,
}

impl Default for PageOptions {
    fn default() -> Self {
        PageOptions {
            page_size: PAGE_SIZE,
        }
    }
}

/// A page.
#[derive(Clone, Debug)]
pub struct Page {
    /// The whole file.
    pub html: String,
    /// Calls it holds.
    pub held_calls: u64,
    /// Calls of the trace.
    pub calls: u64,
}

/// Whether the bytes of a file are a page of ours.
#[must_use]
pub fn is_page(bytes: &[u8]) -> bool {
    const MARK: &[u8] = b"id=\"execmap-page\"";
    bytes.windows(MARK.len()).any(|window| window == MARK)
}

/// The page of a trace, with as many of its first calls as fit.
#[must_use]
pub fn page(trace: &Trace, options: &PageOptions) -> Page {
    let rows = trace.calls().rows();
    let mut fit = Fit {
        whole: Whole::of(trace, options.page_size),
        room: usize::try_from(options.page_size).unwrap_or(usize::MAX),
        best: None,
    };
    let empty = fit.attempt(0);
    let mut next = rows.min(FIRST_ATTEMPT);
    for _ in 0..MOST_ATTEMPTS {
        let size = fit.attempt(next);
        if size <= fit.room && next == rows {
            break;
        }
        let for_calls = fit.room.saturating_sub(empty) as f64;
        let each = (size.saturating_sub(empty)).max(1) as f64 / next.max(1) as f64;
        let guess = ((for_calls / each * MARGIN) as usize).min(rows);
        // All calls are worth another attempt.
        let is_close = guess < rows && guess.abs_diff(next) <= next / 50;
        if size <= fit.room && (guess <= next || is_close) || guess == 0 {
            break;
        }
        next = guess;
    }
    fit.finish()
}

/// Calls that are tried first; from their size follows how many fit.
const FIRST_ATTEMPT: usize = 100_000;

/// So often is the number of calls corrected.
const MOST_ATTEMPTS: usize = 6;

/// Part of the room that is filled, because later calls may need more than those before.
const MARGIN: f64 = 0.97;

/// Looks for the greatest number of calls that fits.
struct Fit<'t> {
    whole: Whole<'t>,
    room: usize,
    /// The largest page so far that fits, and how many calls it holds.
    best: Option<(usize, String)>,
}

impl Fit<'_> {
    /// Makes a page with so many calls; gives its size.
    fn attempt(&mut self, rows: usize) -> usize {
        let html = self.whole.render(rows);
        let size = html.len();
        let is_best = self.best.as_ref().is_none_or(|best| rows > best.0);
        // A page without calls is made even if it is too large.
        if (size <= self.room || rows == 0) && is_best {
            self.best = Some((rows, html));
        }
        size
    }

    fn finish(self) -> Page {
        let calls = self.whole.trace.calls();
        let (rows, html) = self.best.unwrap_or_default();
        let held = calls.iter().take_while(|call| call.index() < rows).count() as u64;
        Page {
            html,
            held_calls: held,
            calls: calls.count(),
        }
    }
}

/// What a page holds however many calls are in it.
struct Whole<'t> {
    trace: &'t Trace,
    folded: Columns,
    head: PageHead,
}

/// The folded tree has at most this part of a page.
const FOLDED_PART: u64 = 3;

impl<'t> Whole<'t> {
    fn of(trace: &'t Trace, page_size: u64) -> Self {
        let folded = Folded::of(trace);
        let lines = map::lines(trace, &folded);
        let columns = map::columns(&folded);
        let is_small = gzip(&columns.bytes).len() as u64 <= page_size / FOLDED_PART;
        Whole {
            trace,
            folded: if is_small {
                columns
            } else {
                Columns::default()
            },
            head: head(trace, lines, folded.roots.number()),
        }
    }

    /// All columns, tables included.
    fn columns(&self, rows: usize) -> Columns {
        let mut columns = self.folded.clone();
        let texts = encode(self.trace, rows, &mut columns);
        let tables = PageTables {
            functions: functions(self.trace),
            texts,
        };
        let tables = serde_json::to_vec(&tables).expect("plain data is JSON");
        columns.specs.push(ColumnSpec {
            name: "tables",
            width: 1,
            offset: columns.bytes.len(),
            length: tables.len(),
        });
        columns.bytes.extend(tables);
        columns
    }

    fn render(&mut self, rows: usize) -> String {
        let columns = self.columns(rows);
        let data = &mut self.head;
        data.run.held_calls = rows as u64;
        data.columns = columns.specs;
        let title = format!(
            "<title>{} · execmap</title>",
            escape_text(&data.run.command)
        );
        let packed = STANDARD.encode(gzip(&columns.bytes));
        fill(
            TEMPLATE,
            &[
                (TITLE, &title),
                (PAGE_PLACE, &escaped_json(data)),
                (COLUMNS_PLACE, &packed),
            ],
        )
    }
}

/// Puts texts in their places; each place is the last of its kind, so that the viewer's own code
/// may name it.
fn fill(template: &str, places: &[(&str, &str)]) -> String {
    let mut found: Vec<(usize, &str, &str)> = places
        .iter()
        .filter_map(|(place, text)| Some((template.rfind(place)?, *place, *text)))
        .collect();
    found.sort_by_key(|place| place.0);
    let mut html = String::with_capacity(
        template.len() + places.iter().map(|(_, text)| text.len()).sum::<usize>(),
    );
    let mut done = 0;
    for (at, place, text) in found {
        html.push_str(&template[done..at]);
        html.push_str(text);
        done = at + place.len();
    }
    html.push_str(&template[done..]);
    html
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.expect("memory can be written")
}

/// JSON that neither ends a script element nor begins anything in it.
fn escaped_json(data: &PageHead) -> String {
    let json = serde_json::to_string(data).expect("plain data is JSON");
    let mut escaped = String::with_capacity(json.len() + json.len() / 16);
    for c in json.chars() {
        match c {
            '<' => escaped.push_str("\\u003c"),
            '>' => escaped.push_str("\\u003e"),
            '&' => escaped.push_str("\\u0026"),
            '\u{2028}' => escaped.push_str("\\u2028"),
            '\u{2029}' => escaped.push_str("\\u2029"),
            c => escaped.push(c),
        }
    }
    escaped
}

fn escape_text(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use execmap_query::testing::{TraceBuilder, shop};

    /// The JSON in a page.
    fn data_of(html: &str) -> serde_json::Value {
        let (_, rest) = html
            .rsplit_once("id=\"execmap-page\">")
            .expect("the page holds its data");
        let (json, _) = rest.split_once("</script>").expect("the element ends");
        serde_json::from_str(json).expect("it is JSON")
    }

    #[test]
    fn a_page_holds_the_run_and_nothing_in_it_is_markup() {
        let page = page(&shop(), &PageOptions::default());
        assert_eq!((page.held_calls, page.calls), (11, 11));
        assert!(is_page(page.html.as_bytes()) && !is_page(b"<html></html>"));
        assert!(page.html.contains("<title>shop.py · execmap</title>"));
        assert!(!page.html.contains("<tag>"));
        let data = data_of(&page.html);
        assert_eq!(data["run"]["held_calls"], 11);
        assert_eq!(data["run"]["failures"], 1);
        assert_eq!(data["map"][0]["text"], "<module>");
        assert_eq!(data["map"][2]["text"], "add");
        assert_eq!(data["map"][2]["args"][1][1], "2");
    }

    /// Loops in a loop, variants, failures, a recursion and a pool of threads.
    fn orders() -> Trace {
        let mut builder = TraceBuilder::new();
        builder.loops("main", &[], &[(100, 198, true)]);
        builder.loops("order", &[("number", "")], &[(20, 60, true)]);
        let main = builder.call("main", &[]);
        for order in 0..40u32 {
            builder
                .at(110)
                .call("order", &[("number", &order.to_string())]);
            for line in 0..=order % 3 {
                builder
                    .at(30)
                    .call("price", &[("qty", &(line + 1).to_string())]);
                builder
                    .at(4)
                    .leaf("tier", &[("qty", &(line + 1).to_string())], "'small'");
                builder
                    .returns(&(20 * (line + 1)).to_string())
                    .enters(20, 1);
            }
            builder.returns("None");
            if order % 10 == 7 {
                builder
                    .at(120)
                    .call("reserve", &[("order", &order.to_string())]);
                builder.raises("KeyError: 'none left'");
            }
            builder.enters(100, 1);
        }
        builder.at(300);
        walk(&mut builder, 1);
        builder.new_thread("pool-0", Some(main));
        for shelf in 0..12u32 {
            builder.leaf("count", &[("shelf", &shelf.to_string())], "7");
        }
        builder.on_thread(0).returns("None");
        builder.trace()
    }

    fn walk(builder: &mut TraceBuilder, depth: u32) {
        builder.call("walk", &[("depth", &depth.to_string())]);
        if depth < 6 {
            builder.at(10);
            walk(builder, depth + 1);
            builder.at(20);
            walk(builder, depth + 1);
        }
        builder.returns(&depth.to_string());
    }

    /// Set `EXECMAP_GENERATE=1` to write the file.
    #[test]
    fn the_viewer_is_tested_with_what_a_page_holds() {
        let trace = orders();
        let mut whole = Whole::of(&trace, PAGE_SIZE);
        let columns = whole.columns(trace.calls().rows());
        whole.head.run.held_calls = trace.calls().count();
        whole.head.columns = columns.specs;
        let head = serde_json::to_string(&whole.head).expect("plain data is JSON");
        let bytes = STANDARD.encode(&columns.bytes);
        let made = format!("{{\"head\": {head},\n\"bytes\": \"{bytes}\"}}\n");
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../viewer/test/fixtures/orders.json");
        if std::env::var_os("EXECMAP_GENERATE").is_some() {
            std::fs::write(&path, &made).expect("the viewer's folder can be written");
        }
        let present = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            present == made,
            "stale: run `EXECMAP_GENERATE=1 cargo test -p execmap-web`"
        );
    }

    #[test]
    fn a_page_holds_as_many_calls_as_fit() {
        let mut builder = TraceBuilder::new();
        for index in 0..20_000 {
            builder.leaf("price", &[("line", &index.to_string())], "None");
        }
        let trace = builder.trace();
        let whole = page(&trace, &PageOptions::default());
        assert_eq!(whole.held_calls, 20_000);
        let none = page(&trace, &PageOptions { page_size: 1 });
        assert_eq!(none.held_calls, 0);
        let limit = (whole.html.len() + none.html.len()) as u64 / 2;
        let part = page(&trace, &PageOptions { page_size: limit });
        assert!(part.html.len() as u64 <= limit);
        assert!(
            part.held_calls > 5_000 && part.held_calls < 20_000,
            "{}",
            part.held_calls
        );
        assert_eq!(data_of(&part.html)["run"]["calls"], 20_000);
    }
}
