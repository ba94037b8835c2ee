//! The fingerprint of a configuration: what was logged under one is executed again under no other.

use xxhash_rust::xxh3::xxh3_64;

use crate::config::Values;

/// Sections of the configuration that change no result, and so no fingerprint.
const WITHOUT_EFFECT: [&str; 7] = ["log.", "web.", "demo.", "sink.", "kafka.", "epoch.", "state."];

/// Single keys of the same kind. The policies of the source say whether to go on, not how: who has to change one finds
/// logged epochs that are to be executed again.
const KEYS_WITHOUT_EFFECT: [&str; 4] =
    ["parallelism", "summary", "source.on_recreated_topic", "source.on_lost_records"];

/// Fingerprint of the configuration as far as results depend on it.
pub(super) fn config_id(values: &Values) -> u64 {
    let mut text = String::new();
    for entry in values.entries() {
        let matters = !WITHOUT_EFFECT.iter().any(|section| entry.key.starts_with(section))
            && !KEYS_WITHOUT_EFFECT.contains(&entry.key);
        if matters {
            text.push_str(entry.key);
            text.push('=');
            text.push_str(&entry.value.to_string());
            text.push('\n');
        }
    }
    xxh3_64(text.as_bytes())
}
