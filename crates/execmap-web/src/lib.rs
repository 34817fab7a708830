//! The page of a trace: one HTML file that needs no network and no other file.
//!
//! [`page`] puts the facts of the run, the map and as many calls as fit into the
//! viewer's page, `assets/page.html`, which is built from `viewer/`.

#![forbid(unsafe_code)]

mod columns;
mod data;
mod map;
mod page;
mod times;

pub use data::{
    ColumnSpec, FunctionRow, LaneRow, LeftOutRow, LoopRow, PageHead, PageTables, RunFacts,
};
pub use map::MapLine;
pub use page::{PAGE_SIZE, Page, PageOptions, is_page, page};
