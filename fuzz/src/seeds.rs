//! The traces that everything begins with: those that every version must read.

use std::fs;
use std::path::{Path, PathBuf};

/// Where they lie.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/v1")
}

/// Name, trace and side file of each, in the order of their names.
///
/// # Panics
/// When there are none.
#[must_use]
pub fn traces() -> Vec<(String, Vec<u8>, Option<Vec<u8>>)> {
    let entries = fs::read_dir(folder()).expect("the golden traces are there");
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "execmap"));
    paths.sort();
    assert!(
        !paths.is_empty(),
        "there are no traces in {}",
        folder().display()
    );
    let read = |path: PathBuf| {
        let main = fs::read(&path).expect("a golden trace can be read");
        let part = fs::read(path.with_extension("execmap.part")).ok();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        (name.into_owned(), main, part)
    };
    paths.into_iter().map(read).collect()
}
