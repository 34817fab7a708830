//! Mapped memory: of a file whose blocks are reserved, or of no file.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use memmap2::{MmapOptions, MmapRaw};

use super::segment::Segment;

/// A piece of mapped memory, unmapped when dropped.
pub struct Slab {
    map: MmapRaw,
}

/// Reserves a file's bytes on disk, so that writing to them through a mapping cannot fail later.
pub fn reserve(file: &File, offset: u64, len: u64) -> io::Result<()> {
    let (Ok(offset), Ok(len)) = (libc::off_t::try_from(offset), libc::off_t::try_from(len)) else {
        return Err(io::ErrorKind::FileTooLarge.into());
    };
    // SAFETY: the descriptor is open for as long as `file` is borrowed.
    match unsafe { libc::posix_fallocate(file.as_raw_fd(), offset, len) } {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

impl Slab {
    /// Maps bytes of a file, which must be [`reserve`]d; pages are touched at once.
    pub fn of_file(file: &File, offset: u64, len: usize) -> io::Result<Slab> {
        MmapOptions::new()
            .offset(offset)
            .len(len)
            .populate()
            .map_raw(file)
            .map(|map| Slab { map })
    }

    /// Memory that dies with the process.
    pub fn anonymous(len: usize) -> io::Result<Slab> {
        MmapOptions::new()
            .len(len)
            .map_anon()
            .map(|map| Slab { map: map.into() })
    }

    /// Copies bytes to the slab.
    ///
    /// # Panics
    /// When they do not lie inside it.
    pub fn write(&self, at: usize, bytes: &[u8]) {
        assert!(at + bytes.len() <= self.map.len(), "the bytes fit the slab");
        // SAFETY: the range lies inside the mapping, which lives as long as `self`; nothing else
        // writes these bytes at the same time (the header belongs to the recording thread).
        unsafe {
            std::ptr::copy_nonoverlapping(
                bytes.as_ptr(),
                self.map.as_mut_ptr().add(at),
                bytes.len(),
            );
        };
    }

    /// The slab in equal segments, each of at least a head.
    #[must_use]
    pub fn segments(&self, from: usize, size: usize) -> Vec<Segment> {
        let count = (self.map.len() - from) / size;
        let at = |index: usize| from + index * size;
        // SAFETY: each piece lies inside the mapping, none overlaps another, and segments are only
        // used while the slab is kept (the pool owns both and drops the slabs last).
        (0..count)
            .map(|index| unsafe { Segment::new(self.map.as_mut_ptr().add(at(index)), size) })
            .collect()
    }
}
