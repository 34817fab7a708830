//! Names of things in a trace. Each is an index that its table alone hands out.

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident($inner:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub $inner);

        impl $name {
            /// The index as a position in its table.
            #[must_use]
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// Index of a code object; never reused.
    CodeId(u32);
    /// Index of a short text that occurs often: a name, a dictionary key.
    SymbolId(u32);
    /// Index of a Python type.
    TypeId(u32);
    /// Index of a thread's log.
    LogId(u32);
    /// Index of an asyncio task.
    TaskId(u32);
    /// Number of a call in the order in which the calls of a process began.
    CallId(u64);
    /// Number of an exception object in the order of first sight.
    ExceptionId(u32);
}

/// Nanoseconds since the trace began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nanos(pub u64);
