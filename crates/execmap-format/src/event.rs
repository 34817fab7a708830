//! What happened, as readers see it.

use crate::ids::{CallId, CodeId, ExceptionId, Nanos, TaskId};
use crate::value::ValueRef;

/// Something that happened in a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields are named by what they are")]
pub enum Event<'a> {
    /// A call begins. `args` is empty where values were not recorded. `site` is the byte offset of
    /// the call in its parent's bytecode.
    Start {
        at: Nanos,
        call: CallId,
        parent: Option<CallId>,
        code: CodeId,
        site: Option<u32>,
        task: Option<TaskId>,
        created_by: Option<CallId>,
        args: &'a [ValueRef],
    },
    /// A call returns.
    Return {
        at: Nanos,
        call: CallId,
        value: ValueRef,
    },
    /// A call is suspended by `yield`.
    Yield {
        at: Nanos,
        call: CallId,
        value: ValueRef,
    },
    /// A call is suspended by `await`.
    Await { at: Nanos, call: CallId },
    /// A suspended call goes on.
    Resume {
        at: Nanos,
        call: CallId,
        task: Option<TaskId>,
    },
    /// A suspended call goes on with an exception thrown into it.
    Throw {
        at: Nanos,
        call: CallId,
        exception: ExceptionId,
    },
    /// A call is left by an exception.
    Unwind {
        at: Nanos,
        call: CallId,
        exception: ExceptionId,
    },
    /// An exception is raised. `value` is known at its first sight.
    Raise {
        at: Nanos,
        call: Option<CallId>,
        exception: ExceptionId,
        value: ValueRef,
        site: Option<u32>,
    },
    /// An exception is raised again.
    Reraise {
        at: Nanos,
        call: Option<CallId>,
        exception: ExceptionId,
        value: ValueRef,
        site: Option<u32>,
    },
    /// An exception is caught.
    Handled {
        at: Nanos,
        call: Option<CallId>,
        exception: ExceptionId,
        value: ValueRef,
        site: Option<u32>,
    },
    /// A suspended call was closed or dropped; `exact` says whether `at` is the moment.
    Closed {
        at: Nanos,
        call: CallId,
        exact: bool,
    },
    /// A loop's header is entered again.
    Loop {
        call: Option<CallId>,
        header: u32,
        entries: u32,
    },
}

impl<'a> Event<'a> {
    /// The event as a window on calls from `first` on and before `last` shows it: `None` for what is
    /// of no call of the window. Calls are numbered from the window's first.
    #[must_use]
    pub(crate) fn in_window(&self, first: u64, last: u64) -> Option<Event<'a>> {
        let inside = |call: CallId| {
            (first..last)
                .contains(&call.0)
                .then(|| CallId(call.0 - first))
        };
        let maybe = |call: Option<CallId>| call.and_then(inside);
        let mut event = *self;
        match &mut event {
            Event::Start {
                call,
                parent,
                created_by,
                ..
            } => {
                *call = inside(*call)?;
                (*parent, *created_by) = (maybe(*parent), maybe(*created_by));
            }
            Event::Return { call, .. }
            | Event::Yield { call, .. }
            | Event::Await { call, .. }
            | Event::Resume { call, .. }
            | Event::Throw { call, .. }
            | Event::Unwind { call, .. }
            | Event::Closed { call, .. } => *call = inside(*call)?,
            // What an exception is stays known, wherever it was raised.
            Event::Raise { call, .. }
            | Event::Reraise { call, .. }
            | Event::Handled { call, .. } => {
                *call = maybe(*call);
            }
            Event::Loop { call, .. } => *call = Some(maybe(*call)?),
        }
        Some(event)
    }
}
