//! Recordings of every packing, whole and broken.

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use tempfile::TempDir;

use super::*;

const LINE_BYTES_MAX: usize = 64 << 20;

/// One record as the tests see it: partition's name, offset, timestamp, value.
type Seen = (String, i64, i64, Option<Vec<u8>>);

fn line(partition: i32, offset: i64, value: &str) -> String {
    let value = serde_json::to_string(value).unwrap();
    format!(
        r#"{{"topic":"t","partition":{partition},"offset":{offset},"timestamp":{offset},"key":null,"value":{value}}}"#
    )
}

fn lines(offsets: std::ops::Range<i64>) -> String {
    offsets.map(|offset| line((offset % 3) as i32, offset, &format!("value \"{offset}\"")) + "\n").collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn add(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// The error's text without the directory, which differs from run to run.
    fn text(&self, error: &RecordingError) -> String {
        error.to_string().replace(&format!("{}/", self.0.path().display()), "")
    }
}

/// Reads to the end, with batches of `max_records`.
fn read(source: &mut RecordingSource, max_records: usize) -> (Vec<Seen>, Result<(), RecordingError>) {
    let mut seen = Vec::new();
    let mut batches = [Batch::default(), Batch::default()];
    for turn in 0.. {
        let batch: &mut Batch = &mut batches[turn % 2];
        batch.clear();
        let outcome = source.read(batch, max_records, usize::MAX);
        assert!(batch.records.len() <= max_records);
        for record in &batch.records {
            let id = &batch.partitions[record.partition as usize];
            let value = batch.value(record).map(<[u8]>::to_vec);
            seen.push((format!("{}-{}", id.topic, id.partition), record.offset, record.timestamp_ms, value));
        }
        match outcome {
            Ok(ReadOutcome::More) => {}
            Ok(ReadOutcome::End) => return (seen, Ok(())),
            Err(error) => {
                assert_eq!(batch.records.len(), 0, "an error comes alone");
                return (seen, Err(error));
            }
        }
    }
    unreachable!()
}

fn read_all(paths: &[PathBuf]) -> Vec<Seen> {
    let (seen, result) = read(&mut RecordingSource::open(paths, LINE_BYTES_MAX).unwrap(), 7);
    result.unwrap();
    seen
}

fn expected(offsets: std::ops::Range<i64>) -> Vec<Seen> {
    offsets
        .map(|offset| (format!("t-{}", offset % 3), offset, offset, Some(format!("value \"{offset}\"").into_bytes())))
        .collect()
}

#[test]
fn every_packing_gives_the_same_records() {
    let files = Files::new();
    let text = lines(0..1000);
    let (first, second) = text.split_at(text.len() / 2);
    let skippable = [&[0x51, 0x2A, 0x4D, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
    let packed = [
        text.clone().into_bytes(),
        gzip(text.as_bytes()),
        [gzip(first.as_bytes()), gzip(second.as_bytes())].concat(),
        zstd(text.as_bytes()),
        [zstd(first.as_bytes()), skippable.clone(), zstd(b""), zstd(second.as_bytes())].concat(),
        [skippable, zstd(text.as_bytes())].concat(),
    ];
    for (number, bytes) in packed.iter().enumerate() {
        // The name says nothing.
        let path = files.add("recording.txt", bytes);
        assert_eq!(read_all(&[path]), expected(0..1000), "packing {number}");
    }
}

#[test]
fn several_files_are_one_stream_in_argument_order() {
    let files = Files::new();
    let later = files.add("a.ndjson.gz", gzip(lines(500..1000).as_bytes()));
    let earlier = files.add("b.ndjson", lines(0..500));
    let empty = files.add("c.ndjson", "");
    assert_eq!(read_all(&[earlier, empty, later]), expected(0..1000));
    assert_eq!(read_all(&[]), vec![]);
}

#[test]
fn line_ends_blank_lines_and_byte_order_marks_are_no_matter() {
    let files = Files::new();
    let text = format!("\u{FEFF}{}\r\n\r\n   \n{}", line(0, 0, "a"), line(0, 1, "b"));
    let seen = read_all(&[files.add("x", text)]);
    assert_eq!(seen.iter().map(|(_, offset, ..)| *offset).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn batches_stop_at_their_bounds_and_keep_their_values() {
    let files = Files::new();
    let path = files.add("x", lines(0..100));
    let mut source = RecordingSource::open(&[path], LINE_BYTES_MAX).unwrap();
    let mut batch = Batch::default();
    assert_eq!(source.read(&mut batch, 3, usize::MAX).unwrap(), ReadOutcome::More);
    assert_eq!(batch.records.len(), 3);
    batch.clear();
    // Offsets 3 and 4 have 9 bytes of value each.
    assert_eq!(source.read(&mut batch, 100, 10).unwrap(), ReadOutcome::More);
    assert_eq!((batch.records.len(), batch.bytes()), (2, 18));
    assert_eq!(batch.value(&batch.records[1]), Some(&b"value \"4\""[..]));
    batch.clear();
    assert_eq!(source.read(&mut batch, 100, usize::MAX).unwrap(), ReadOutcome::End);
    assert_eq!(batch.records.len(), 95);
    assert_eq!(source.read(&mut batch, 100, usize::MAX).unwrap(), ReadOutcome::End, "the end stays the end");
}

#[test]
fn records_before_a_bad_line_are_delivered_wherever_batches_end() {
    let files = Files::new();
    let path = files.add("bad.ndjson", lines(0..10) + "\n" + &line(0, 10, "x").replace("10,", "\"10\",") + "\n");
    for max_records in [1, 3, 10, 11, 1000] {
        let mut source = RecordingSource::open(std::slice::from_ref(&path), LINE_BYTES_MAX).unwrap();
        let (seen, result) = read(&mut source, max_records);
        assert_eq!(seen, expected(0..10), "batches of {max_records}");
        assert_eq!(
            files.text(&result.unwrap_err()),
            "bad.ndjson:12: offset: invalid type: string \"10\", expected i64; \
             a line is {\"topic\":…,\"partition\":…,\"offset\":…,\"timestamp\":…,\"key\":…,\"value\":…}"
        );
    }
}

#[test]
fn a_file_that_is_not_there_is_named_before_anything_is_read() {
    let files = Files::new();
    let good = files.add("good", lines(0..1));
    let missing = files.0.path().join("missing.ndjson");
    let error = RecordingSource::open(&[good.clone(), missing], LINE_BYTES_MAX).err().unwrap();
    assert_eq!(
        files.text(&error),
        "missing.ndjson: No such file or directory (os error 2); \
         give the path of a recording, or - for standard input"
    );
    let error = RecordingSource::open(&[good, files.0.path().join("")], LINE_BYTES_MAX).err().unwrap();
    assert!(error.to_string().contains("is a directory"), "{error}");
    let error = RecordingSource::open(&["-".into(), "-".into()], LINE_BYTES_MAX).err().unwrap();
    assert!(matches!(error, RecordingError::StdinTwice));
}

#[test]
fn packed_data_that_ends_too_early_says_so() {
    let files = Files::new();
    let text = lines(0..1000);
    for (name, packed) in [("gzip", gzip(text.as_bytes())), ("zstd", zstd(text.as_bytes()))] {
        for kept in [packed.len() - 1, packed.len() / 2, 12] {
            let path = files.add("cut", &packed[..kept]);
            let (seen, result) = read(&mut RecordingSource::open(&[path], LINE_BYTES_MAX).unwrap(), 50);
            assert_eq!(seen, expected(0..seen.len() as i64));
            let text = files.text(&result.unwrap_err());
            let wanted = format!(
                "cut:{}: the {name} data ends in the middle: the file is truncated; copy or record it again",
                seen.len() + 1
            );
            assert_eq!(text, wanted);
        }
    }
}

#[test]
fn damaged_packed_data_says_so() {
    let files = Files::new();
    let text = lines(0..1000);
    let mut gzipped = gzip(text.as_bytes());
    let crc = gzipped.len() - 8;
    gzipped[crc] ^= 1;
    let mut zipped = compress_to_vec(text.as_bytes(), CompressionLevel::Uncompressed);
    // A letter of a value, stored as it is: only a checksum could tell; then a bad magic number for a second frame.
    zipped.extend_from_slice(b"no frame");
    for (name, bytes) in [("gzip", gzipped), ("zstd", zipped)] {
        let path = files.add("bad", bytes);
        let (_, result) = read(&mut RecordingSource::open(&[path], LINE_BYTES_MAX).unwrap(), 50);
        let text = files.text(&result.unwrap_err());
        assert!(text.contains(&format!("the {name} data is damaged: ")), "{text}");
    }
}

#[test]
fn a_zstd_checksum_is_verified() {
    let files = Files::new();
    let text = lines(0..3);
    // One raw block in a frame of a single segment with a checksum: RFC 8878, 3.1.1.
    let frame = |checksum: u32| {
        let size = text.len() as u32;
        let mut frame = vec![0x28, 0xB5, 0x2F, 0xFD, 0b1010_0100];
        frame.extend(size.to_le_bytes());
        frame.extend(&(size << 3 | 1).to_le_bytes()[..3]);
        frame.extend(text.as_bytes());
        frame.extend(checksum.to_le_bytes());
        frame
    };
    let good = xxhash_rust::xxh64::xxh64(text.as_bytes(), 0) as u32;
    assert_eq!(read_all(&[files.add("good", frame(good))]), expected(0..3));
    let path = files.add("bad", frame(good ^ 1));
    let (_, result) = read(&mut RecordingSource::open(&[path], LINE_BYTES_MAX).unwrap(), 50);
    assert!(result.unwrap_err().to_string().contains("checksum does not match"));
}

#[test]
fn a_line_may_be_as_long_as_allowed_and_no_longer() {
    let files = Files::new();
    let text = line(0, 0, "0123456789");
    let path = files.add("x", format!("{text}\r\n{text}\n{text}"));
    let mut exact = RecordingSource::open(std::slice::from_ref(&path), text.len()).unwrap();
    let (seen, result) = read(&mut exact, 10);
    assert_eq!((seen.len(), result.is_ok()), (3, true));
    let mut short = RecordingSource::open(&[path], text.len() - 1).unwrap();
    let (_, result) = read(&mut short, 10);
    assert_eq!(
        files.text(&result.unwrap_err()),
        format!("x:1: the line is longer than {} bytes; raise the limit for a line", text.len() - 1)
    );
}

#[test]
fn a_value_of_16_mb_passes() {
    let files = Files::new();
    let value = "a\"\\é\n".repeat(3_000_000);
    let path = files.add("big", gzip((line(0, 0, &value) + "\n" + &line(0, 1, "after")).as_bytes()));
    let seen = read_all(&[path]);
    assert_eq!(seen.len(), 2);
    assert!(seen[0].3.as_deref() == Some(value.as_bytes()), "18 MB came out as they went in");
    assert_eq!(seen[1].3.as_deref(), Some(&b"after"[..]));
}

proptest! {
    /// Whatever stands in the file: records or one error, no panic, and never more than what was there.
    #[test]
    fn any_bytes_end_in_records_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300), pack in 0..5) {
        let files = Files::new();
        let bytes = match pack {
            0 => gzip(&bytes),
            1 => zstd(&bytes),
            2 => [&[0x1F, 0x8B, 8][..], &bytes].concat(),
            3 => [&[0x28, 0xB5, 0x2F, 0xFD][..], &bytes].concat(),
            _ => bytes,
        };
        let path = files.add("x", &bytes);
        if let Ok(mut source) = RecordingSource::open(&[path], 100) {
            let (seen, _) = read(&mut source, 10);
            prop_assert!(seen.is_empty(), "300 random bytes are no record");
        }
    }

    /// A value comes out as serde_json reads it.
    #[test]
    fn values_come_out_as_they_went_in(values in proptest::collection::vec(proptest::option::of(any::<String>()), 1..20)) {
        let files = Files::new();
        let text: String = values.iter().enumerate().map(|(offset, value)| {
            serde_json::json!({"topic": "t", "partition": 0, "offset": offset, "key": "k", "value": value}).to_string() + "\n"
        }).collect();
        let seen = read_all(&[files.add("x", text)]);
        let got: Vec<_> = seen.into_iter().map(|(.., value)| value.map(|value| String::from_utf8(value).unwrap())).collect();
        prop_assert_eq!(got, values);
    }
}
