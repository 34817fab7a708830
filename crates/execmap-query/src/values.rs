//! Texts of values and lines of call sites.

use execmap_format::{CodeId, TraceReader, ValueRef};

use crate::calls::ValueKey;
use crate::handles::FunctionNumber;
use crate::open::FileSource;

/// Where the texts of a trace's values come from.
pub(crate) enum Texts {
    /// The trace's table of values.
    Read(Box<TraceReader<FileSource>>),
    /// Written down one by one, by a test.
    #[cfg(any(test, feature = "testing"))]
    Given(Vec<String>),
}

impl Texts {
    pub(crate) fn value(&self, key: ValueKey) -> String {
        match self {
            Texts::Read(trace) => trace.values().text(ValueRef(key.0), trace.definitions()),
            #[cfg(any(test, feature = "testing"))]
            Texts::Given(texts) => texts[key.0 as usize].clone(),
        }
    }

    pub(crate) fn exception(&self, key: ValueKey) -> String {
        match self {
            Texts::Read(trace) => trace
                .values()
                .exception_text(ValueRef(key.0), trace.definitions()),
            #[cfg(any(test, feature = "testing"))]
            Texts::Given(texts) => texts[key.0 as usize].clone(),
        }
    }

    /// The line of a byte offset in a function's bytecode.
    pub(crate) fn line(&self, function: FunctionNumber, site: u32) -> Option<u32> {
        match self {
            Texts::Read(trace) => trace.definitions().code(CodeId(function.0))?.line_at(site),
            #[cfg(any(test, feature = "testing"))]
            Texts::Given(_) => Some(site),
        }
    }
}
