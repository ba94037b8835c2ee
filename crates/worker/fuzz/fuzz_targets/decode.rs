//! Whatever the bytes: the decoder does not panic, and it agrees with the second reading, which asks `serde_json`.
//!
//! Inputs begin as recorded messages, which the mutator plants in the corpus by itself.
#![no_main]

use std::cell::RefCell;
use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use serde_json::Value;
use worker::decode::{DecodeSettings, Decoder};
use worker::{decimal, decode, event};

#[path = "../../src/decode/second_reading.rs"]
mod second_reading;

/// One mutation in so many starts from a recorded message.
const FRESH_START: u32 = 256;

static SETTINGS: LazyLock<DecodeSettings> = LazyLock::new(DecodeSettings::default);
static RECORDED: LazyLock<Vec<Vec<u8>>> = LazyLock::new(recorded);

thread_local! {
    /// Has seen every input before this one.
    static USED: RefCell<Decoder> = RefCell::new(Decoder::new(SETTINGS.clone()));
}

fuzz_target!(|data: &[u8]| {
    // With its feature `raw_value` serde_json gives one key a meaning of its own; the decoder does not.
    if data.windows(11).any(|window| window == b"$serde_json") {
        return;
    }
    let expected = second_reading::read(Some(data), &SETTINGS);
    let decoded = USED.with_borrow_mut(|decoder| decoder.decode(Some(data)));
    assert_eq!(decoded, Decoder::new(SETTINGS.clone()).decode(Some(data)), "what was seen before shows");
    assert_eq!(second_reading::of_decoded(decoded), expected);
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut size = size;
    if seed % FRESH_START == 0 {
        let fitting: Vec<_> = RECORDED.iter().filter(|message| message.len() <= max_size).collect();
        if let Some(message) = fitting.get((seed / FRESH_START) as usize % fitting.len().max(1)) {
            size = message.len();
            data[..size].copy_from_slice(message);
        }
    }
    fuzzer_mutate(data, size, max_size)
});

/// The values of the recordings, one of each length.
fn recorded() -> Vec<Vec<u8>> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/fixtures");
    let mut files: Vec<_> =
        std::fs::read_dir(&fixtures).into_iter().flatten().flatten().map(|file| file.path()).collect();
    files.sort();
    let mut messages = std::collections::BTreeMap::new();
    for path in files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "ndjson")) {
        for line in std::fs::read_to_string(path).unwrap_or_default().lines() {
            let record: Value = serde_json::from_str(line).unwrap_or_default();
            if let Some(value) = record["value"].as_str() {
                messages.entry(value.len()).or_insert_with(|| value.as_bytes().to_vec());
            }
        }
    }
    messages.into_values().collect()
}
