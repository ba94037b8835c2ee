//! What a process has used, as the kernel tells others.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// The kernel counts processor time in these when a process asks about another (`USER_HZ`, the same on every Linux).
const TICKS_PER_SECOND: u64 = 100;

/// User and system time of all threads so far.
pub(crate) fn processor_time(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("{path} cannot be read"))?;
    ticks(&stat)
        .map(|ticks| Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
        .with_context(|| format!("{path}: {stat:?}"))
}

fn ticks(stat: &str) -> Option<u64> {
    // The program's name, in brackets, may hold anything; utime and stime are the 14th and 15th field.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + system)
}

/// Bytes resident now and at most so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// Now.
    pub(crate) resident_bytes: u64,
    /// At most so far.
    pub(crate) peak_bytes: u64,
}

/// What a process has of memory.
pub(crate) fn memory(pid: u32) -> Result<Memory> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("{path} cannot be read"))?;
    let bytes =
        |name: &str| kibibytes(&status, name).map(|kib| kib * 1024).with_context(|| format!("{path}: no {name}"));
    Ok(Memory { resident_bytes: bytes("VmRSS")?, peak_bytes: bytes("VmHWM")? })
}

fn kibibytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_are_read() {
        let stat = "1 (a) b) S 2 3 4 5 6 7 8 9 10 11 150 30 0 0 20 0 1 0";
        assert_eq!(ticks(stat), Some(180));
        let status = "Name:\tx\nVmHWM:\t   2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(
            (kibibytes(status, "VmHWM"), kibibytes(status, "VmRSS"), kibibytes(status, "VmX")),
            (Some(2048), Some(1024), None)
        );
    }

    #[test]
    fn our_own_usage_is_told() {
        let memory = memory(std::process::id()).expect("memory");
        assert!(memory.resident_bytes > 0 && memory.peak_bytes >= memory.resident_bytes, "{memory:?}");
        processor_time(std::process::id()).expect("processor time");
    }
}
