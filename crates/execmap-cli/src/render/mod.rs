//! Answers as text. Colours and links are in it; the terminal strips what is not wanted.

mod diff;
mod info;
mod stats;
mod tree;

pub use diff::diff_text;
pub use info::info_text;
pub use stats::stats_text;
pub(crate) use tree::TreeLines;
pub use tree::tree_text;

use execmap_map::{Folded, MapQuery};
use execmap_query::{Losses, Trace};

use crate::style::{QUIET, paint};

/// The map as indented lines.
#[must_use]
pub fn map_text(trace: &Trace, query: &MapQuery) -> String {
    let folded = Folded::of(trace);
    match execmap_map::fold_map(trace, &folded, query) {
        Ok(map) => execmap_export::text::render(&map, 60),
        Err(error) => error.to_string(),
    }
}

/// What was not recorded, in one quiet line; nothing for a whole trace.
fn losses_line(losses: &Losses) -> Option<String> {
    losses
        .text()
        .map(|text| paint(QUIET, format!("{text}. `execmap info` says more")))
}

/// The text without its colours and links.
#[must_use]
pub fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}
