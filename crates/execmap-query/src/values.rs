//! Texts of values and lines of call sites.

use execmap_format::{CodeId, Definitions, ValueRef, Values};

use crate::calls::ValueKey;
use crate::handles::FunctionNumber;

/// In a [`ValueKey`], the bits from here on are the process whose table the value stands in.
const PROCESS_AT: u32 = 44;
/// Processes whose values can be told apart.
pub(crate) const MOST_PROCESSES: usize = 1 << (64 - PROCESS_AT);

impl ValueKey {
    /// The key of a reference in the trace of a process. Numbers and constants are the same in all.
    pub(crate) fn of(process: u32, reference: u64) -> Self {
        let is_row = reference & 3 == 1;
        if is_row && process > 0 {
            // A row that cannot be stands for one that is lost.
            let row = reference.min((1 << PROCESS_AT) - 3);
            return ValueKey(row | u64::from(process) << PROCESS_AT);
        }
        ValueKey(reference)
    }

    fn process_and_reference(self) -> (usize, ValueRef) {
        if self.0 & 3 != 1 {
            return (0, ValueRef(self.0));
        }
        let row = self.0 & ((1 << PROCESS_AT) - 1);
        ((self.0 >> PROCESS_AT) as usize, ValueRef(row))
    }
}

/// What the numbers in the trace of one process stand for.
pub(crate) struct Tables {
    pub(crate) definitions: Definitions,
    pub(crate) values: Values,
}

/// Where the texts of a trace's values come from.
pub(crate) enum Texts {
    /// The tables of the processes, and of each function the process and code object it stands for.
    Read {
        tables: Vec<Tables>,
        codes: Vec<(u32, CodeId)>,
    },
    /// Written down one by one, by a test.
    #[cfg(any(test, feature = "testing"))]
    Given(Vec<String>),
}

impl Texts {
    pub(crate) fn value(&self, key: ValueKey) -> String {
        match self {
            Texts::Read { tables, .. } => {
                let (process, reference) = key.process_and_reference();
                tables
                    .get(process)
                    .map_or_else(String::new, |of| of.values.text(reference, &of.definitions))
            }
            #[cfg(any(test, feature = "testing"))]
            Texts::Given(texts) => texts[key.0 as usize].clone(),
        }
    }

    /// References of whole numbers hold them.
    pub(crate) fn whole_number(&self, key: ValueKey) -> Option<i64> {
        match self {
            Texts::Read { .. } => {
                let (_, ValueRef(reference)) = key.process_and_reference();
                let zigzag = reference >> 1;
                let number = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
                (reference & 1 == 0).then_some(number)
            }
            #[cfg(any(test, feature = "testing"))]
            Texts::Given(texts) => texts[key.0 as usize].parse().ok(),
        }
    }

    pub(crate) fn exception(&self, key: ValueKey) -> String {
        match self {
            Texts::Read { tables, .. } => {
                let (process, reference) = key.process_and_reference();
                tables.get(process).map_or_else(String::new, |of| {
                    of.values.exception_text(reference, &of.definitions)
                })
            }
            #[cfg(any(test, feature = "testing"))]
            Texts::Given(texts) => texts[key.0 as usize].clone(),
        }
    }

    /// The line of a byte offset in a function's bytecode.
    pub(crate) fn line(&self, function: FunctionNumber, site: u32) -> Option<u32> {
        match self {
            Texts::Read { tables, codes } => {
                let (process, code) = *codes.get(function.index())?;
                let definitions = &tables.get(process as usize)?.definitions;
                definitions.code(code)?.line_at(site)
            }
            #[cfg(any(test, feature = "testing"))]
            Texts::Given(_) => Some(site),
        }
    }
}
