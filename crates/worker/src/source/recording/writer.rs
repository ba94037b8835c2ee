//! Writes recordings of the market's messages.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::input::STDIN as STDOUT;
use crate::source::market::Generated;

/// What is handed to the system at once, in bytes.
const WRITE_BYTES: usize = 256 * 1024;

/// Writes records as lines, and numbers them per partition from offset 0.
pub struct RecordingWriter {
    /// The first part of each line, up to the partition.
    head: String,
    out: Out,
    next_offsets: HashMap<i32, i64>,
}

enum Out {
    Plain(BufWriter<Box<dyn Write + Send>>),
    Gzip(GzEncoder<BufWriter<Box<dyn Write + Send>>>),
}

impl RecordingWriter {
    /// Creates a file, or empties it; packed where the name ends in `.gz`. `-` is standard output.
    ///
    /// # Errors
    /// A file that cannot be created; a name that asks for a packing that is not written (`.zst`).
    pub fn create(path: &Path, topic: &str) -> io::Result<Self> {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if matches!(extension, "zst" | "zstd") {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "zstd is read, not written: name it .gz or .ndjson",
            ));
        }
        let raw: Box<dyn Write + Send> =
            if path.as_os_str() == STDOUT { Box::new(io::stdout()) } else { Box::new(File::create(path)?) };
        let plain = BufWriter::with_capacity(WRITE_BYTES, raw);
        let out =
            if extension == "gz" { Out::Gzip(GzEncoder::new(plain, Compression::fast())) } else { Out::Plain(plain) };
        let topic = serde_json::to_string(topic)?;
        Ok(Self { head: format!("{{\"topic\":{topic},\"partition\":"), out, next_offsets: HashMap::new() })
    }

    /// Writes one record.
    pub fn write(&mut self, message: &Generated) -> io::Result<()> {
        let offset = self.next_offsets.entry(message.partition).or_insert(0);
        let head = (&*self.head, message.partition, *offset, message.timestamp_ms);
        *offset += 1;
        match &mut self.out {
            Out::Plain(out) => write_line(out, head, message),
            Out::Gzip(out) => write_line(out, head, message),
        }
    }

    /// Hands everything so far to the system, where that can be done without ending the packing.
    pub fn flush(&mut self) -> io::Result<()> {
        match &mut self.out {
            Out::Plain(out) => out.flush(),
            Out::Gzip(_) => Ok(()),
        }
    }

    /// Ends the recording: without it the last lines may be missing.
    pub fn finish(self) -> io::Result<()> {
        match self.out {
            Out::Plain(mut out) => out.flush(),
            Out::Gzip(out) => out.finish()?.flush(),
        }
    }
}

fn write_line<W: Write>(
    out: &mut W,
    (head, partition, offset, timestamp_ms): (&str, i32, i64, i64),
    message: &Generated,
) -> io::Result<()> {
    write!(out, "{head}{partition},\"offset\":{offset},\"timestamp\":{timestamp_ms},\"key\":")?;
    write_text(out, &message.key)?;
    out.write_all(b",\"value\":")?;
    match message.value() {
        Some(value) => write_text(out, value)?,
        None => out.write_all(b"null")?,
    }
    out.write_all(b"}\n")
}

fn write_text<W: Write>(out: &mut W, text: &[u8]) -> io::Result<()> {
    // The market writes ASCII only.
    serde_json::to_writer(out, &String::from_utf8_lossy(text)).map_err(io::Error::from)
}
