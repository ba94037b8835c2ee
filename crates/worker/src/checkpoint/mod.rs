//! Copies of the state to come back to: checkpoints (hard links, quick, tied to this machine's disk) and savepoints (one
//! portable file).
//!
//! A checkpoint is a directory `chk-<epoch>` with the database's files in `db/` and `manifest.json`, which names each of
//! them with size and checksum. It is written beside, synced, renamed: complete or invisible (I6).

mod checksum;
mod disk;
mod error;
mod files;
mod hexadecimal;
mod layout;
mod listing;
mod manifest;
mod placement;
mod restore;
pub mod savepoint;
mod store;
mod verify;

pub use checksum::Checksum;
pub use disk::{Disk, RealDisk};
pub use error::CheckpointError;
pub use listing::{Listed, list};
pub use manifest::{FileEntry, MANIFEST_FORMAT, Manifest, ManifestError, PartitionPosition};
pub use placement::same_file_system;
pub use restore::{Restored, restore_into};
pub use store::{CheckpointStore, Created};
pub use verify::{FileFault, Newest, Refused, Verified, newest_that_verifies, verify};

#[cfg(test)]
mod tests;
