//! Where checkpoints may stand: on the file system of the state, whose files they link to.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::CheckpointError;

/// Refused where the two directories, which must be there, are on different file systems. The device number decides, then
/// a link is tried: some file systems (overlays, bind mounts of one disk) have one number and no links across.
pub fn same_file_system(state: &Path, checkpoints: &Path) -> Result<(), CheckpointError> {
    let device = |path: &Path| fs::metadata(path).map(|it| it.dev()).map_err(CheckpointError::disk("look at", path));
    let refused = || CheckpointError::FileSystems {
        state: state.display().to_string(),
        checkpoints: checkpoints.display().to_string(),
    };
    if device(state)? != device(checkpoints)? {
        return Err(refused());
    }
    let (from, to) = (state.join(".link-from"), checkpoints.join(".link-to"));
    fs::write(&from, b"").map_err(CheckpointError::disk("write", &from))?;
    // One that a crash left.
    let _absent = fs::remove_file(&to);
    let linked = fs::hard_link(&from, &to);
    let _gone = (fs::remove_file(&from), fs::remove_file(&to));
    match linked {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::CrossesDevices => Err(refused()),
        Err(error) => Err(CheckpointError::disk("link", &to)(error)),
    }
}
