//! Why a trace could not be read.

/// Why a trace could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file has no bytes.
    #[error("the file is empty: the recording never began, or the file was cut")]
    Empty,
    /// The file does not begin as a trace does.
    #[error("not an execmap trace")]
    NotATrace,
    /// The file ends inside its header.
    #[error("the file is cut short inside its header ({len} bytes)")]
    Truncated {
        /// Bytes there are.
        len: u64,
    },
    /// The file was written by a newer execmap.
    #[error("trace format {found} is newer than this execmap reads ({newest}); upgrade execmap")]
    TooNew {
        /// The file's version.
        found: u16,
        /// The newest version read here.
        newest: u16,
    },
    /// A block's checksum does not match its bytes, or its content contradicts itself.
    #[error("block {index} at byte {offset} is damaged")]
    Damaged {
        /// Position among the blocks.
        index: u32,
        /// Where it begins.
        offset: u64,
    },
    /// The bytes could not be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}
