//! Properties of the folded form and of its maps.

mod budget;
pub(crate) mod lossless;
mod synthetic;
