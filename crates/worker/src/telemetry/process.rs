//! What the system says of this process, and of the disk that it writes to.

use std::path::Path;

/// Memory, processor time and open files, as far as `/proc` tells.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProcessUse {
    /// Memory in use (resident), in bytes.
    pub resident_bytes: u64,
    /// Processor time of all threads, user and system, in seconds.
    pub cpu_seconds: f64,
    /// Threads.
    pub threads: u64,
    /// Open files and connections.
    pub open_files: u64,
}

impl ProcessUse {
    /// This process now; zeros where `/proc` is not there.
    pub fn now() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let cpu = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Self {
            resident_bytes: field(&status, "VmRSS:").saturating_mul(1_024),
            cpu_seconds: cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9,
            threads: field(&status, "Threads:"),
            open_files: std::fs::read_dir("/proc/self/fd").map_or(0, |files| files.count() as u64),
        }
    }
}

/// Room on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskRoom {
    /// Bytes that this user may still write.
    pub available_bytes: u64,
    /// Bytes of the whole file system.
    pub size_bytes: u64,
}

impl DiskRoom {
    /// The room on the file system of this path; `None` where it is not there.
    pub fn of(path: &Path) -> Option<Self> {
        let seen = rustix::fs::statvfs(path).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(seen.f_frsize);
        Some(Self { available_bytes: bytes(seen.f_bavail), size_bytes: bytes(seen.f_blocks) })
    }
}

/// The number behind a name at the beginning of a line.
fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_name() {
        let status = "Name:\tworker\nVmRSS:\t   20480 kB\nThreads:\t7\n";
        assert_eq!((field(status, "VmRSS:"), field(status, "Threads:"), field(status, "VmSwap:")), (20_480, 7, 0));
    }

    #[test]
    fn a_disk_has_less_room_than_it_is_large() {
        let room = DiskRoom::of(&std::env::temp_dir()).unwrap();
        assert!(room.size_bytes > 1 << 20 && room.available_bytes <= room.size_bytes, "{room:?}");
        assert_eq!(DiskRoom::of(Path::new("/no/such/place")), None);
    }

    #[test]
    fn this_process_uses_something() {
        let used = ProcessUse::now();
        assert!(used.resident_bytes > 1 << 20 && used.threads >= 1 && used.cpu_seconds > 0.0, "{used:?}");
    }
}
