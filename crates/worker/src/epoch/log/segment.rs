//! A segment: one file of the log. A header, then entries, each with its length and a checksum, so that a torn end is
//! recognised.
//!
//! ```text
//! segment  = "CDCEPLOG" ‖ format u8 ‖ entry*
//! entry    = length u32 ‖ xxh3-64 of the payload u64 ‖ payload        (little-endian)
//! payload  = kind u8 ‖ postcard                                        (0: EpochRecord, 1: SinkProgress, 2: BatchBorders)
//! ```

use std::io::{BufReader, ErrorKind, Read};
use std::path::PathBuf;

use xxhash_rust::xxh3::xxh3_64;

use super::{BatchBorders, LogError, LogFiles};
use crate::epoch::{EPOCH_FORMAT, EpochRecord};
use crate::state::SinkProgress;

/// What every segment begins with.
pub(super) const MAGIC: &[u8; 8] = b"CDCEPLOG";
/// Version of the layout.
pub(super) const LOG_FORMAT: u8 = 1;
/// Length of the header.
pub(super) const HEADER_BYTES: u64 = 9;
/// An entry is never longer: what says so is damaged, and must not cost memory.
const ENTRY_BYTES_MAX: u32 = 64 << 20;

const EPOCH: u8 = 0;
const PROGRESS: u8 = 1;
const BATCH: u8 = 2;

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// An epoch was made.
    Epoch(EpochRecord),
    /// A sink is this far.
    Progress(SinkProgress),
    /// A sink is given a batch.
    Batch(BatchBorders),
}

/// An entry's bytes, ready to be appended.
pub(super) fn encode_epoch(record: &EpochRecord) -> Result<Vec<u8>, postcard::Error> {
    framed(postcard::to_extend(record, vec![EPOCH])?)
}

/// An entry's bytes, ready to be appended.
pub(super) fn encode_progress(progress: &SinkProgress) -> Result<Vec<u8>, postcard::Error> {
    framed(postcard::to_extend(progress, vec![PROGRESS])?)
}

/// An entry's bytes, ready to be appended.
pub(super) fn encode_batch(borders: &BatchBorders) -> Result<Vec<u8>, postcard::Error> {
    framed(postcard::to_extend(borders, vec![BATCH])?)
}

fn framed(payload: Vec<u8>) -> Result<Vec<u8>, postcard::Error> {
    let length = u32::try_from(payload.len()).ok().filter(|length| *length <= ENTRY_BYTES_MAX);
    let length = length.ok_or(postcard::Error::SerializeBufferFull)?;
    let mut bytes = Vec::with_capacity(12 + payload.len());
    bytes.extend(length.to_le_bytes());
    bytes.extend(xxh3_64(&payload).to_le_bytes());
    bytes.extend(payload);
    Ok(bytes)
}

/// The header's bytes.
pub(super) fn header() -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.push(LOG_FORMAT);
    bytes
}

/// Reads a segment's entries.
pub(super) struct SegmentReader {
    path: PathBuf,
    file: BufReader<Box<dyn Read + Send>>,
    /// Where the next entry begins: everything before it is whole.
    offset: u64,
}

/// What stands at the reader's place.
pub(super) enum Found {
    /// A whole entry.
    Entry(Entry),
    /// The file ends here.
    End,
    /// Bytes that are no whole entry: the end was torn, or something is damaged. What is wrong with them.
    Broken(&'static str),
}

impl SegmentReader {
    /// Opens a segment; `None` where not even its header is whole.
    pub(super) fn open(files: &dyn LogFiles, name: &str) -> Result<Option<Self>, LogError> {
        let path = &files.directory().join(name);
        let file = files.read(name).map_err(|source| LogError::read(path, source))?;
        let mut file = BufReader::new(file);
        let mut found = [0; HEADER_BYTES as usize];
        match file.read_exact(&mut found) {
            Ok(()) => {}
            Err(source) if source.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            Err(source) => return Err(LogError::read(path, source)),
        }
        // A machine that dies may leave a file longer than what was written to it: zeros. Nothing counts before the header
        // is synced.
        let zeros = |(found, expected): (&u8, &u8)| found == expected || *found == 0;
        if found[..] != header()[..] && found.iter().zip(&header()).all(zeros) {
            return Ok(None);
        }
        let format = |why: String| LogError::Format { path: path.to_owned(), why };
        if !found.starts_with(MAGIC) {
            return Err(format("it does not begin with CDCEPLOG".to_owned()));
        }
        if found[8] != LOG_FORMAT {
            return Err(format(format_args!("format {}, not {LOG_FORMAT}", found[8]).to_string()));
        }
        Ok(Some(Self { path: path.to_owned(), file, offset: HEADER_BYTES }))
    }

    /// Where the next entry begins.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next entry.
    pub(super) fn next(&mut self) -> Result<Found, LogError> {
        let mut frame = [0; 12];
        match self.fill(&mut frame)? {
            0 => return Ok(Found::End),
            12 => {}
            _ => return Ok(Found::Broken("half a frame")),
        }
        let [a, b, c, d, sum @ ..] = frame;
        let length = u32::from_le_bytes([a, b, c, d]);
        if length == 0 || length > ENTRY_BYTES_MAX {
            return Ok(Found::Broken("an impossible length"));
        }
        let mut payload = vec![0; length as usize];
        if self.fill(&mut payload)? < payload.len() {
            return Ok(Found::Broken("half an entry"));
        }
        if xxh3_64(&payload) != u64::from_le_bytes(sum) {
            return Ok(Found::Broken("a wrong checksum"));
        }
        let Some(entry) = self.decode(&payload)? else { return Ok(Found::Broken("an entry that cannot be read")) };
        self.offset += 12 + u64::from(length);
        Ok(Found::Entry(entry))
    }

    fn decode(&self, payload: &[u8]) -> Result<Option<Entry>, LogError> {
        Ok(match payload.split_first() {
            // The record's own version stands first in it.
            Some((&EPOCH, [format, ..])) if *format != EPOCH_FORMAT => {
                let why = format!("an epoch record of format {format}, not {EPOCH_FORMAT}");
                return Err(LogError::Format { path: self.path.clone(), why });
            }
            Some((&EPOCH, rest)) => postcard::from_bytes(rest).ok().map(Entry::Epoch),
            Some((&PROGRESS, rest)) => postcard::from_bytes(rest).ok().map(Entry::Progress),
            Some((&BATCH, rest)) => postcard::from_bytes(rest).ok().map(Entry::Batch),
            _ => None,
        })
    }

    /// Fills as much as the file has.
    fn fill(&mut self, into: &mut [u8]) -> Result<usize, LogError> {
        let mut filled = 0;
        while filled < into.len() {
            match self.file.read(&mut into[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(source) if source.kind() == ErrorKind::Interrupted => {}
                Err(source) => return Err(LogError::read(&self.path, source)),
            }
        }
        Ok(filled)
    }
}
