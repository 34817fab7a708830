//! Writes the corpus that fuzzing begins with, made of the golden traces: `seeds FOLDER`.

use std::fs;
use std::io;
use std::path::Path;

use execmap_fuzz::frames::{Kind, serialise, take_apart};
use execmap_fuzz::seeds;

fn main() -> io::Result<()> {
    let folder = std::env::args()
        .nth(1)
        .ok_or_else(|| io::Error::other("usage: seeds FOLDER"))?;
    let put = |target: &str, name: &str, bytes: &[u8]| {
        let folder = Path::new(&folder).join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), bytes)
    };
    for (name, main, part) in seeds::traces() {
        let part = part.unwrap_or_default();
        put("container", &name, &[&main[..], &part].concat())?;
        let frames = take_apart(
            &main,
            Some(&part)
                .filter(|part| !part.is_empty())
                .map(|part| &part[..]),
        );
        put("trace", &name, &serialise(&frames))?;
        for (index, frame) in frames.iter().enumerate() {
            let name = format!("{name}-{index}");
            match frame.kind {
                Kind::Block(kind) => put("block", &name, &[&[kind][..], &frame.bytes].concat())?,
                Kind::Segment => put("segment", &name, &frame.bytes[64.min(frame.bytes.len())..])?,
            }
        }
        for choice in 0..8u8 {
            let words = [
                &[0, choice << 2 | choice % 4, 0, 0, 0, 0, 0, 0, 0, choice][..],
                b"shop.*:fib?",
            ]
            .concat();
            put("query", &format!("{name}-{choice}"), &words)?;
        }
    }
    Ok(())
}
