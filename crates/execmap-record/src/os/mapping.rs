//! Mapped memory: of a file whose blocks are reserved, or of no file.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use memmap2::{MmapOptions, MmapRaw};

use super::bus;
use super::descriptors::may_be_as_long;
use super::segment::Segment;

const PAGE: usize = 4096;

/// A piece of mapped memory, unmapped when dropped.
pub struct Slab {
    map: MmapRaw,
    is_of_file: bool,
}

impl Drop for Slab {
    fn drop(&mut self) {
        if self.is_of_file {
            bus::forget(self.map.as_ptr() as usize);
        }
    }
}

/// Reserves a file's bytes on disk, so that writing to them through a mapping cannot fail later.
pub fn reserve(file: &File, offset: u64, len: u64) -> io::Result<()> {
    may_be_as_long(offset.saturating_add(len))?;
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
    /// Maps bytes of a file, which must be [`reserve`]d and hold nothing yet; pages are touched at once,
    /// so that no hook waits for one.
    pub fn of_file(file: &File, offset: u64, len: usize) -> io::Result<Slab> {
        let map = MmapOptions::new().offset(offset).len(len).map_raw(file)?;
        bus::guard(map.as_ptr() as usize, len);
        let slab = Slab {
            map,
            is_of_file: true,
        };
        slab.prefault();
        slab.keep_from_children();
        Ok(slab)
    }

    /// Makes every page ready to be written. `MAP_POPULATE` makes pages of a file ready to be read
    /// only, and the first write to each is a fault again.
    fn prefault(&self) {
        let (at, len) = (self.map.as_mut_ptr(), self.map.len());
        // SAFETY: the range is the mapping's own, and its content does not change.
        if unsafe { libc::madvise(at.cast(), len, libc::MADV_POPULATE_WRITE) } == 0 {
            return;
        }
        for page in (0..len).step_by(PAGE) {
            // SAFETY: the byte lies inside the mapping, which nobody else knows of yet; it is zero.
            unsafe { at.add(page).write_volatile(0) };
        }
    }

    /// A forked child has no part in the mapping: it would keep the lock on the file after its parent's
    /// death, and could write to it.
    fn keep_from_children(&self) {
        // SAFETY: the range is the mapping's own; this process keeps it.
        unsafe {
            libc::madvise(
                self.map.as_mut_ptr().cast(),
                self.map.len(),
                libc::MADV_DONTFORK,
            );
        }
    }

    /// Memory that dies with the process.
    pub fn anonymous(len: usize) -> io::Result<Slab> {
        let map = MmapOptions::new().len(len).map_anon()?;
        Ok(Slab {
            map: map.into(),
            is_of_file: false,
        })
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
