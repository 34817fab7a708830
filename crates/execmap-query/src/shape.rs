//! The tree that the calls of a trace form, and what is known of whole subtrees.
//!
//! Everything here is one pass over the columns. A parent comes before its
//! children, so going backwards meets every call after all calls below it; no
//! chain of calls is too deep.

use std::hash::{BuildHasher, Hasher};

use rustc_hash::FxBuildHasher;

use crate::calls::Calls;
use crate::function::Function;
use crate::handles::CallNumber;

/// The calls made directly by each call, in order of start.
#[derive(Debug)]
pub struct Children {
    starts: Vec<u32>,
    list: Vec<u32>,
}

impl Children {
    pub(crate) fn new(calls: &Calls) -> Self {
        let roots = calls.rows();
        let slot = |call| calls.parent(call).map_or(roots, CallNumber::index);
        let mut starts = vec![0u32; roots + 2];
        for call in calls.iter() {
            starts[slot(call) + 1] += 1;
        }
        for index in 1..starts.len() {
            starts[index] += starts[index - 1];
        }
        let mut next = starts.clone();
        let mut list = vec![0; calls.count() as usize];
        for call in calls.iter() {
            let position = &mut next[slot(call)];
            list[*position as usize] = call.0;
            *position += 1;
        }
        Children { starts, list }
    }

    /// The calls that `call` made, or the outermost calls.
    #[must_use]
    pub fn of(&self, call: Option<CallNumber>) -> &[u32] {
        let slot = call.map_or(self.starts.len() - 2, CallNumber::index);
        &self.list[self.starts[slot] as usize..self.starts[slot + 1] as usize]
    }
}

/// How many calls are below each call.
pub(crate) fn subtrees(calls: &Calls) -> Vec<u32> {
    let mut below = vec![0u32; calls.rows()];
    for call in calls.iter().rev() {
        if let Some(parent) = calls.parent(call) {
            below[parent.index()] += below[call.index()] + 1;
        }
    }
    below
}

/// Whether each call or one below it failed.
pub(crate) fn failing(calls: &Calls) -> Vec<bool> {
    let mut failing = vec![false; calls.rows()];
    for call in calls.iter().rev() {
        failing[call.index()] |= calls.has_failed(call);
        if let Some(parent) = calls.parent(call)
            && failing[call.index()]
        {
            failing[parent.index()] = true;
        }
    }
    failing
}

/// A number for each subtree, equal for equal behaviour: the same functions, values and outcomes
/// in the same order.
pub(crate) fn behaviours(calls: &Calls, functions: &[Function]) -> Vec<u64> {
    let hasher = FxBuildHasher;
    let mut behaviours = vec![0u64; calls.rows()];
    for call in calls.iter().rev() {
        let below = behaviours[call.index()];
        let arg_count = functions
            .get(calls.function(call).index())
            .map_or(0, |f| f.args.len());
        let mut state = hasher.build_hasher();
        for part in calls.likeness(call, arg_count) {
            state.write_u32(part);
        }
        state.write_u64(below);
        let own = state.finish();
        behaviours[call.index()] = own;
        if let Some(parent) = calls.parent(call) {
            let sum = &mut behaviours[parent.index()];
            *sum = sum.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(own);
        }
    }
    behaviours
}
