//! The file's header, and blocks: kind, length, checksum, bytes.

use std::cell::RefCell;

use crate::error::ReadError;

/// Bytes of [`FileHeader`].
pub const FILE_HEADER_LEN: usize = 32;
/// Bytes of a block before its payload.
pub(crate) const BLOCK_HEADER_LEN: usize = 20;
/// No block of this version is larger once unpacked.
pub(crate) const MAX_BLOCK: usize = 64 << 20;

const FILE_MAGIC: &[u8; 8] = b"\x89execmap";
const BLOCK_MAGIC: u32 = 0x6b6c_4258;

/// The head of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileHeader {
    /// Format version of the writer.
    pub version: u16,
    /// Equal in all files of one run.
    pub run_id: [u8; 16],
}

impl FileHeader {
    /// The first bytes of a trace.
    #[must_use]
    pub fn encode(&self) -> [u8; FILE_HEADER_LEN] {
        let mut out = [0; FILE_HEADER_LEN];
        out[..8].copy_from_slice(FILE_MAGIC);
        out[8..10].copy_from_slice(&self.version.to_le_bytes());
        out[12..28].copy_from_slice(&self.run_id);
        let sum = crc32fast::hash(&out[..28]);
        out[28..].copy_from_slice(&sum.to_le_bytes());
        out
    }

    /// Reads what [`FileHeader::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, ReadError> {
        if bytes.is_empty() {
            return Err(ReadError::Empty);
        }
        let seen = bytes.len().min(8);
        if bytes[..seen] != FILE_MAGIC[..seen] {
            return Err(ReadError::NotATrace);
        }
        let Some(head) = bytes.first_chunk::<FILE_HEADER_LEN>() else {
            return Err(ReadError::Truncated {
                len: bytes.len() as u64,
            });
        };
        let version = u16::from_le_bytes([head[8], head[9]]);
        if version > crate::FORMAT_VERSION {
            return Err(ReadError::TooNew {
                found: version,
                newest: crate::FORMAT_VERSION,
            });
        }
        let sum = u32::from_le_bytes([head[28], head[29], head[30], head[31]]);
        if version == 0 || sum != crc32fast::hash(&head[..28]) {
            return Err(ReadError::Damaged {
                index: 0,
                offset: 0,
            });
        }
        let mut run_id = [0; 16];
        run_id.copy_from_slice(&head[12..28]);
        Ok(FileHeader { version, run_id })
    }
}

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BlockKind {
    /// A run of definitions.
    Definitions,
    /// Entries of the value table.
    Values,
    /// Events of one log.
    Events,
    /// Where the blocks before it are, and what the heads of events say.
    Index,
    /// The state at a moment from which on the trace can be read without what came before.
    Begin,
    /// A kind of a later version, stepped over.
    Unknown(u8),
}

impl BlockKind {
    pub(crate) fn byte(self) -> u8 {
        match self {
            BlockKind::Definitions => 1,
            BlockKind::Values => 2,
            BlockKind::Events => 3,
            BlockKind::Index => 4,
            BlockKind::Begin => 5,
            BlockKind::Unknown(byte) => byte,
        }
    }

    pub(crate) fn from_byte(byte: u8) -> Self {
        match byte {
            1 => BlockKind::Definitions,
            2 => BlockKind::Values,
            3 => BlockKind::Events,
            4 => BlockKind::Index,
            5 => BlockKind::Begin,
            other => BlockKind::Unknown(other),
        }
    }
}

/// A block as it lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// What it holds.
    pub kind: BlockKind,
    /// Whether the payload is compressed.
    pub is_packed: bool,
    /// Bytes of the payload in the file.
    pub stored_len: u32,
    /// Bytes of the payload once unpacked.
    pub raw_len: u32,
    /// Bytes at the front of the payload that are never compressed.
    pub(crate) plain: u16,
    checksum: u32,
}

/// Below this, compression costs more than it saves.
const PACK_FROM: usize = 64;

/// Appends a block, compressed where that makes it smaller. `scratch` is kept for its memory alone.
pub fn encode_block(
    out: &mut Vec<u8>,
    kind: BlockKind,
    payload: &[u8],
    packer: &mut zstd::bulk::Compressor<'_>,
    scratch: &mut Vec<u8>,
) {
    encode_block_with_head(out, kind, (payload, 0), packer, scratch);
}

