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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, Host};

    fn id_with(set: &str) -> u64 {
        let read = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
        let host = Host { environment: Vec::new(), read: &read, memory_limit_bytes: None };
        let flags = Flags { set: vec![set.to_owned()], ..Flags::default() };
        config_id(&Values::load(&flags, &host).unwrap())
    }

    #[test]
    fn whether_to_go_on_may_be_changed_while_epochs_are_left_what_they_give_may_not() {
        let before = config_id(&Values::defaults());
        for set in
            ["source.on_recreated_topic=restart", "source.on_lost_records=skip", "parallelism=7", "web.enabled=false"]
        {
            assert_eq!(id_with(set), before, "{set}");
        }
        for set in ["source.table=a.b", "source.snapshot_rows=once", "agg.window_ms=1000"] {
            assert_ne!(id_with(set), before, "{set}");
        }
    }
}
