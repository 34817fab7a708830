//! Segments of the side file, and the cursor that writes records into one.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use execmap_format::{SEGMENT_HEADER_LEN, SegmentHeader, SegmentState, token};

/// A segment of mapped memory. At any time it has one owner: a thread's log, the writer, or the pool.
#[derive(Clone, Copy)]
pub struct Segment {
    base: NonNull<u8>,
    capacity: usize,
}

// SAFETY: a segment is a range of mapped memory; the one owner of the moment may be on any thread.
unsafe impl Send for Segment {}

impl Segment {
    /// # Safety
    /// `base` begins `capacity` writable bytes, aligned to 8, that outlive every copy of the segment.
    pub(super) unsafe fn new(base: *mut u8, capacity: usize) -> Segment {
        debug_assert!(capacity > SEGMENT_HEADER_LEN);
        let base = NonNull::new(base).unwrap_or(NonNull::dangling());
        Segment { base, capacity }
    }

    /// Bytes, head included.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Writes the head. That the segment is in use is written last, so that nobody who looks at the
    /// file, or at what a killed process left of it, takes old records for those of the new owner.
    pub fn write_head(&self, head: &SegmentHeader) {
        let free = SegmentHeader {
            state: SegmentState::Free,
            ..*head
        };
        let bytes = free.encode();
        self.set_free();
        // SAFETY: every segment has room for a head, and the owner alone writes.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.base.as_ptr(), bytes.len()) };
        if head.state == SegmentState::InUse {
            self.field(SegmentHeader::STATE_AT)
                .store(1, Ordering::Release);
        }
    }

    /// Reads the head.
    #[must_use]
    pub fn head(&self) -> Option<SegmentHeader> {
        let mut bytes = [0; SEGMENT_HEADER_LEN];
        // SAFETY: every segment has a head's bytes; a torn read is impossible, as the one field
        // that changes under a reader is read again by `published`.
        unsafe {
            std::ptr::copy_nonoverlapping(self.base.as_ptr(), bytes.as_mut_ptr(), bytes.len());
        };
        SegmentHeader::decode(&bytes)
    }

    fn field(&self, at: usize) -> &AtomicU32 {
        // SAFETY: the fields of a head lie inside the segment and are aligned to 4.
        unsafe { AtomicU32::from_ptr(self.base.as_ptr().add(at).cast()) }
    }

    /// Bytes of whole records.
    #[must_use]
    pub fn published(&self) -> usize {
        self.field(SegmentHeader::PUBLISHED_AT)
            .load(Ordering::Acquire) as usize
    }

    /// Marks the segment as holding nothing.
    pub fn set_free(&self) {
        self.field(SegmentHeader::STATE_AT)
            .store(0, Ordering::Release);
    }

    /// Bytes at the front that are in the trace.
    #[must_use]
    pub fn drained(&self) -> usize {
        self.field(SegmentHeader::DRAINED_AT)
            .load(Ordering::Relaxed) as usize
    }

    /// Notes how many bytes at the front are in the trace.
    pub fn set_drained(&self, bytes: usize) {
        self.field(SegmentHeader::DRAINED_AT)
            .store(bytes as u32, Ordering::Release);
    }

    /// The published records from a place on.
    #[must_use]
    pub fn records(&self, from: usize) -> &[u8] {
        let end = self.published().min(self.capacity - SEGMENT_HEADER_LEN);
        let from = from.min(end);
        // SAFETY: published bytes lie inside the segment and are not written again before the
        // segment is freed, which only the one who reads here does.
        unsafe {
            std::slice::from_raw_parts(
                self.base.as_ptr().add(SEGMENT_HEADER_LEN + from),
                end - from,
            )
        }
    }
}

/// Bytes kept free at a segment's end, so that fixed parts of a record are checked once.
const SLACK: usize = 64;

/// Where a thread writes its records.
pub struct Cursor {
    at: *mut u8,
    end: *mut u8,
    first: *mut u8,
    published: *const AtomicU32,
}

// SAFETY: a cursor is used by whoever holds its log, one thread at a time.
unsafe impl Send for Cursor {}

