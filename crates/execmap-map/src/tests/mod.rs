//! Properties of the folded form and of its maps.

mod budget;
mod lossless;
mod synthetic;
