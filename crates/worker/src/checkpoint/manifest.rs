//! The manifest of a checkpoint: what it holds, and a checksum for every file, itself included.
//!
//! It is JSON. Its last field, `manifest_checksum`, is over all bytes before that field, so that no bit of the file can
//! change unseen.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::checksum::{ALGORITHM, Checksum};
use super::hexadecimal;
use crate::epoch::Timeline;
use crate::route::KEY_GROUPS;
use crate::state::{Commit, SinkProgress};
use crate::time::write_rfc3339;

/// Version of the manifest's form.
pub const MANIFEST_FORMAT: u32 = 1;
/// How symbols come into key groups (`route/key_group.rs`): part of the state format.
pub(super) const KEY_GROUP_HASH: &str = "murmur2";
/// No manifest is longer; a checkpoint has tens of files.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// What a checkpoint is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`MANIFEST_FORMAT`].
    pub format: u32,
    /// Version of the worker that made it.
    pub worker: String,
    /// Counts checkpoints of this directory up: the highest is the newest, whatever clocks and timelines say.
    pub sequence: u64,
    /// The history that the state belongs to.
    #[serde(with = "timeline")]
    pub timeline: Timeline,
    /// The epoch at whose end it stands.
    pub epoch: u64,
    /// The clock after that epoch, milliseconds since the Unix epoch.
    pub clock_ms: i64,
    /// The overall watermark, if there is one.
    pub watermark_ms: Option<i64>,
    /// When it was made, milliseconds since the Unix epoch.
    pub created_at_ms: i64,
    /// The same for people.
    pub created_at: String,
    /// Fingerprint of the configuration of the epoch.
    #[serde(with = "hexadecimal")]
    pub config_id: u64,
    /// How many key groups there are.
    pub key_groups: u16,
    /// How symbols come into them.
    pub key_group_hash: String,
    /// Where each partition stands.
    pub partitions: Vec<PartitionPosition>,
    /// How far each sink was.
    pub sinks: Vec<SinkProgress>,
    /// Which checksum the files have.
    pub checksum: String,
    /// The files below `db/`, by path.
    pub files: Vec<FileEntry>,
    /// The sum of their sizes.
    pub total_bytes: u64,
}

/// Where a partition stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionPosition {
    /// The topic's name.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
    /// The offset to read next.
    pub next_offset: i64,
    /// Leader epoch of the last record, −1 where unknown.
    pub leader_epoch: i32,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its path below `db/`.
    pub path: String,
    /// Its length.
    pub size_bytes: u64,
    /// Its checksum.
    pub checksum: Checksum,
}

/// Why a manifest is refused.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is not there.
    #[error("missing: the checkpoint was never completed, or the file was removed")]
    Missing,
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
    /// It is not what was written.
    #[error("damaged: {0}")]
    Damaged(String),
    /// Another version wrote it.
    #[error(
        "format {found}, this worker reads {MANIFEST_FORMAT}: restore it with the worker that made it, and take a \
         savepoint there"
    )]
    Format {
        /// The format found.
        found: u64,
    },
    /// The state has another layout.
    #[error("{found} key groups by {hash}, this worker has {KEY_GROUPS} by {KEY_GROUP_HASH}: use a savepoint instead")]
    KeyGroups {
        /// How many.
        found: u16,
        /// By which hash.
        hash: String,
    },
    /// It is another checkpoint's.
    #[error("of epoch {found}, which is not the one in the directory's name")]
    OtherEpoch {
        /// The epoch found.
        found: u64,
    },
    /// It cannot be put into JSON.
    #[error("manifest: {0}")]
    Encode(serde_json::Error),
}

