//! What the system says of this process.

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
    fn this_process_uses_something() {
        let used = ProcessUse::now();
        assert!(used.resident_bytes > 1 << 20 && used.threads >= 1 && used.cpu_seconds > 0.0, "{used:?}");
    }
}
