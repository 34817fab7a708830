//! Where a trace goes, and what may be overwritten there.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use execmap_format::{FILE_HEADER_LEN, FileHeader};

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

/// Where a child process writes: beside its run's first file, under its own number. The system gives
/// numbers again, and a process may replace itself by another program, so a second number counts.
#[must_use]
pub fn child_name(first: &Path, pid: u32) -> PathBuf {
    let named = |turn: u32| {
        let mut name = first.as_os_str().to_owned();
        name.push(format!(".{pid}-{turn}"));
        PathBuf::from(name)
    };
    let is_free = |path: &PathBuf| {
        path.symlink_metadata().is_err() && part_path(path).symlink_metadata().is_err()
    };
    (1..=u32::MAX)
        .map(named)
        .find(is_free)
        .unwrap_or_else(|| named(u32::MAX))
}

/// Removes what children of earlier runs left beside the trace at `first`, but for files of those
/// that still live, and of the run `run_id`.
pub fn remove_old_children(first: &Path, run_id: [u8; 16]) {
    let (Some(folder), Some(name)) = (first.parent(), first.file_name().and_then(|n| n.to_str()))
    else {
        return;
    };
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let file_name = entry.file_name();
        let is_child = file_name
            .to_str()
            .and_then(|file| file.strip_prefix(name)?.strip_prefix('.'))
            .is_some_and(is_number_of_child);
        let path = entry.path();
        if is_child && run_of(&path).is_some_and(|run| run != run_id) && !is_in_use(&path) {
            let _ = std::fs::remove_file(part_path(&path));
            let _ = std::fs::remove_file(&path);
        }
    }
}

/// Whether a text is `PID-N`.
fn is_number_of_child(text: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('-')
        .is_some_and(|(pid, turn)| is_number(pid) && is_number(turn))
}

/// The run that a file belongs to, if it is a trace.
fn run_of(path: &Path) -> Option<[u8; 16]> {
    let mut head = Vec::new();
    let file = File::open(path).ok()?;
    file.take(FILE_HEADER_LEN as u64)
        .read_to_end(&mut head)
        .ok()?;
    FileHeader::decode(&head).ok().map(|header| header.run_id)
}
