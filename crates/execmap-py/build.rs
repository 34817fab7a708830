//! Tells the code which Python it is built for (`cfg(Py_3_13)` and so on).

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
    pyo3_build_config::add_extension_module_link_args();
}