static NOWHERE: AtomicU32 = AtomicU32::new(0);

impl Default for Cursor {
    fn default() -> Self {
        let nowhere = std::ptr::null_mut();
        Cursor {
            at: nowhere,
            end: nowhere,
            first: nowhere,
            published: &raw const NOWHERE,
        }
    }
}

#[expect(
    clippy::cast_ptr_alignment,
    reason = "a segment begins at a multiple of 8 and its records are whole words"
)]
impl Cursor {
    /// Writes at the beginning of a segment.
    #[must_use]
    pub fn new(segment: Segment) -> Cursor {
        // SAFETY: a segment is longer than its head and the slack.
        let (first, end) = unsafe {
            let base = segment.base.as_ptr();
            (
                base.add(SEGMENT_HEADER_LEN),
                base.add(segment.capacity - SLACK),
            )
        };
        Cursor {
            at: first,
            end,
            first,
            published: segment.field(SegmentHeader::PUBLISHED_AT),
        }
    }

    /// Whether a record of up to `len` bytes fits.
    #[inline]
    #[must_use]
    pub fn has_room(&self, len: usize) -> bool {
        (self.end as usize).wrapping_sub(self.at as usize) as isize >= len as isize
    }

    #[inline]
    fn publish(&self) {
        let len = (self.at as usize - self.first as usize) as u32;
        // SAFETY: `published` is the field of the segment this cursor writes, or the static one.
        unsafe { (*self.published).store(len, Ordering::Release) };
    }

    /// Writes a record of one word. There must be room.
    #[inline]
    pub fn word(&mut self, word: u64) {
        debug_assert!(self.has_room(8));
        // SAFETY: the caller saw `has_room`; the slack covers it as well.
        unsafe {
            self.at.cast::<u64>().write(word.to_le());
            self.at = self.at.add(8);
        }
        self.publish();
    }

    /// Writes a record of two words. There must be room.
    #[inline]
    pub fn words(&mut self, first: u64, second: u64) {
        debug_assert!(self.has_room(16));
        // SAFETY: as in `word`.
        unsafe {
            self.at.cast::<u64>().write(first.to_le());
            self.at.add(8).cast::<u64>().write(second.to_le());
            self.at = self.at.add(16);
        }
        self.publish();
    }

    /// Tokens of up to `max` bytes behind a head of `head` bytes that is not written yet.
    #[inline]
    #[must_use]
    pub fn tokens(&self, head: usize, max: usize) -> Tokens {
        debug_assert!(self.has_room(head + max));
        // SAFETY: the caller saw that head and tokens fit.
        let at = unsafe { self.at.add(head) };
        // SAFETY: as above.
        let limit = unsafe { at.add(max) };
        Tokens {
            first: at,
            at,
            limit,
            is_cut: false,
        }
    }

    /// Finishes a record of one word and tokens.
    #[inline]
    pub fn word_and(&mut self, word: u64, tokens: usize) {
        // SAFETY: the tokens were written behind this head, inside the segment.
        unsafe {
            self.at.cast::<u64>().write(word.to_le());
            self.at = self.at.add(8 + tokens.next_multiple_of(8));
        }
        self.publish();
    }

    /// Finishes a record of two words and tokens.
    #[inline]
    pub fn words_and(&mut self, first: u64, second: u64, tokens: usize) {
        // SAFETY: as in `word_and`.
        unsafe {
            self.at.cast::<u64>().write(first.to_le());
            self.at.add(8).cast::<u64>().write(second.to_le());
            self.at = self.at.add(16 + tokens.next_multiple_of(8));
        }
        self.publish();
    }

    /// Writes bytes as they are. There must be room.
    ///
    /// # Panics
    /// When there is none.
    pub fn bytes(&mut self, bytes: &[u8]) {
        assert!(
            self.has_room(bytes.len()),
            "the caller saw that the bytes fit"
        );
        // SAFETY: checked above.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.at, bytes.len());
            self.at = self.at.add(bytes.len());
        }
        self.publish();
    }

    /// Replaces the last word written, which must be a record of its own.
    #[inline]
    pub fn replace_last(&mut self, word: u64) {
        if self.at > self.first {
            // SAFETY: a word lies before the cursor.
            unsafe { self.at.sub(8).cast::<u64>().write(word.to_le()) };
        }
    }

    /// A number that changes with every record.
    #[inline]
    #[must_use]
    pub fn position(&self) -> usize {
        self.at as usize
    }
}

