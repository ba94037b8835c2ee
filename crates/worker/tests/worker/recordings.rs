//! The recordings in `tests/fixtures`, and lines made at test time.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

/// A recording of `tests/fixtures` by its name there.
pub(crate) fn fixture(name: &str) -> PathBuf {
    let path = root().join("tests/fixtures").join(name);
    assert!(path.is_file(), "no such fixture: {}", path.display());
    path
}

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

/// Every recording in `tests/fixtures` but the bulk one, by its name there.
pub(crate) fn all() -> Vec<String> {
    let mut names = Vec::new();
    for folder in ["", "derived/"] {
        for entry in fs::read_dir(root().join("tests/fixtures").join(folder)).expect("the fixtures") {
            let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
            if name.contains(".ndjson") && !name.starts_with("bulk") {
                names.push(format!("{folder}{name}"));
            }
        }
    }
    names.sort();
    assert!(names.len() >= 28, "fixtures are missing: {names:?}");
    names
}

/// The lines of a fixture, unpacked.
pub(crate) fn unpacked(name: &str) -> Vec<u8> {
    let bytes = fs::read(fixture(name)).expect("a readable fixture");
    if !bytes.starts_with(&[0x1F, 0x8B]) {
        return bytes;
    }
    let mut text = Vec::new();
    MultiGzDecoder::new(&bytes[..]).read_to_end(&mut text).expect("whole gzip");
    text
}

/// The clock of the first line that [`line`] makes: 2026-02-12T04:57:02Z, two minutes into a window.
pub(crate) const START_MS: i64 = 1_770_872_222_000;

/// A recording's line up to its value's text, one second after the one before.
pub(crate) fn line_head(offset: i64) -> String {
    let timestamp = START_MS + offset * 1_000;
    format!(
        r#"{{"topic":"cdc.orders_db.orders","partition":0,"offset":{offset},"timestamp":{timestamp},"key":null,"value":""#
    )
}

/// The rest of a recording's line.
pub(crate) const LINE_END: &[u8] = b"\"}\n";

/// A recording's line with a value; bytes as they are inside the quotes.
pub(crate) fn line(offset: i64, value: &[u8]) -> Vec<u8> {
    let mut line = line_head(offset).into_bytes();
    for &byte in value {
        match byte {
            b'"' | b'\\' => line.extend([b'\\', byte]),
            0..0x20 => line.extend(format!("\\u{byte:04x}").bytes()),
            _ => line.push(byte),
        }
    }
    line.extend(LINE_END);
    line
}

/// A Debezium insert whose columns are JSON texts.
pub(crate) fn insert(id: i64, symbol: &str, quantity: &str, price: &str) -> String {
    format!(
        concat!(
            r#"{{"before":null,"after":{{"id":{id},"symbol":{symbol},"side":"BUY","quantity":{quantity},"price":{price},"#,
            r#""status":"NEW"}},"source":{{"ts_ms":{time},"db":"orders_db","table":"orders","file":"mysql-bin.000003","#,
            r#""pos":{pos},"row":0}},"op":"c","ts_ms":{later}}}"#
        ),
        id = id,
        symbol = symbol,
        quantity = quantity,
        price = price,
        time = START_MS + id * 1_000,
        pos = 1_000 + id * 100,
        later = START_MS + id * 1_000 + 4,
    )
}
