//! Docker Engine, Compose, this machine.

use std::env;

use jiff::Timestamp;

use crate::checks::facts::{Disk, Engine, Host};
use crate::clients::compose::Compose;
use crate::clients::host;
use crate::commands::doctor::collect::Look;
use crate::failure::Result;

pub(super) async fn engine(look: &Look) -> Result<Engine> {
    let before = Timestamp::now().as_millisecond();
    let info = look.docker.info().await?;
    let after = Timestamp::now().as_millisecond();
    let clock = info.system_time.as_deref().and_then(|time| time.parse::<Timestamp>().ok());
    Ok(Engine {
        unreachable: None,
        version: info.server_version.unwrap_or_default(),
        remote: is_remote(),
        memory_bytes: info.mem_total.unwrap_or_default().unsigned_abs(),
        clock_ahead_ms: clock.map(|time| ahead(time.as_millisecond(), before, after)),
        compose: None,
    })
}

/// A clock that was read between two readings of ours: how far it is off, 0 if it may be right.
pub(super) fn ahead(theirs: i64, before: i64, after: i64) -> i64 {
    if theirs > after { theirs - after } else { (theirs - before).min(0) }
}

pub(super) async fn compose() -> std::result::Result<String, String> {
    Compose::version().await.map_err(|failure| failure.message)
}

pub(super) async fn host(look: &Look) -> Host {
    if is_remote() {
        return Host::default();
    }
    let root = look.docker.info().await.ok().and_then(|info| info.docker_root_dir);
    let disks = root.and_then(|path| {
        let (size_bytes, free_bytes) = host::room(&path)?;
        Some(Disk { path, size_bytes, free_bytes })
    });
    Host {
        memory_available_bytes: host::memory_available_bytes(),
        disks: disks.into_iter().collect(),
        taken: Vec::new(),
    }
}

/// Whether the Engine runs on another machine than this one.
pub(super) fn is_remote() -> bool {
    env::var("DOCKER_HOST").is_ok_and(|host| {
        !host.is_empty()
            && !host.starts_with("unix://")
            && !host.contains("//127.0.0.1")
            && !host.contains("//localhost")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_within_the_question_is_right() {
        for (theirs, off) in [(100, 0), (110, 0), (105, 0), (90, -10), (130, 20)] {
            assert_eq!(ahead(theirs, 100, 110), off, "{theirs}");
        }
    }
}
