//! The repository's own text files, without asking git: a source archive has
//! to pass as well.

use std::fs;
use std::io;
use std::path::Path;

/// A text file, with its path below the root written with `/`.
pub(super) struct File {
    pub(super) path: String,
    pub(super) text: String,
}

/// Folders of tools and builds; nothing in them is ours.
const FOREIGN: &[&str] = &[
    ".git",
    ".hypothesis",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    "__pycache__",
    "dist",
    "node_modules",
    "target",
    "test-results",
];

/// Endings of what people write by hand here.
const TEXT: &[&str] = &[
    "c", "css", "h", "html", "json", "md", "mjs", "pth", "py", "pyi", "rs", "sh", "toml", "ts",
    "tsx", "txt", "yml",
];

/// Every text file below `root`, in the order of their paths.
pub(super) fn below(root: &Path) -> io::Result<Vec<File>> {
    let mut found = Vec::new();
    walk(root, "", &mut found)?;
    found.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(found)
}

fn walk(folder: &Path, prefix: &str, found: &mut Vec<File>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() && !is_foreign(&entry.path(), name) {
            walk(&entry.path(), &format!("{path}/"), found)?;
        } else if kind.is_file() && is_text(&path, prefix) {
            // What is not UTF-8 is data, whatever its ending says.
            if let Ok(text) = fs::read_to_string(entry.path()) {
                found.push(File { path, text });
            }
        }
    }
    Ok(())
}

fn is_foreign(folder: &Path, name: &str) -> bool {
    FOREIGN.contains(&name) || folder.join("pyvenv.cfg").exists()
}

/// By its ending, or because it is a script without one.
fn is_text(path: &str, prefix: &str) -> bool {
    match ending(path) {
        "" => matches!(prefix, "" | "scripts/" | ".ci/"),
        ending => TEXT.contains(&ending),
    }
}

/// What follows the last dot of a file's name, in lower case as all of ours are.
pub(super) fn ending(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or("", |(_, ending)| ending)
}
