//! Commands from what is typed to what is printed, over a real file.

mod answers;
mod failures;
mod run;
mod support;
