//! What the compiler's bytecode tells of a function: its loops, and where it is suspended.

use execmap_record::format::LoopDef;

/// Numbers of instructions.
mod op {
    #[cfg(not(Py_3_13))]
    mod version {
        pub(crate) const EXTENDED_ARG: u8 = 144;
        pub(crate) const JUMP_BACKWARD: &[u8] = &[140];
        pub(crate) const YIELD_VALUE: u8 = 150;
        pub(crate) const SEND: u8 = 123;
        pub(crate) const CALLS: &[u8] = &[171, 142, 123, 53, 52, 106];
        /// Words behind a backward jump before the place it counts from.
        pub(crate) const JUMP_CACHE: usize = 0;
    }
    #[cfg(all(Py_3_13, not(Py_3_14)))]
    mod version {
        pub(crate) const EXTENDED_ARG: u8 = 71;
        pub(crate) const JUMP_BACKWARD: &[u8] = &[77];
        pub(crate) const YIELD_VALUE: u8 = 118;
        pub(crate) const SEND: u8 = 104;
        pub(crate) const CALLS: &[u8] = &[53, 57, 54, 104, 2, 1, 82];
        pub(crate) const JUMP_CACHE: usize = 1;
    }
    #[cfg(all(Py_3_14, not(Py_3_15)))]
    mod version {
        pub(crate) const EXTENDED_ARG: u8 = 69;
        pub(crate) const JUMP_BACKWARD: &[u8] = &[75];
        pub(crate) const YIELD_VALUE: u8 = 120;
        pub(crate) const SEND: u8 = 106;
        pub(crate) const CALLS: &[u8] = &[52, 55, 4, 106, 95, 80];
        pub(crate) const JUMP_CACHE: usize = 1;
    }
    #[cfg(Py_3_15)]
    mod version {
        pub(crate) const EXTENDED_ARG: u8 = 67;
        pub(crate) const JUMP_BACKWARD: &[u8] = &[74];
        pub(crate) const YIELD_VALUE: u8 = 119;
        pub(crate) const SEND: u8 = 105;
        pub(crate) const CALLS: &[u8] = &[50, 53, 4, 105, 94, 79];
        pub(crate) const JUMP_CACHE: usize = 1;
    }
    pub(crate) use version::*;
}

/// What the bytecode of a code object tells.
#[derive(Default)]
pub(super) struct Bytecode {
    pub(super) awaits: Vec<u32>,
    pub(super) loops: Vec<LoopDef>,
}

/// Finds loops and suspensions. Inline caches read as instructions of number 0 and are harmless.
pub(super) fn scan(bytecode: &[u8]) -> Bytecode {
    let mut found = Bytecode::default();
    let mut arg = 0usize;
    let mut before = 0u8;
    let mut calls: Vec<usize> = Vec::new();
    for (index, word) in bytecode.chunks_exact(2).enumerate() {
        let (number, low) = (word[0], usize::from(word[1]));
        arg = arg << 8 | low;
        if number == op::EXTENDED_ARG {
            continue;
        }
        let offset = index * 2;
        if op::CALLS.contains(&number) {
            calls.push(offset);
        }
        if number == op::YIELD_VALUE {
            let is_await = if cfg!(Py_3_13) {
                arg == 1
            } else {
                before == op::SEND
            };
            if is_await {
                found.awaits.push(offset as u32);
            }
        }
        if op::JUMP_BACKWARD.contains(&number)
            && let Some(header) = (offset + 2 + 2 * op::JUMP_CACHE).checked_sub(2 * arg)
        {
            let is_recorded = calls.iter().any(|at| (header..offset).contains(at));
            match found
                .loops
                .iter_mut()
                .find(|known| known.header == header as u32)
            {
                Some(known) => {
                    known.end = offset as u32;
                    known.is_recorded |= is_recorded;
                }
                None => found.loops.push(LoopDef {
                    header: header as u32,
                    end: offset as u32,
                    is_recorded,
                }),
            }
        }
        arg = 0;
        if number != 0 {
            before = number;
        }
    }
    found
}
