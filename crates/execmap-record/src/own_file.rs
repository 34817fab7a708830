//! A file of ours inside somebody else's process.
//!
//! The program may close our descriptor (`os.closerange`) and be given its
//! number for a file of its own. So before each use the descriptor is compared
//! with the file it was opened for, and opened anew by its path when it is no
//! longer that. A descriptor that is not ours any more is left as it is.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::IntoRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

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
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        if let Some(file) = self.file.take()
            && !self.is_ours(&file)
        {
            leave(Some(file));
        }
    }
}

/// Forgets a descriptor without closing it: its number may be the program's.
fn leave(file: Option<File>) {
    let _ = file.map(IntoRawFd::into_raw_fd);
}
