//! CPython, as it is: events, frames, values.
//!
//! Every difference between versions lives here, named by what differs. This
//! folder is one of the two places of the project where unsafe code may stand.

#![expect(
    clippy::cast_ptr_alignment,
    reason = "fields of CPython's structures lie at multiples of their size"
)]

mod ask;
mod bytecode;
mod code;
mod engine;
mod events;
mod exceptions;
mod frame;
mod generators;
mod hook;
mod instances;
mod layout;
mod learning;
mod limits;
mod lives;
mod logs;
mod monitoring;
mod neighbours;
mod others;
mod processes;
mod stacks;
mod standard;
mod store;
mod symbols;
mod tasks;
mod types;
mod values;
mod watch;

pub(crate) use engine::{Settings, before_end, flush, is_recording, now, start, stop, stop_at_end};
pub(crate) use layout::self_test;
pub(crate) use types::Words;
