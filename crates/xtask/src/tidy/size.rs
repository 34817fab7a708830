//! How long a file of code may be: a file that grows past one screenful of
//! ideas is cut along them.

use super::Finding;
use super::files::ending;

const SOFT_LINES: usize = 600;
const HARD_LINES: usize = 1_000;

const CODE: &[&str] = &["c", "css", "mjs", "py", "rs", "sh", "ts", "tsx"];

/// Folders whose files are made by a program, or kept as they were given to us.
const NOT_OURS_TO_CUT: &[&str] = &["/gen/", "/assets/", "tests/acceptance/"];

pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    if !CODE.contains(&ending(path)) || is_generated(path, text) {
        return Vec::new();
    }
    match text.lines().count() {
        lines if lines > HARD_LINES => vec![Finding::error(
            path,
            None,
            format!("{lines} lines; at most {HARD_LINES}: cut it along its ideas"),
        )],
        lines if lines > SOFT_LINES => {
            vec![Finding::warning(
                path,
                format!("{lines} lines; more than {SOFT_LINES}"),
            )]
        }
        _ => Vec::new(),
    }
}

fn is_generated(path: &str, text: &str) -> bool {
    NOT_OURS_TO_CUT.iter().any(|folder| path.contains(folder))
        || text.lines().take(3).any(|line| line.contains("@generated"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::Severity;

    fn severities(path: &str, lines: usize) -> Vec<Severity> {
        check(path, &"x\n".repeat(lines))
            .into_iter()
            .map(|found| found.severity)
            .collect()
    }

    #[test]
    fn a_long_file_is_a_warning_and_a_longer_one_an_error() {
        assert_eq!(severities("crates/a/src/lib.rs", 600), []);
        assert_eq!(severities("crates/a/src/lib.rs", 601), [Severity::Warning]);
        assert_eq!(severities("crates/a/src/lib.rs", 1_001), [Severity::Error]);
    }

    #[test]
    fn data_and_generated_files_may_be_long() {
        assert_eq!(severities("docs/format.md", 5_000), []);
        assert_eq!(severities("viewer/src/gen/map.ts", 5_000), []);
        assert_eq!(
            check("a.py", &format!("# @generated\n{}", "x\n".repeat(5_000))),
            []
        );
    }
}
