//! Whole recordings: what is written is read back, whatever the program does to them.

mod descriptors;
mod files;
mod memory;
mod recordings;
mod support;
