//! Segments that are free, and more of them when there is need.
//!
//! All segments of a process together stay under [`MAX_BYTES`]. Threads get
//! smaller ones the more threads there are.

use std::io;

use execmap_format::{ClockPair, PART_HEADER_LEN, PartHeader, SegmentHeader, SegmentState};

use crate::os::{Segment, Slab, reserve};
use crate::own_file::OwnFile;

/// Bytes by which the side file grows.
const SLAB: usize = 1 << 20;
/// Bytes of all segments together.
const MAX_BYTES: usize = 48 << 20;
/// Segments a thread may have on their way to the writer.
const PER_LOG: usize = 4;
/// Sizes of segments, each with the number of threads up to which it is used.
const SIZES: [(usize, usize); 3] = [(8, SLAB), (128, SLAB / 8), (usize::MAX, SLAB / 32)];

/// Bytes of a small first growth, in segments of the smallest size.
const SMALL_SLAB: usize = SLAB / 8;

/// By how much the side file grows at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstSlab {
    /// As later.
    Usual,
    /// As little as will do for a process that ends soon.
    Small,
}

pub(crate) struct Pool {
    slabs: Vec<Slab>,
    free: [Vec<Segment>; SIZES.len()],
    /// The side file, which is locked while it is open. Without room for it, it stays empty.
    file: Option<OwnFile>,
    is_mapped: bool,
    refused: Option<io::Error>,
    /// The side file's head, a slab of its own.
    head: Slab,
    header: PartHeader,
    bytes: usize,
    /// No segment is larger than those of this class.
    least_class: usize,
    first_slab: FirstSlab,
}

impl Pool {
    /// A pool in a side file; in plain memory when there is none, or its bytes cannot be reserved.
    pub(crate) fn new(
        file: Option<OwnFile>,
        header: PartHeader,
        first_slab: FirstSlab,
    ) -> io::Result<(Pool, Option<io::Error>)> {
        let mut file = file;
        let mut refused = None;
        let mut mapped = None;
        if let Some(file) = &mut file {
            let head = file.get().and_then(|file| {
                let first = match first_slab {
                    FirstSlab::Usual => SLAB,
                    FirstSlab::Small => SMALL_SLAB,
                };
                reserve(file, 0, (PART_HEADER_LEN + first) as u64)
                    .and_then(|()| Slab::of_file(file, 0, PART_HEADER_LEN))
                    .inspect_err(|_| drop(file.set_len(0)))
            });
            match head {
                Ok(head) => mapped = Some(head),
                Err(error) => refused = Some(error),
            }
        }
        let is_mapped = mapped.is_some();
        let head = match mapped {
            Some(head) => head,
            None => Slab::anonymous(PART_HEADER_LEN)?,
        };
        head.write(0, &header.encode());
        Ok((
            Pool {
                slabs: Vec::new(),
                free: Default::default(),
                file,
                is_mapped,
                refused: None,
                head,
                header,
                bytes: 0,
                least_class: 0,
                first_slab,
            },
            refused,
        ))
    }

    /// Keeps the newest clock reading where a reader of a dead run finds it.
    pub(crate) fn note_clock(&self, pair: ClockPair) {
        let header = PartHeader {
            latest: pair,
            ..self.header
        };
        self.head.write(
            PartHeader::LATEST_AT,
            &header.encode()[PartHeader::LATEST_AT..],
        );
    }

    /// Makes segments so small that a trace of `bytes` has room for many of them.
    pub(crate) fn suit_size(&mut self, bytes: u64) {
        const SEGMENTS: u64 = 64;
        let is_small =
            |(_, size): &(usize, usize)| (*size as u64).saturating_mul(SEGMENTS) <= bytes;
        self.least_class = SIZES.iter().position(is_small).unwrap_or(SIZES.len() - 1);
    }

