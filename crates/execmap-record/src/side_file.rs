//! The side file of a recording: taken for this one alone, or left to whoever has it.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::names::may_overwrite_side_file;
use crate::os::try_lock;
use crate::own_file::OwnFile;

/// How often a lock is tried that somebody may have for a moment.
const LOCK_TRIES: u32 = 10;

/// The side file, emptied and locked; `None` when a live recording has it.
pub(crate) fn open_side_file(path: &Path) -> io::Result<Option<OwnFile>> {
    if !may_overwrite_side_file(path) {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            format!("{} is no file of execmap's", path.display()),
        ));
    }
    let mut options = File::options();
    let options = options.read(true).write(true).create(true).truncate(false);
    for _ in 0..LOCK_TRIES {
        let file = options.open(path)?;
        if !lock_patiently(&file) {
            return Ok(None);
        }
        let file = OwnFile::new(file, path)?;
        // The recording that had it may have removed it before it gave up the lock.
        if file.is_at(path) {
            let mut file = file;
            file.get()?.set_len(0)?;
            return Ok(Some(file));
        }
    }
    Ok(None)
}

/// Locks a file that another process may be looking at for a moment.
fn lock_patiently(file: &File) -> bool {
    (0..LOCK_TRIES).any(|attempt| {
        if attempt > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        try_lock(file)
    })
}
