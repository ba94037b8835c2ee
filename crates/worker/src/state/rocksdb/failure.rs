//! What an error of RocksDB means for whoever asked: may waiting mend it, or is the state damaged?

use std::path::Path;

use rocksdb::{Error, ErrorKind};

use crate::state::StoreError;

/// What RocksDB answered, of the database in `directory`.
pub(super) fn meaning(directory: &Path, error: &Error) -> StoreError {
    of_kind(directory, &error.kind(), error.to_string())
}

fn of_kind(directory: &Path, kind: &ErrorKind, reason: String) -> StoreError {
    let place = directory.display().to_string();
    match kind {
        ErrorKind::Corruption => StoreError::Damaged { place, reason },
        // A file of the database that is not there will not come back by itself.
        ErrorKind::IOError if reason.contains("No such file or directory") => StoreError::Damaged { place, reason },
        ErrorKind::NotSupported | ErrorKind::InvalidArgument | ErrorKind::ColumnFamilyDropped => {
            StoreError::Refused { place, reason }
        }
        _ => StoreError::Unavailable { place, reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &ErrorKind, reason: &str, mends: bool, shown: &str) {
        let meant = of_kind(Path::new("/state/db"), kind, reason.to_owned());
        assert_eq!(meant.may_mend(), mends, "{meant}");
        assert_eq!(meant.to_string(), shown);
    }

    // The texts are RocksDB 11's own (its POSIX environment's).
    #[test]
    fn a_sick_disk_may_mend_and_damage_does_not() {
        check(
            &ErrorKind::IOError,
            "IO error: No space left on device: While appending to file: /state/db/000012.log: No space left on device",
            true,
            "state in /state/db cannot be used: IO error: No space left on device: While appending to file: \
             /state/db/000012.log: No space left on device",
        );
        check(
            &ErrorKind::IOError,
            "IO error: While fdatasync: /state/db/000012.sst: Input/output error",
            true,
            "state in /state/db cannot be used: IO error: While fdatasync: /state/db/000012.sst: Input/output error",
        );
        check(
            &ErrorKind::Corruption,
            "Corruption: block checksum mismatch",
            false,
            "state in /state/db is damaged: Corruption: block checksum mismatch; move that directory aside and restore a \
             checkpoint",
        );
        check(
            &ErrorKind::IOError,
            "IO error: No such file or directory: While open a file for random read: /state/db/000009.sst: \
             No such file or directory",
            false,
            "state in /state/db is damaged: IO error: No such file or directory: While open a file for random read: \
             /state/db/000009.sst: No such file or directory; move that directory aside and restore a checkpoint",
        );
        check(
            &ErrorKind::InvalidArgument,
            "Invalid argument: x",
            false,
            "state in /state/db is refused: Invalid argument: x",
        );
    }
}
