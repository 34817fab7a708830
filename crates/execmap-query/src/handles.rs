//! Short, stable names of things in a trace: `c-12`, `t-0`, `k-3`, `p-0`.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A text that is not a handle of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {wanted}")]
pub struct NotAHandle {
    text: String,
    wanted: &'static str,
}

macro_rules! handles {
    ($($(#[$doc:meta])* $name:ident($letter:literal, $wanted:literal);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);

        impl $name {
            /// The number as a position in its table.
            #[must_use]
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($letter, "-{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = NotAHandle;

            fn from_str(text: &str) -> Result<Self, NotAHandle> {
                text.strip_prefix(concat!($letter, "-"))
                    .and_then(|number| number.parse().ok())
                    .map(Self)
                    .ok_or_else(|| NotAHandle { text: text.to_owned(), wanted: $wanted })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

handles! {
    /// A call, numbered in the order in which the calls of the process began.
    CallNumber("c", "a call's handle such as `c-12`");
    /// A thread of the process; `t-0` is the first that was seen.
    ThreadNumber("t", "a thread's handle such as `t-0`");
    /// An asyncio task.
    TaskNumber("k", "a task's handle such as `k-0`");
    /// A process of the run.
    ProcessNumber("p", "a process's handle such as `p-0`");
}

/// Position of a function in [`Trace::functions`](crate::Trace::functions).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionNumber(pub u32);

impl FunctionNumber {
    /// The number as a position in its table.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_reads_back_as_itself() {
        let call = CallNumber(1204);
        assert_eq!(call.to_string(), "c-1204");
        assert_eq!("c-1204".parse(), Ok(call));
        let wrong = "t-0"
            .parse::<CallNumber>()
            .expect_err("a thread is no call");
        assert_eq!(
            wrong.to_string(),
            "`t-0` is not a call's handle such as `c-12`"
        );
    }
}
