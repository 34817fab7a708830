//! A file of ours inside somebody else's process.
//!
//! The program may close our descriptor (`os.closerange`) and be given its
//! number for a file of its own. So before each use the descriptor is compared
//! with the file it was opened for, and opened anew by its path when it is no
//! longer that. A descriptor that is not ours any more is left as it is.

use std::fs::{File, Metadata};
use std::io::{self, Seek};
use std::os::fd::IntoRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::os::{may_be_as_long, out_of_the_way};

/// A file that is known by more than its descriptor.
pub(crate) struct OwnFile {
    file: Option<File>,
    path: PathBuf,
    id: (u64, u64),
}

fn id_of(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

impl OwnFile {
    /// Takes over a file that was just opened at a path.
    pub(crate) fn new(file: File, path: &Path) -> io::Result<OwnFile> {
        let file = out_of_the_way(file);
        let id = id_of(&file.metadata()?);
        // The program may change its working directory.
        let path = std::path::absolute(path)?;
        Ok(OwnFile {
            file: Some(file),
            path,
            id,
        })
    }

    fn is_ours(&self, file: &File) -> bool {
        file.metadata().is_ok_and(|now| id_of(&now) == self.id)
    }

    /// The file, whatever became of its first descriptor.
    pub(crate) fn get(&mut self) -> io::Result<&File> {
        let file = match self.file.take() {
            Some(file) if self.is_ours(&file) => file,
            other => {
                leave(other);
                let file = File::options().read(true).write(true).open(&self.path)?;
                let file = out_of_the_way(file);
                if !self.is_ours(&file) {
                    let what =
                        "the program closed the recorder's file, and another one has its name";
                    return Err(io::Error::new(io::ErrorKind::NotFound, what));
                }
                file
            }
        };
        Ok(self.file.insert(file))
    }

    /// The same, for writing up to `end` behind the first `len` bytes, which must still be there.
    pub(crate) fn get_to_append(&mut self, len: u64, end: u64) -> io::Result<&File> {
        may_be_as_long(end)?;
        let file = self.get()?;
        if file.metadata()?.len() < len {
            return Err(io::Error::other("the program cut the file short"));
        }
        Ok(file)
    }

    /// Whether a path leads to the file.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        std::fs::metadata(path).is_ok_and(|found| id_of(&found) == self.id)
    }

    /// Writes the file anew under its name when the program has removed it.
    pub(crate) fn restore(&mut self) -> io::Result<()> {
        let path = self.path.clone();
        let file = self.get()?;
        let found = file.metadata()?;
        if found.nlink() > 0 {
            return Ok(());
        }
        let removed = |error: io::Error| {
            io::Error::new(
                error.kind(),
                format!("the program removed the file, and it cannot be written again: {error}"),
            )
        };
        may_be_as_long(found.len())?;
        let mut copy = File::create_new(&path).map_err(removed)?;
        let mut from = file.try_clone()?;
        from.rewind()?;
        io::copy(&mut from, &mut copy)
            .inspect_err(|_| drop(std::fs::remove_file(&path)))
            .map_err(removed)?;
        Ok(())
    }

    /// Closes the descriptor; the file is opened anew when it is used again.
    pub(crate) fn close(&mut self) {
        if let Some(file) = self.file.take()
            && !self.is_ours(&file)
        {
            leave(Some(file));
        }
    }

    /// Removes the file's name, if it still leads to the file; where that is not allowed, its content.
    pub(crate) fn remove(mut self) {
        let path = self.path.clone();
        if self.is_at(&path) && std::fs::remove_file(&path).is_ok() {
            return;
        }
        if let Ok(file) = self.get() {
            let _ = file.set_len(0);
        }
    }
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        self.close();
    }
}

/// Forgets a descriptor without closing it: its number may be the program's.
fn leave(file: Option<File>) {
    let _ = file.map(IntoRawFd::into_raw_fd);
}
