//! The side file of a run that goes on, read twice in a row.
//!
//! While a file is read from front to back, what was read already goes on
//! growing, and segments change hands. Two readings together give what was
//! recorded up to some moment, thread by thread.

use std::collections::HashMap;

use crate::segment::{SegmentHeader, read_segments};

/// The segments of the first reading, and definitions as of the second: no event of the first names one
/// that was written later. A segment that its log had left by the end of the first reading was full by
/// then, so it is taken from the second one; if it was drained in between, it is in the trace.
pub(crate) fn settled<'p>(first: &'p [u8], second: &'p [u8]) -> Vec<(SegmentHeader, &'p [u8])> {
    let later = read_segments(second);
    let is_definitions = |head: &SegmentHeader| head.log == SegmentHeader::DEFINITIONS;
    let mut found: Vec<_> = later
        .iter()
        .filter(|(head, _)| is_definitions(head))
        .copied()
        .collect();
    let full: HashMap<(u32, u32), _> = later
        .into_iter()
        .map(|(head, records)| ((head.log, head.sequence), (head, records)))
        .collect();
    let earlier = read_segments(first);
    for (index, (head, records)) in earlier.iter().enumerate() {
        if is_definitions(head) {
            continue;
        }
        // They are in the order of their logs.
        let was_left = earlier
            .get(index + 1)
            .is_some_and(|(next, _)| next.log == head.log);
        let segment = if was_left {
            full.get(&(head.log, head.sequence)).copied()
        } else {
            Some((*head, *records))
        };
        found.extend(segment);
    }
    found
}

/// Whether the segments of each log go on where its blocks end; `newest` is the number of a log's last
/// block.
pub(crate) fn has_no_gap(part: &[u8], newest: impl Fn(u32) -> Option<u32>) -> bool {
    let mut next: HashMap<u32, u32> = HashMap::new();
    read_segments(part).into_iter().all(|(head, _)| {
        if head.log == SegmentHeader::DEFINITIONS {
            return true;
        }
        let next = next
            .entry(head.log)
            .or_insert_with(|| newest(head.log).map_or(0, |newest| newest + 1));
        let follows = head.sequence <= *next;
        *next = (*next).max(head.sequence.saturating_add(1));
        follows
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::{ClockPair, PART_HEADER_LEN, SEGMENT_HEADER_LEN, SegmentState};

    /// A side file of segments: log, sequence, and how many bytes are published, 0 for a free one.
    fn part(segments: &[(u32, u32, u32)]) -> Vec<u8> {
        let mut bytes = vec![0; PART_HEADER_LEN];
        for (log, sequence, published) in segments {
            let head = SegmentHeader {
                capacity: SEGMENT_HEADER_LEN as u32 + 64,
                state: if *published == 0 {
                    SegmentState::Free
                } else {
                    SegmentState::InUse
                },
                log: *log,
                sequence: *sequence,
                published: *published,
                clock: ClockPair::default(),
                next_call: 0,
                drained: 0,
            };
            bytes.extend(head.encode());
            bytes.extend([*published as u8; 64]);
        }
        bytes
    }

    fn seen(first: &[u8], second: &[u8]) -> Vec<(u32, u32, usize)> {
        settled(first, second)
            .into_iter()
            .map(|(head, records)| (head.log, head.sequence, records.len()))
            .collect()
    }

    const DEFINITIONS: u32 = SegmentHeader::DEFINITIONS;

    #[test]
    fn a_segment_that_was_filled_while_the_next_was_read_is_taken_whole() {
        let first = part(&[(DEFINITIONS, 0, 8), (1, 5, 16), (1, 6, 8)]);
        let second = part(&[(DEFINITIONS, 0, 24), (1, 5, 64), (1, 6, 40)]);
        // Of the last one only what was there before the definitions were read.
        let expected = [(DEFINITIONS, 0, 24), (1, 5, 64), (1, 6, 8)];
        assert_eq!(seen(&first, &second), expected);
    }

    #[test]
    fn a_segment_that_went_to_another_log_in_between_is_left_to_the_trace() {
        let first = part(&[(1, 5, 16), (1, 6, 8)]);
        let second = part(&[(2, 0, 32), (1, 6, 64)]);
        assert_eq!(seen(&first, &second), [(1, 6, 8)]);
    }

    #[test]
    fn a_segment_taken_behind_the_reader_s_back_is_a_gap() {
        let side = part(&[(1, 6, 8), (2, 0, 8)]);
        assert!(!has_no_gap(&side, |_| None));
        assert!(!has_no_gap(&side, |log| (log == 1).then_some(4)));
        assert!(has_no_gap(&side, |log| (log == 1).then_some(5)));
        // It was drained while it was read.
        assert!(has_no_gap(&side, |log| (log == 1).then_some(6)));
    }
}
