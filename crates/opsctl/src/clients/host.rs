//! This machine: free memory, ports in use.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

/// Memory that programs can still have, in bytes: `MemAvailable` of `/proc/meminfo`; none where there is no such file.
pub(crate) fn memory_available_bytes() -> Option<u64> {
    available(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// Size and free bytes of the file system that this path lies on, as everybody may use it.
pub(crate) fn room(path: &str) -> Option<(u64, u64)> {
    let seen = rustix::fs::statvfs(path).ok()?;
    Some((seen.f_blocks * seen.f_frsize, seen.f_bavail * seen.f_frsize))
}

/// Whether somebody has this port of 127.0.0.1.
pub(crate) fn port_is_taken(port: u16) -> bool {
    // The standard library sets SO_REUSEADDR: connections that linger after a close do not count.
    matches!(TcpListener::bind((Ipv4Addr::LOCALHOST, port)), Err(error) if error.kind() == io::ErrorKind::AddrInUse)
}

/// Who listens on this port, as far as this user may know: the program and its process id.
pub(crate) fn listener(port: u16) -> String {
    let found = sockets_listening_on(port).and_then(|inodes| process_with(&inodes));
    found.unwrap_or_else(|| format!("a program of this machine (sudo ss -ltnp 'sport = :{port}')"))
}

/// Inodes of the sockets that listen on the port, from `/proc/net/tcp` and `tcp6` (man 5 `proc_pid_net`).
fn sockets_listening_on(port: u16) -> Option<Vec<String>> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| std::fs::read_to_string(path).unwrap_or_default());
    let inodes: Vec<String> = tables.iter().flat_map(|table| listening(table, port)).collect();
    if inodes.is_empty() { None } else { Some(inodes) }
}

fn listening(table: &str, port: u16) -> Vec<String> {
    let suffix = format!(":{port:04X}");
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    // Columns: number, local address, remote address, state (0A listens), …, the tenth is the inode.
    let rows = rows.filter(|row| row.len() > 9 && row[1].ends_with(&suffix) && row[3] == "0A");
    rows.map(|row| format!("socket:[{}]", row[9])).collect()
}

fn process_with(sockets: &[String]) -> Option<String> {
    for process in std::fs::read_dir("/proc").ok()?.flatten() {
        let Ok(pid) = process.file_name().to_string_lossy().parse::<u32>() else { continue };
        let Ok(files) = std::fs::read_dir(process.path().join("fd")) else { continue };
        let mut links = files.flatten().filter_map(|file| std::fs::read_link(file.path()).ok());
        if links.any(|link| sockets.iter().any(|socket| link.as_os_str() == socket.as_str())) {
            let name = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some(format!("{} (process {pid})", name.trim()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meminfo_is_read() {
        assert_eq!(available("MemTotal: 9 kB\nMemAvailable:   2048 kB\n"), Some(2048 * 1024));
        assert_eq!(available("MemTotal: 9 kB\n"), None);
    }

    #[test]
    fn a_port_in_use_is_seen() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        assert!(port_is_taken(port));
        assert!(
            super::listener(port).contains(&format!("process {}", std::process::id())),
            "{}",
            super::listener(port)
        );
        drop(listener);
        assert!(!port_is_taken(port));
    }
}