/// Writes the tokens of values. When the room ends, nothing more is written and `is_cut` says so.
pub struct Tokens {
    first: *mut u8,
    at: *mut u8,
    limit: *mut u8,
    is_cut: bool,
}

impl Tokens {
    /// Bytes written.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.at as usize - self.first as usize
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.at == self.first
    }

    /// Whether something did not fit.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Bytes that still fit.
    #[inline]
    #[must_use]
    pub fn room(&self) -> usize {
        self.limit as usize - self.at as usize
    }

    #[inline]
    fn fits(&mut self, len: usize) -> bool {
        let fits = self.room() >= len;
        self.is_cut |= !fits;
        fits
    }

    /// A tag that needs nothing more.
    #[inline]
    pub fn tag(&mut self, tag: u8) {
        if self.fits(1) {
            // SAFETY: one byte fits.
            unsafe {
                self.at.write(tag);
                self.at = self.at.add(1);
            }
        }
    }

    /// A tag and four bytes.
    #[inline]
    pub fn tag4(&mut self, tag: u8, value: u32) {
        if self.fits(5) {
            // SAFETY: eight bytes lie inside the segment: five fit, the slack covers the rest.
            unsafe {
                self.at
                    .cast::<u64>()
                    .write_unaligned((u64::from(tag) | u64::from(value) << 8).to_le());
                self.at = self.at.add(5);
            }
        }
    }

    /// A tag and eight bytes.
    #[inline]
    pub fn tag8(&mut self, tag: u8, value: u64) {
        if self.fits(9) {
            // SAFETY: nine bytes fit.
            unsafe {
                self.at.write(tag);
                self.at.add(1).cast::<u64>().write_unaligned(value.to_le());
                self.at = self.at.add(9);
            }
        }
    }

    /// Bytes as they are.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        if self.fits(bytes.len()) {
            // SAFETY: the bytes fit.
            unsafe {
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.at, bytes.len());
                self.at = self.at.add(bytes.len());
            }
        }
    }

    /// Four bytes.
    #[inline]
    pub fn u32(&mut self, value: u32) {
        self.raw(&value.to_le_bytes());
    }

    /// Begins a token whose length is known at its end.
    #[inline]
    #[must_use]
    pub fn begin(&mut self, tag: u8) -> usize {
        let at = self.len();
        self.raw(&[tag, 0, 0]);
        at
    }

    /// Ends what [`Tokens::begin`] began.
    #[inline]
    pub fn end(&mut self, begun: usize) {
        let len = self.len().saturating_sub(begun + 3) as u16;
        self.patch(begun + 1, &len.to_le_bytes());
    }

    /// Writes over bytes written before.
    #[inline]
    pub fn patch(&mut self, at: usize, bytes: &[u8]) {
        if at + bytes.len() <= self.len() {
            // SAFETY: the range was written by this value.
            unsafe {
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.first.add(at), bytes.len());
            };
        }
    }

    /// Forgets what was written after a place, and that something did not fit.
    pub fn restart_at(&mut self, to: usize) {
        self.is_cut = false;
        if to <= self.len() {
            // SAFETY: the place lies inside what was written.
            self.at = unsafe { self.first.add(to) };
        }
    }

    /// A text.
    #[inline]
    pub fn text(&mut self, tag: u8, text: &[u8]) {
        if self.fits(text.len() + 3) {
            let len = (text.len() as u16).to_le_bytes();
            self.raw(&[tag, len[0], len[1]]);
            self.raw(text);
        }
    }

    /// Nothing but what [`token::NOT_RECORDED`] says.
    pub fn not_recorded(&mut self) {
        self.tag(token::NOT_RECORDED);
    }
}
