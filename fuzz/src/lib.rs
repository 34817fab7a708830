//! Damaged and hostile traces, and what must hold whatever is in them.
//!
//! [`frames`] takes a trace apart into payloads behind checksums and compression, and puts it
//! together again with sums that are right, so that damage gets past them. [`mutate`] damages
//! at random, [`faces`] asks everything of whatever still opens.

#![forbid(unsafe_code)]

pub mod commands;
pub mod faces;
pub mod frames;
pub mod maps;
pub mod mutate;
pub mod programs;
pub mod random;
pub mod seeds;
