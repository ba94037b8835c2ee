//! By how much this process grows.

use std::fs;

/// From now on the peak is that of what comes; gives what is resident now.
pub(crate) fn forget_peak() -> u64 {
    fs::write("/proc/self/clear_refs", "5").expect("our own memory");
    bytes("VmRSS:")
}

/// Most memory resident since then.
pub(crate) fn peak() -> u64 {
    bytes("VmHWM:")
}

fn bytes(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("our own status");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of it");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}
