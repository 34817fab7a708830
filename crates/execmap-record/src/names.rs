//! Where a trace goes, and what may be overwritten there.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::os::try_lock;
use crate::session::part_path;

/// The file a trace goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetName {
    /// The file.
    pub path: PathBuf,
    /// The wanted name, when a live run uses it and another was taken.
    pub in_use: Option<PathBuf>,
}

/// Whether a file is missing, empty, or a trace.
pub(crate) fn may_overwrite(path: &Path) -> bool {
    begins_with(path, *b"\x89execmap")
}

/// Whether a file is missing, empty, or a side file. One that was never begun has zeros only.
pub(crate) fn may_overwrite_side_file(path: &Path) -> bool {
    begins_with(path, *b"execmapP") || begins_with(path, [0; 8])
}

fn begins_with(path: &Path, magic: [u8; 8]) -> bool {
    let Ok(mut file) = File::open(path) else {
        return true;
    };
    let mut head = Vec::new();
    let _ = file.by_ref().take(8).read_to_end(&mut head);
    head.is_empty() || head.starts_with(&magic)
}

/// Whether a recording that goes on writes to a file.
fn is_in_use(path: &Path) -> bool {
    File::open(part_path(path)).is_ok_and(|side| !try_lock(&side))
}

/// The wanted file, or `NAME-2`, `NAME-3`... when a live run writes to it.
#[must_use]
pub fn free_name(wanted: &Path) -> TargetName {
    if !is_in_use(wanted) {
        return TargetName {
            path: wanted.to_owned(),
            in_use: None,
        };
    }
    let stem = wanted
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let extension = wanted
        .extension()
        .map(|text| format!(".{}", text.to_string_lossy()))
        .unwrap_or_default();
    let other = |number: u32| wanted.with_file_name(format!("{stem}-{number}{extension}"));
    let path = (2..=u32::MAX)
        .map(other)
        .find(|path| !is_in_use(path))
        .unwrap_or_else(|| wanted.to_owned());
    TargetName {
        path,
        in_use: Some(wanted.to_owned()),
    }
}
