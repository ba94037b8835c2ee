//! Names in a directory of checkpoints.

use crate::epoch::Timeline;

/// The manifest within a checkpoint.
pub(super) const MANIFEST: &str = "manifest.json";
/// The database's files within a checkpoint.
pub(super) const DATABASE: &str = "db";
/// Being written: nobody's checkpoint yet.
pub(super) const MAKING: &str = ".making-";
/// Being removed: nobody's checkpoint any more. Removing a directory takes many steps, renaming it one.
pub(super) const REMOVING: &str = ".removing-";
/// What every checkpoint's name begins with.
const PREFIX: &str = "chk-";

/// The name of an epoch's checkpoint.
pub(super) fn name(epoch: u64) -> String {
    format!("{PREFIX}{epoch:020}")
}

/// The name where another timeline has an epoch of that number.
pub(super) fn name_in_timeline(epoch: u64, timeline: Timeline) -> String {
    format!("{PREFIX}{epoch:020}-{:016x}", timeline.0)
}

/// The epoch of a checkpoint's name; `None` where it is not such a name.
pub(super) fn epoch_of(name: &str) -> Option<u64> {
    let number = name.strip_prefix(PREFIX)?.split('-').next()?;
    (number.len() == 20).then(|| number.parse().ok()).flatten()
}

/// Whether a name is one that crashed attempts leave behind.
pub(super) fn is_leftover(name: &str) -> bool {
    name.starts_with(MAKING) || name.starts_with(REMOVING)
}
