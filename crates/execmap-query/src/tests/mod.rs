//! Questions on small traces.

mod forest;
mod hostile;
mod open;
mod stats;
mod tree;

/// Python reads a trace from several threads.
#[test]
fn a_trace_may_be_shared() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<crate::Trace>();
}
