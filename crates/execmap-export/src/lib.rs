//! A trace in other people's formats, one file each.
//!
//! [`json`] and [`ndjson`] hold every call; [`mermaid`], [`plantuml`] and
//! [`text`] draw the map, within the limits of [`fit`]. Nothing here holds more than one call in memory beside the trace.

#![forbid(unsafe_code)]

pub mod difference;
pub mod fit;
pub mod json;
pub mod mermaid;
pub mod ndjson;
pub mod plantuml;
mod sequence;
pub mod text;
