//! Maps with any options, and what must hold of them.

use execmap_export::fit::{Limit, fitted};
use execmap_export::{mermaid, plantuml, text};
use execmap_map::{
    End, Filter, Folded, Map, MapError, MapQuery, MapRow, Message, NO_SITE, OutlineRow, fold_map,
    outline,
};
use execmap_query::{Outcome, Trace};

use crate::faces::{MANY, is_diagram, is_json, is_safe};

/// A map that somebody asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What of it.
    pub query: MapQuery,
    /// Whose calls.
    pub filter: Filter,
    /// How long it may be.
    pub limit: Limit,
}

/// `execmap map`
pub fn all(trace: &Trace) {
    if trace.calls().count() <= MANY {
        is_lossless(trace);
    }
    let few = MapQuery {
        messages: Some(7),
        participants: 3,
        ..MapQuery::default()
    };
    for query in [MapQuery::default(), few] {
        let asked = Asked {
            query,
            filter: Filter::default(),
            limit: mermaid::LIMIT,
        };
        asked.of(trace);
    }
}

impl Asked {
    /// Draws the map in every format.
    ///
    /// # Panics
    /// When one breaks a rule.
    pub fn of(&self, trace: &Trace) {
        let folded = self.filter.fold(trace);
        let map = match fold_map(trace, &folded, &self.query) {
            Ok(map) => map,
            Err(MapError::TooSmall { least }) => {
                assert!(self.query.messages.is_some_and(|most| most < least));
                return;
            }
            Err(error) => {
                assert_eq!(error, MapError::NoSuchFunction);
                assert!(self.query.focus.is_some());
                return;
            }
        };
        let most = self.query.messages.unwrap_or(usize::MAX);
        assert!(map.messages() <= most, "the budget is exceeded");
        let is_whole =
            self.filter.is_empty() && self.query.focus.is_none() && self.query.root.is_none();
        if is_whole {
            assert_eq!(told(&map), trace.calls().count(), "calls are nowhere");
        } else {
            assert!(told(&map) <= trace.calls().count());
        }
        is_balanced(&map);
        is_json(&map);
        is_safe(&text::render(&map, 40));
        is_safe(&plantuml::render(&map, 40));
        let rows = outline(trace, &folded, &self.query, 100).expect("there is a map");
        assert!(
            open_rows(&rows)
                .map(without_creator)
                .eq(map.rows.iter().map(without_creator)),
            "the outline has other open rows than the map"
        );
        // A limit that is too small is an answer too.
        match fitted(trace, &folded, &self.query, self.limit, &mermaid::render) {
            Ok(diagram) => {
                let (units, most) = match self.limit {
                    Limit::None => (0, 0),
                    Limit::Chars(most) => (diagram.encode_utf16().count(), most),
                    Limit::Tokens(most) => (diagram.len().div_ceil(3), most),
                };
                assert!(units <= most, "the limit is exceeded");
                is_diagram(&diagram);
            }
            Err(error) => assert!(matches!(error, MapError::TooShort { .. }), "{error}"),
        }
    }
}

/// Calls that have a message, and those that are counted where they are missing.
fn told(map: &Map) -> u64 {
    let told = map.rows.iter().map(|row| match row {
        MapRow::Call(call) if call.closed => call.times + call.calls_inside,
        MapRow::Call(call) => call.times,
        MapRow::More(more) => more.calls + more.calls_inside,
        _ => 0,
    });
    told.sum()
}

fn is_balanced(map: &Map) {
    let mut open = 0u32;
    for row in &map.rows {
        match row {
            MapRow::Block(_) => open += 1,
            MapRow::Section(_) => assert!(open > 0, "a section stands alone"),
            MapRow::End(_) => open = open.checked_sub(1).expect("a block ends that began"),
            _ => {}
        }
    }
    assert_eq!(open, 0, "a block has no end");
}

/// The rows that are not inside closed ones.
fn open_rows(rows: &[OutlineRow]) -> impl Iterator<Item = &MapRow> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let row = rows.get(next)?;
        next += if row.is_open { 1 } else { 1 + row.inside };
        Some(&row.row)
    })
}

/// The row without who created its thread: where that is drawn further down, which damage alone can
/// do, the outline knows and the map does not.
fn without_creator(row: &MapRow) -> MapRow {
    match row {
        MapRow::Call(call) if call.level == 0 => MapRow::Call(Box::new(Message {
            from: None,
            ..(**call).clone()
        })),
        row => row.clone(),
    }
}

/// Whether a trace is there again when it was folded and unfolded.
///
/// # Panics
/// When a call is missing or is not as it was.
pub fn is_lossless(trace: &Trace) {
    let (folded, calls) = (Folded::of(trace), trace.calls());
    let mut seen = vec![false; calls.rows()];
    for unfolded in folded.unfold() {
        let call = folded.call_at(unfolded.position);
        assert!(
            !std::mem::replace(&mut seen[call.index()], true),
            "a call comes twice"
        );
        let caller = unfolded.caller.map(|position| folded.call_at(position));
        assert_eq!(caller, calls.parent(call), "the caller is another");
        assert_eq!(unfolded.node.function, calls.function(call).0);
        let site = calls.parent(call).and(calls.site(call));
        assert_eq!(unfolded.site, site.unwrap_or(NO_SITE));
        let is_same = match unfolded.node.end {
            End::Returned => calls.outcome(call) == Outcome::Returned,
            End::Closed => calls.outcome(call) == Outcome::Closed,
            End::Unfinished => calls.outcome(call) == Outcome::Unfinished,
            End::Exit => calls.outcome(call) == Outcome::Raised && !calls.has_failed(call),
            End::Failed(_) => calls.has_failed(call),
        };
        assert!(is_same, "a call ends otherwise");
    }
    let count = seen.iter().filter(|seen| **seen).count() as u64;
    assert_eq!(count, calls.count(), "calls are missing");
    assert_eq!(folded.arena.seq_totals(folded.roots).calls, count);
}
