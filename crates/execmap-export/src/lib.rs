//! A trace in other people's formats, one file each.
//!
//! [`json`] and [`ndjson`] hold every call; [`mermaid`] and [`text`] draw the
//! map. Nothing here holds more than one call in memory beside the trace.

#![forbid(unsafe_code)]

pub mod json;
pub mod mermaid;
pub mod ndjson;
pub mod text;
