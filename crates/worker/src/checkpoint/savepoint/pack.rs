//! Lines in zstd frames: written and read as a stream, a million symbols in a few megabytes of memory.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Write};
use std::path::Path;

use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use xxhash_rust::xxh3::Xxh3Default;

use super::format::Line;
use crate::checkpoint::Checksum;
use crate::source::recording::MultiZstdDecoder;

/// What is packed into one frame.
const FRAME_BYTES: usize = 1024 * 1024;
/// No line is longer: an outbox line holds what one epoch gave to one sink.
const MAX_LINE_BYTES: u64 = 1024 * 1024 * 1024;

/// Packs lines.
pub(super) struct Packer<W> {
    out: W,
    waiting: Vec<u8>,
    hasher: Xxh3Default,
}

impl<W: Write> Packer<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, waiting: Vec::with_capacity(FRAME_BYTES + FRAME_BYTES / 4), hasher: Xxh3Default::new() }
    }

    pub(super) fn line(&mut self, line: &Line) -> io::Result<()> {
        serde_json::to_writer(&mut self.waiting, line)?;
        self.waiting.push(b'\n');
        if self.waiting.len() >= FRAME_BYTES { self.pack() } else { Ok(()) }
    }

    /// The checksum of all lines until now.
    pub(super) fn checksum(&mut self) -> io::Result<Checksum> {
        self.pack()?;
        Ok(Checksum::of_fed(&self.hasher))
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        self.pack()?;
        Ok(self.out)
    }

    fn pack(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.hasher.update(&self.waiting);
        self.out.write_all(&compress_to_vec(self.waiting.as_slice(), CompressionLevel::Fastest))?;
        self.waiting.clear();
        Ok(())
    }
}

/// Unpacks lines.
pub(super) struct Unpacker {
    source: BufReader<MultiZstdDecoder<BufReader<File>>>,
    hasher: Xxh3Default,
    line: Vec<u8>,
    /// The number of the last line that was read, from 1.
    pub(super) number: u64,
}

impl Unpacker {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let packed = BufReader::with_capacity(FRAME_BYTES, File::open(path)?);
        let source = BufReader::with_capacity(FRAME_BYTES, MultiZstdDecoder::new(packed));
        Ok(Self { source, hasher: Xxh3Default::new(), line: Vec::new(), number: 0 })
    }

    /// The next line with its line feed; empty at the end. The checksum is of the lines before it.
    pub(super) fn next(&mut self) -> io::Result<(&[u8], Checksum)> {
        self.hasher.update(&self.line);
        self.line.clear();
        self.source.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut self.line)?;
        self.number += 1;
        Ok((&self.line, Checksum::of_fed(&self.hasher)))
    }
}
