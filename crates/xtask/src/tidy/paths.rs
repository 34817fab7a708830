//! No path of anybody's machine in the tree: it breaks everywhere else, and
//! tells who built it.

use std::env;
use std::path::Path;

use super::Finding;

/// Shared folders, which are nobody's in particular; a folder right below `/` is
/// one as well.
const SHARED: &[&str] = &["/usr/local", "/var/tmp"];

/// Home folders that are wrong on every machine but one. Built from pieces, so
/// that this file passes its own check.
const HOMES: &[&str] = &[concat!("/ro", "ot/"), concat!("/Us", "ers/")];

/// The paths by which this machine would give itself away.
pub(super) struct Machine {
    folders: Vec<String>,
}

impl Machine {
    /// The machine that holds the repository at `root`.
    pub(super) fn of(root: &Path) -> Self {
        let home = env::home_dir();
        let folders = [Some(root), root.parent(), home.as_deref()]
            .into_iter()
            .flatten()
            .filter_map(Path::to_str)
            .map(|folder| folder.trim_end_matches('/'))
            .filter(|folder| folder.matches('/').count() > 1 && !SHARED.contains(folder))
            .map(|folder| format!("{folder}/"))
            .chain(HOMES.iter().map(ToString::to_string))
            .collect();
        Self { folders }
    }

    pub(super) fn check(&self, path: &str, text: &str) -> Vec<Finding> {
        text.lines()
            .enumerate()
            .filter_map(|(index, line)| {
                let folder = self
                    .folders
                    .iter()
                    .find(|folder| holds_path(line, folder))?;
                Some(Finding::error(
                    path,
                    Some(index + 1),
                    format!("a path of one machine: {folder}"),
                ))
            })
            .collect()
    }
}

/// Whether `line` names `folder` itself, and not a longer path that ends in it.
fn holds_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "_-.)}$".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<Option<usize>> {
        let machine = Machine {
            folders: vec!["/home/ann/".to_owned()],
        };
        machine
            .check("README.md", text)
            .into_iter()
            .map(|found| found.line)
            .collect()
    }

    #[test]
    fn a_path_is_found_wherever_it_begins() {
        assert_eq!(
            lines("see\n`/home/ann/execmap`\nfile:///home/ann/x"),
            [Some(2), Some(3)]
        );
        assert_eq!(lines("cd \"/home/ann/x\""), [Some(1)]);
    }

    #[test]
    fn a_longer_path_that_ends_alike_is_another() {
        assert_eq!(lines("chroot $TREE/home/ann/x and src/home/ann/x"), []);
    }

    #[test]
    fn a_shared_folder_gives_nothing_away() {
        let machine = Machine::of(Path::new("/tmp/execmap"));
        assert!(!machine.folders.contains(&"/tmp/".to_owned()));
        assert!(machine.folders.contains(&"/tmp/execmap/".to_owned()));
    }
}
