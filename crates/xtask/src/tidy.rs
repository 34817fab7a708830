//! What a compiler cannot see about the repository: who may import whom, how
//! long a file may be, where `unsafe` may stand, and that no path of anybody's
//! machine is written down.
//!
//! Every check is a function from a file's path and text to findings, so each
//! is tested on a few lines. `tidy` is also a test, so `cargo test` runs it.

mod crates;
mod files;
mod paths;
mod size;
mod unsafe_fence;
mod viewer;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// One thing to mend, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    severity: Severity,
    /// Path below the repository's root, with `/`.
    path: String,
    /// Counted from 1; `None` where the finding is about the whole file.
    line: Option<usize>,
    message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Severity {
    Warning,
    Error,
}

impl Finding {
    fn error(path: &str, line: Option<usize>, message: String) -> Self {
        Self {
            severity: Severity::Error,
            path: path.to_owned(),
            line,
            message,
        }
    }

    fn warning(path: &str, message: String) -> Self {
        Self {
            severity: Severity::Warning,
            path: path.to_owned(),
            line: None,
            message,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(out, "{}:{line}: {}", self.path, self.message),
            None => write!(out, "{}: {}", self.path, self.message),
        }
    }
}

/// Everything found in one repository.
pub(crate) struct Report {
    pub(crate) files: usize,
    findings: Vec<Finding>,
}

impl Report {
    pub(crate) fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.with(Severity::Error)
    }

    pub(crate) fn warnings(&self) -> impl Iterator<Item = &Finding> {
        self.with(Severity::Warning)
    }

    fn with(&self, severity: Severity) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(move |finding| finding.severity == severity)
    }
}

/// The root of the repository this program was built from.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs every check on every text file below `root`.
pub(crate) fn check(root: &Path) -> io::Result<Report> {
    let root = root.canonicalize()?;
    let machine = paths::Machine::of(&root);
    let files = files::below(&root)?;
    let findings = files
        .iter()
        .flat_map(|file| {
            let (path, text) = (file.path.as_str(), file.text.as_str());
            let mut found = crates::check(path, text);
            found.extend(viewer::check(path, text));
            found.extend(size::check(path, text));
            found.extend(unsafe_fence::check(path, text));
            found.extend(machine.check(path, text));
            found
        })
        .collect();
    Ok(Report {
        files: files.len(),
        findings,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        let report = check(&repository()).expect("the repository can be read");
        let errors: Vec<String> = report.errors().map(ToString::to_string).collect();
        assert!(errors.is_empty(), "\n{}", errors.join("\n"));
    }
}