    fn class(&self, logs: usize) -> usize {
        SIZES
            .iter()
            .position(|(up_to, _)| logs <= *up_to)
            .unwrap_or(SIZES.len() - 1)
            .max(self.least_class)
    }

    /// A segment for one of `logs` threads; `None` when all are in use and there may be no more.
    pub(crate) fn take(&mut self, logs: usize) -> Option<Segment> {
        let class = self.class(logs);
        if let Some(segment) = self.free[class].pop() {
            return Some(segment);
        }
        if self.first_slab == FirstSlab::Small {
            let (_, smallest) = SIZES[SIZES.len() - 1];
            if self.slabs.is_empty() && self.grow(smallest, SMALL_SLAB).is_err() {
                return None;
            }
            if let Some(segment) = self.free[SIZES.len() - 1].pop() {
                return Some(segment);
            }
            self.first_slab = FirstSlab::Usual;
        }
        let (_, size) = SIZES[class];
        let wanted = logs
            .saturating_add(1)
            .saturating_mul(PER_LOG)
            .saturating_mul(size);
        if self.bytes + SLAB <= wanted.max(2 * SLAB)
            && let Some(segment) = self.take_more(logs)
        {
            return Some(segment);
        }
        self.free.iter_mut().rev().find_map(Vec::pop)
    }

    /// A new segment, unless all of them together would be too much.
    pub(crate) fn take_more(&mut self, logs: usize) -> Option<Segment> {
        let class = self.class(logs);
        if self.bytes + SLAB > MAX_BYTES || self.grow(SIZES[class].1, SLAB).is_err() {
            return None;
        }
        self.free[class].pop()
    }

    /// A further slab of the side file, as long as it could grow so far.
    fn grow_file(&mut self, len: usize) -> Option<io::Result<Slab>> {
        let file = self.file.as_mut().filter(|_| self.is_mapped)?;
        if self.refused.is_some() {
            return None;
        }
        let offset = (PART_HEADER_LEN + self.bytes) as u64;
        Some(file.get().and_then(|file| {
            reserve(file, offset, len as u64)?;
            Slab::of_file(file, offset, len)
        }))
    }

    /// Why the side file could not grow any more: what is recorded then does not outlive the process
    /// until it is written.
    pub(crate) fn refused(&self) -> Option<String> {
        self.refused.as_ref().map(ToString::to_string)
    }

    fn grow(&mut self, size: usize, len: usize) -> io::Result<()> {
        let slab = match self.grow_file(len) {
            Some(Ok(slab)) => slab,
            Some(Err(error)) => {
                self.refused = Some(error);
                Slab::anonymous(len)?
            }
            None => Slab::anonymous(len)?,
        };
        let class = SIZES
            .iter()
            .position(|(_, other)| *other == size)
            .unwrap_or(0);
        for segment in slab.segments(0, size) {
            segment.write_head(&SegmentHeader {
                capacity: size as u32,
                state: SegmentState::Free,
                log: 0,
                sequence: 0,
                published: 0,
                clock: ClockPair::default(),
                next_call: 0,
                drained: 0,
            });
            self.free[class].push(segment);
        }
        self.slabs.push(slab);
        self.bytes += len;
        Ok(())
    }

    /// Removes the side file, and with it the lock. One that holds what is not in the trace stays.
    pub(crate) fn remove_file(&mut self, is_whole: bool) {
        if let Some(file) = self.file.take_if(|_| is_whole || !self.is_mapped) {
            file.remove();
        }
    }

    /// In a forked child: closes the child's copy of the descriptor, which would keep the lock.
    pub(crate) fn close_file(&mut self) {
        if let Some(file) = &mut self.file {
            file.close();
        }
    }

    pub(crate) fn give_back(&mut self, segment: Segment) {
        segment.set_free();
        let class = SIZES
            .iter()
            .position(|(_, size)| *size == segment.capacity())
            .unwrap_or(0);
        self.free[class].push(segment);
    }
}