/// As [`encode_block`], but so many bytes at the front of the payload are readable without unpacking.
pub fn encode_block_with_head(
    out: &mut Vec<u8>,
    kind: BlockKind,
    (payload, plain): (&[u8], usize),
    packer: &mut zstd::bulk::Compressor<'_>,
    scratch: &mut Vec<u8>,
) {
    let plain = u16::try_from(plain).unwrap_or(0);
    let (head, rest) = payload.split_at(usize::from(plain).min(payload.len()));
    scratch.clear();
    scratch.reserve(zstd::zstd_safe::compress_bound(rest.len()));
    let is_packed = rest.len() >= PACK_FROM
        && packer
            .compress_to_buffer(rest, scratch)
            .is_ok_and(|len| len < rest.len());
    let rest: &[u8] = if is_packed { scratch } else { rest };
    append(out, kind, is_packed, [head, rest], payload.len());
}

/// Appends a block that is not compressed.
pub(crate) fn encode_stored_block(out: &mut Vec<u8>, kind: BlockKind, payload: &[u8]) {
    append(out, kind, false, [&[], payload], payload.len());
}

fn append(
    out: &mut Vec<u8>,
    kind: BlockKind,
    is_packed: bool,
    [head, rest]: [&[u8]; 2],
    raw_len: usize,
) {
    let at = out.len();
    out.extend_from_slice(&BLOCK_MAGIC.to_le_bytes());
    out.extend_from_slice(&[kind.byte(), u8::from(is_packed)]);
    out.extend_from_slice(&(head.len() as u16).to_le_bytes());
    out.extend_from_slice(&((head.len() + rest.len()) as u32).to_le_bytes());
    out.extend_from_slice(&(raw_len as u32).to_le_bytes());
    let mut sum = crc32fast::Hasher::new();
    for bytes in [&out[at..], head, rest] {
        sum.update(bytes);
    }
    out.extend_from_slice(&sum.finalize().to_le_bytes());
    out.extend_from_slice(head);
    out.extend_from_slice(rest);
}

thread_local! {
    /// Setting one up costs more than a small block: zstd asks the processor what it can do, which a
    /// virtual machine answers slowly.
    static UNPACKER: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

fn unpack(packed: &[u8], len: usize) -> Option<Vec<u8>> {
    UNPACKER.with_borrow_mut(|kept| {
        let unpacker = match kept {
            Some(unpacker) => unpacker,
            None => kept.insert(zstd::bulk::Decompressor::new().ok()?),
        };
        unpacker.decompress(packed, len).ok()
    })
}

impl Block {
    /// Reads a block's head; `None` where no block begins.
    #[must_use]
    pub fn decode_head(bytes: &[u8]) -> Option<Block> {
        let head = bytes.first_chunk::<BLOCK_HEADER_LEN>()?;
        let word =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        if word(0) != BLOCK_MAGIC || word(12) as usize > MAX_BLOCK || word(8) as usize > MAX_BLOCK {
            return None;
        }
        Some(Block {
            kind: BlockKind::from_byte(head[4]),
            is_packed: head[5] == 1,
            stored_len: word(8),
            raw_len: word(12),
            plain: u16::from_le_bytes([head[6], head[7]]),
            checksum: word(16),
        })
    }

    /// Whether the block's first 20 bytes and its payload as stored are what was written.
    #[must_use]
    pub fn is_sound(&self, head: &[u8], stored: &[u8]) -> bool {
        let Some(head) = head.get(..16) else {
            return false;
        };
        let mut sum = crc32fast::Hasher::new();
        sum.update(head);
        sum.update(stored);
        sum.finalize() == self.checksum
    }

    /// Checks and unpacks a payload. `head` is the block's first 20 bytes.
    #[must_use]
    pub fn payload(&self, head: &[u8], stored: &[u8]) -> Option<Vec<u8>> {
        if !self.is_sound(head, stored) {
            return None;
        }
        if !self.is_packed {
            return Some(stored.to_vec());
        }
        let (plain, packed) = stored.split_at_checked(usize::from(self.plain))?;
        let rest_len = (self.raw_len as usize).checked_sub(plain.len())?;
        let rest = unpack(packed, rest_len)?;
        if rest.len() != rest_len {
            return None;
        }
        Some(if plain.is_empty() {
            rest
        } else {
            [plain, &rest].concat()
        })
    }

    /// Bytes of the block in the file, head included.
    #[must_use]
    pub fn len(&self) -> u64 {
        BLOCK_HEADER_LEN as u64 + u64::from(self.stored_len)
    }

    /// A block always has a head.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }
}
