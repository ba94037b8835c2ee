//! The memory that the container gives us: cgroup v2 (`memory.max`) and v1 (`memory.limit_in_bytes`).

use std::path::{Path, PathBuf};

/// From here on a v1 limit means none: the kernel writes the largest number of whole pages.
const NO_LIMIT_BYTES: u64 = 1 << 60;

/// The smallest memory limit of our control group and of those around it, in bytes; `None` where there is none.
///
/// `read` gives a file's text. The path in `/proc/self/cgroup` may be the host's, of which a container sees nothing:
/// levels without a file are passed over, and the mount's root is always asked.
pub(super) fn limit_bytes(read: &dyn Fn(&Path) -> Option<String>) -> Option<u64> {
    let groups = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
    let mut files = files("/sys/fs/cgroup", "/", "memory.max");
    files.extend(self::files("/sys/fs/cgroup/memory", "/", "memory.limit_in_bytes"));
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("0"), Some(""), Some(group)) => {
                files.extend(self::files("/sys/fs/cgroup", group, "memory.max"));
                files.extend(self::files("/sys/fs/cgroup/unified", group, "memory.max"));
            }
            (_, Some(controllers), Some(group)) if controllers.split(',').any(|name| name == "memory") => {
                files.extend(self::files("/sys/fs/cgroup/memory", group, "memory.limit_in_bytes"));
            }
            _ => {}
        }
    }
    let limit = |file: &PathBuf| read(file)?.trim().parse::<u64>().ok().filter(|&bytes| bytes < NO_LIMIT_BYTES);
    files.iter().filter_map(limit).min()
}

/// The file `name` in `group` below `mount` and in every group around it.
fn files(mount: &str, group: &str, name: &str) -> Vec<PathBuf> {
    let is_plain = |part: &&str| !part.is_empty() && *part != "..";
    let mut directory = PathBuf::from(mount);
    let mut files = vec![directory.join(name)];
    for part in group.split('/').filter(is_plain) {
        directory.push(part);
        files.push(directory.join(name));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[(&str, &str)], expected: Option<u64>) {
        let read = |path: &Path| {
            let text = files.iter().find(|(name, _)| Path::new(name) == path);
            text.map(|(_, text)| (*text).to_owned())
        };
        assert_eq!(limit_bytes(&read), expected, "{files:?}");
    }

    #[test]
    fn finds_the_smallest_limit() {
        check(&[], None);
        // v2, in a container with its own view: the group is the root.
        check(&[("/proc/self/cgroup", "0::/\n"), ("/sys/fs/cgroup/memory.max", "268435456\n")], Some(268_435_456));
        check(&[("/proc/self/cgroup", "0::/\n"), ("/sys/fs/cgroup/memory.max", "max\n")], None);
        // v2, on the host: the group around ours is the smaller one.
        check(
            &[
                ("/proc/self/cgroup", "0::/system.slice/worker.service\n"),
                ("/sys/fs/cgroup/system.slice/memory.max", "1000000\n"),
                ("/sys/fs/cgroup/system.slice/worker.service/memory.max", "2000000\n"),
            ],
            Some(1_000_000),
        );
        // v1, in a container: the path is the host's, the file stands at the mount's root.
        check(
            &[
                ("/proc/self/cgroup", "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n"),
                ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "134217728\n"),
            ],
            Some(134_217_728),
        );
        // v1 without a limit.
        check(
            &[
                ("/proc/self/cgroup", "4:memory:/\n"),
                ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ],
            None,
        );
        // Both mounted; v1's own group is limited.
        check(
            &[
                ("/proc/self/cgroup", "4:memory:/a\n0::/a\n"),
                ("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "77\n"),
                ("/sys/fs/cgroup/unified/a/memory.max", "max\n"),
            ],
            Some(77),
        );
        check(&[("/proc/self/cgroup", "nonsense\n"), ("/sys/fs/cgroup/memory.max", "nonsense")], None);
    }
}
