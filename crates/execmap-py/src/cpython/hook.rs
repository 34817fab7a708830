//! Callables whose vectorcall slot is a function of ours: no wrapper between an event and its hook.

use std::mem::offset_of;

use pyo3::ffi;
use pyo3::prelude::*;

/// What CPython calls for an event.
pub(super) type Hook = unsafe extern "C" fn(
    *mut ffi::PyObject,
    *const *mut ffi::PyObject,
    usize,
    *mut ffi::PyObject,
) -> *mut ffi::PyObject;

#[repr(C)]
struct HookObject {
    base: ffi::PyObject,
    vectorcall: Hook,
}

fn hook_type(py: Python<'_>) -> PyResult<*mut ffi::PyTypeObject> {
    static TYPE: pyo3::sync::PyOnceLock<Py<PyAny>> = pyo3::sync::PyOnceLock::new();
    let made = TYPE.get_or_try_init(py, || {
        let mut members = [
            ffi::PyMemberDef {
                name: c"__vectorcalloffset__".as_ptr(),
                type_code: ffi::Py_T_PYSSIZET,
                offset: offset_of!(HookObject, vectorcall) as ffi::Py_ssize_t,
                flags: ffi::Py_READONLY,
                doc: std::ptr::null(),
            },
            // SAFETY: a zeroed definition ends the list.
            unsafe { std::mem::zeroed() },
        ];
        let mut slots = [
            ffi::PyType_Slot {
                slot: ffi::Py_tp_call,
                pfunc: ffi::PyVectorcall_Call as *mut _,
            },
            ffi::PyType_Slot {
                slot: ffi::Py_tp_members,
                pfunc: members.as_mut_ptr().cast(),
            },
            ffi::PyType_Slot {
                slot: 0,
                pfunc: std::ptr::null_mut(),
            },
        ];
        let mut spec = ffi::PyType_Spec {
            name: c"execmap.hook".as_ptr(),
            basicsize: size_of::<HookObject>() as i32,
            itemsize: 0,
            flags: (ffi::Py_TPFLAGS_DEFAULT
                | ffi::Py_TPFLAGS_HAVE_VECTORCALL
                | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION
                | ffi::Py_TPFLAGS_IMMUTABLETYPE) as u32,
            slots: slots.as_mut_ptr(),
        };
        // SAFETY: the specification is whole and is copied by CPython.
        unsafe {
            Bound::from_owned_ptr_or_err(py, ffi::PyType_FromSpec(&raw mut spec)).map(Bound::unbind)
        }
    })?;
    Ok(made.as_ptr().cast())
}

/// A new callable around a hook.
pub(super) fn callable(py: Python<'_>, hook: Hook) -> PyResult<Bound<'_, PyAny>> {
    let of = hook_type(py)?;
    // SAFETY: the type is ready; the new object's fields are set before anyone sees it.
    unsafe {
        let object = ffi::PyType_GenericAlloc(of, 0);
        if object.is_null() {
            return Err(PyErr::fetch(py));
        }
        (*object.cast::<HookObject>()).vectorcall = hook;
        Ok(Bound::from_owned_ptr(py, object))
    }
}
