//! What an execmap trace is, and its bytes.
//!
//! A trace is a header and a sequence of checksummed blocks. Definitions (code
//! objects, symbols, types, threads, tasks) and values come in blocks of their
//! own before the events that name them, so that each block of events decodes
//! given the blocks before it. `docs/format.md` draws the bytes.
//!
//! This crate knows neither Python nor paths nor clocks: a [`Source`] gives
//! bytes, and what comes out are [`Event`]s, [`Definitions`] and [`Values`].

#![forbid(unsafe_code)]

mod begin;
mod block;
mod bounds;
mod columns;
mod define;
mod definitions;
mod error;
mod event;
mod float;
mod ids;
mod index;
mod intern;
mod lately;
mod literal;
mod live;
mod process;
mod record;
mod replay;
mod segment;
mod source;
pub mod testing;
#[cfg(test)]
mod tests;
mod text;
pub mod token;
mod trace;
mod transcode;
mod value;
pub mod varint;

pub use begin::{Begin, LogState};
pub use block::{
    Block, BlockKind, FILE_HEADER_LEN, FileHeader, encode_block, encode_block_with_head,
};
pub use columns::ColumnsOut;
pub use define::{
    Code, CodeKind, Definition, DefinitionCounts, LineTable, LoopDef, Loss, LossReason, TaskDef,
    ThreadDef, TypeDef,
};
pub use definitions::Definitions;
pub use error::ReadError;
pub use event::Event;
pub use ids::{CallId, CodeId, ExceptionId, LogId, Nanos, SymbolId, TaskId, TypeId};
pub use index::{EventsEntry, IndexEntry, IndexWriter};
pub use intern::Interner;
pub use process::{ChildDef, Obstacle, ParentDef};
pub use record::{Record, Records, kind, pack, pack_counted};
pub use segment::{
    ClockPair, PART_HEADER_LEN, PartHeader, SEGMENT_HEADER_LEN, SegmentHeader, SegmentState,
    read_segments,
};
pub use source::Source;
pub use trace::{Summary, TraceReader};
pub use transcode::{LogTranscoder, Transcoded};
pub use value::{Value, ValueRef, Values};

/// The version of the format that this crate writes.
pub const FORMAT_VERSION: u16 = 1;
