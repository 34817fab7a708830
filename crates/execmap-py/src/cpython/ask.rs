//! Questions to the interpreter that survive a lack of memory.
//!
//! When a small object cannot be made pyo3 prints an error to the program's stream and panics. Whatever
//! is asked inside a hook is asked here: no answer is `None`, and [`ran_short`] tells whether memory was why.

use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;

/// Whether an answer was missing for want of memory.
static SHORT: AtomicBool = AtomicBool::new(false);

/// Whether memory ran short since this was last asked.
pub(super) fn ran_short() -> bool {
    SHORT.swap(false, Ordering::Relaxed)
}

fn answer(py: Python<'_>, object: *mut ffi::PyObject) -> Option<Bound<'_, PyAny>> {
    // SAFETY: attached; a null answer comes with an error, which is nobody else's.
    unsafe {
        if object.is_null() {
            if ffi::PyErr_ExceptionMatches(ffi::PyExc_MemoryError) != 0 {
                SHORT.store(true, Ordering::Relaxed);
            }
            ffi::PyErr_Clear();
        }
        Bound::from_owned_ptr_or_opt(py, object)
    }
}

pub(super) fn attribute<'py>(of: &Bound<'py, PyAny>, name: &CStr) -> Option<Bound<'py, PyAny>> {
    // SAFETY: a live object and a text that ends.
    let found = unsafe { ffi::PyObject_GetAttrString(of.as_ptr(), name.as_ptr()) };
    answer(of.py(), found)
}

/// An attribute that is a small number, 0 when it is not.
pub(super) fn number(of: &Bound<'_, PyAny>, name: &CStr) -> u32 {
    attribute(of, name)
        .and_then(|value| value.extract().ok())
        .unwrap_or(0)
}

pub(super) fn call<'py, const N: usize>(
    function: &Bound<'py, PyAny>,
    args: [&Bound<'py, PyAny>; N],
) -> Option<Bound<'py, PyAny>> {
    let args = args.map(Bound::as_ptr);
    // SAFETY: attached; everything is alive for the time of the call.
    let given = unsafe {
        ffi::PyObject_Vectorcall(function.as_ptr(), args.as_ptr(), N, std::ptr::null_mut())
    };
    answer(function.py(), given)
}

/// The elements of an iterable of CPython's own, as far as it gives them.
#[expect(
    clippy::disallowed_methods,
    reason = "tuples and lines of code are not the program's"
)]
pub(super) fn each<'py>(
    iterable: &Bound<'py, PyAny>,
) -> impl Iterator<Item = Bound<'py, PyAny>> + use<'py> {
    let py = iterable.py();
    // SAFETY: a live object.
    let iterator = answer(py, unsafe { ffi::PyObject_GetIter(iterable.as_ptr()) });
    std::iter::from_fn(move || {
        // SAFETY: an iterator; it ends with null, with or without an error.
        let next = unsafe { ffi::PyIter_Next(iterator.as_ref()?.as_ptr()) };
        answer(py, next)
    })
}