impl Manifest {
    /// Of a commit's state in these files.
    pub(super) fn of(commit: &Commit, files: Vec<FileEntry>, sequence: u64, created_at_ms: i64) -> Self {
        let mut created_at = Vec::new();
        write_rfc3339(created_at_ms, &mut created_at);
        let position = |progress: &crate::state::PartitionProgress| PartitionPosition {
            topic: progress.topic.clone(),
            partition: progress.partition,
            next_offset: progress.next_offset,
            leader_epoch: progress.leader_epoch,
        };
        Self {
            format: MANIFEST_FORMAT,
            worker: env!("CARGO_PKG_VERSION").to_owned(),
            sequence,
            timeline: commit.timeline,
            epoch: commit.epoch,
            clock_ms: commit.clock_ms,
            watermark_ms: commit.watermark_ms,
            created_at_ms,
            created_at: String::from_utf8_lossy(&created_at).into_owned(),
            config_id: commit.config_id,
            key_groups: KEY_GROUPS,
            key_group_hash: KEY_GROUP_HASH.to_owned(),
            partitions: commit.partitions.iter().map(position).collect(),
            sinks: commit.sinks.clone(),
            checksum: ALGORITHM.to_owned(),
            total_bytes: files.iter().map(|file| file.size_bytes).sum(),
            files,
        }
    }

    /// The file's content.
    pub(super) fn encode(&self) -> Result<Vec<u8>, ManifestError> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(ManifestError::Encode)?;
        // The closing brace goes, and comes back behind the last field.
        bytes.truncate(bytes.trim_ascii_end().len().saturating_sub(1));
        bytes.truncate(bytes.trim_ascii_end().len());
        let checksum = Checksum::of(&bytes);
        bytes.extend_from_slice(suffix(checksum).as_bytes());
        Ok(bytes)
    }

    /// Reads a file's content.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, ManifestError> {
        let damaged = |what: &str| ManifestError::Damaged(what.to_owned());
        let format = |bytes| serde_json::from_slice::<Format>(bytes).ok().map(|it| it.format);
        let intact = bytes.len().checked_sub(suffix(Checksum::of(b"")).len()).and_then(|at| bytes.split_at_checked(at));
        let intact = intact.is_some_and(|(body, end)| end == suffix(Checksum::of(body)).as_bytes());
        // A later version may have another checksum: its number is worth more than "damaged".
        match format(bytes) {
            Some(found) if found != u64::from(MANIFEST_FORMAT) => return Err(ManifestError::Format { found }),
            _ if !intact => return Err(damaged("its content does not match its own checksum")),
            _ => {}
        }
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|error| ManifestError::Damaged(error.to_string()))?;
        if manifest.key_groups != KEY_GROUPS || manifest.key_group_hash != KEY_GROUP_HASH {
            return Err(ManifestError::KeyGroups { found: manifest.key_groups, hash: manifest.key_group_hash });
        }
        if manifest.checksum != ALGORITHM {
            return Err(damaged("its files have a checksum that format 1 does not know"));
        }
        Ok(manifest)
    }

    /// Reads a file.
    pub(super) fn read(path: &Path) -> Result<Self, ManifestError> {
        let length = match fs::metadata(path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(ManifestError::Missing),
            Err(error) => return Err(ManifestError::Unreadable(error)),
        };
        if length > MAX_BYTES {
            return Err(ManifestError::Damaged(format!("{length} bytes, more than any manifest has")));
        }
        Self::decode(&fs::read(path).map_err(ManifestError::Unreadable)?)
    }
}

/// What stands behind the bytes that the checksum is over.
fn suffix(checksum: Checksum) -> String {
    format!(",\n  \"manifest_checksum\": \"{checksum}\"\n}}\n")
}

#[derive(Deserialize)]
struct Format {
    format: u64,
}

/// A timeline's number as [`hexadecimal`].
pub(super) mod timeline {
    use serde::{Deserializer, Serializer};

    use super::hexadecimal;
    use crate::epoch::Timeline;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(in super::super) fn serialize<S: Serializer>(timeline: &Timeline, serializer: S) -> Result<S::Ok, S::Error> {
        hexadecimal::serialize(&timeline.0, serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timeline, D::Error> {
        hexadecimal::deserialize(deserializer).map(Timeline)
    }
}
