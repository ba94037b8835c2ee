//! The bytes of a recording: a file or standard input, plain, gzip or zstd, told apart by their first bytes.

use std::error::Error as StdError;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use xxhash_rust::xxh64::Xxh64;

/// The name that stands for standard input.
pub(super) const STDIN: &str = "-";

/// What the file's system is asked for at once, in bytes.
const READ_BYTES: usize = 256 * 1024;

/// How a recording is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// NDJSON as it is.
    Plain,
    /// gzip, of one member or several.
    Gzip,
    /// zstd, of one frame or several, skippable ones among them.
    Zstd,
}

impl Packing {
    /// The packing that starts with these bytes (at most four are looked at).
    fn of(start: &[u8]) -> Self {
        match start {
            [0x1F, 0x8B, ..] => Self::Gzip,
            [0x28, 0xB5, 0x2F, 0xFD] | [0x50..=0x5F, 0x2A, 0x4D, 0x18] => Self::Zstd,
            _ => Self::Plain,
        }
    }

    /// The packing's name, for errors.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// A recording's unpacked bytes.
pub(super) struct Input {
    /// The bytes, unpacked.
    pub reader: BufReader<Box<dyn Read + Send>>,
    /// How they were packed.
    pub packing: Packing,
    /// Whether someone may still be writing: then nobody waits for a full batch.
    pub live: bool,
}

impl Input {
    /// Opens a file, or standard input for `-`, and looks at its first bytes.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if path.as_os_str() == STDIN {
            return Self::of(Box::new(io::stdin()), true);
        }
        Self::of(Box::new(File::open(path)?), false)
    }

    fn of(mut raw: Box<dyn Read + Send>, live: bool) -> io::Result<Self> {
        let mut start = Vec::with_capacity(4);
        raw.by_ref().take(4).read_to_end(&mut start)?;
        let packing = Packing::of(&start);
        let bytes: Raw = Cursor::new(start).chain(raw);
        let unpacked: Box<dyn Read + Send> = match packing {
            Packing::Plain => Box::new(bytes),
            Packing::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(READ_BYTES, bytes))),
            Packing::Zstd => Box::new(MultiZstdDecoder::new(BufReader::with_capacity(READ_BYTES, bytes))),
        };
        Ok(Self { reader: BufReader::with_capacity(READ_BYTES, unpacked), packing, live })
    }
}

type Raw = Chain<Cursor<Vec<u8>>, Box<dyn Read + Send>>;

/// Whether an error means that the packed bytes ended too early.
pub(crate) fn is_truncated(error: &io::Error) -> bool {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return true;
    }
    let mut cause: Option<&(dyn StdError + 'static)> = error.get_ref().map(|inner| inner as _);
    while let Some(inner) = cause {
        if inner.downcast_ref::<io::Error>().is_some_and(is_truncated) {
            return true;
        }
        cause = inner.source();
    }
    false
}

/// zstd of any number of frames (ruzstd's own reader ends after the first), with their checksums verified.
pub(crate) struct MultiZstdDecoder<R> {
    source: R,
    decoder: FrameDecoder,
    checksum: Xxh64,
    in_frame: bool,
}

impl<R: BufRead> MultiZstdDecoder<R> {
    pub(crate) fn new(source: R) -> Self {
        Self { source, decoder: FrameDecoder::new(), checksum: Xxh64::new(0), in_frame: false }
    }

    /// Begins the next frame, or says that there is none.
    fn next_frame(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.source) {
                Ok(()) => {
                    self.checksum.reset(0);
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let length = u64::from(length);
                    if io::copy(&mut self.source.by_ref().take(length), &mut io::sink())? < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Ok(false)
    }

    fn read_frame(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
            self.decoder
                .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                .map_err(io::Error::other)?;
        }
        let read = self.decoder.read(buffer)?;
        self.checksum.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }

    fn end_frame(&mut self) -> io::Result<()> {
        match self.decoder.get_checksum_from_data() {
            // The format keeps the lower half.
            Some(expected) if expected != self.checksum.digest() as u32 => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "the frame's checksum does not match its content"))
            }
            _ => Ok(()),
        }
    }
}

impl<R: BufRead> Read for MultiZstdDecoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if self.in_frame {
                let read = self.read_frame(buffer)?;
                if read > 0 {
                    return Ok(read);
                }
                self.in_frame = false;
                self.end_frame()?;
            }
            if !self.next_frame()? {
                return Ok(0);
            }
            self.in_frame = true;
        }
    }
}
