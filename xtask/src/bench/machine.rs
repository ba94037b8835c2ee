//! What ran where: told beside every number.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::flink;
use crate::broker::java;
use crate::process::ask;

/// The machine, and the versions of what took part.
pub(crate) fn describe(root: &Path) -> Value {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'));
        line.map(|value| value.trim().to_owned())
    };
    let memory_kib = field(&read("/proc/meminfo"), "MemTotal")
        .and_then(|text| text.strip_suffix(" kB").and_then(|kib| kib.parse::<u64>().ok()));
    json!({
        "cpu": field(&read("/proc/cpuinfo"), "model name"),
        "cores": std::thread::available_parallelism().map_or(1, usize::from),
        "memory_mb": memory_kib.map(|kib| kib * 1024 / 1_000_000),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "load_average": read("/proc/loadavg").split_whitespace().next(),
        "worker": first_line(Command::new("git").args(["-C"]).arg(root).args(["describe", "--always", "--dirty"])),
        "rustc": first_line(Command::new("rustc").arg("--version")),
        "java": java().ok().and_then(|java| first_line(Command::new(java).arg("--version"))),
        "kafka": "3.6.2",
        "flink": flink::VERSION,
    })
}

/// How many processes want to run, over the last minute.
pub(crate) fn load_average() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

fn first_line(command: &mut Command) -> Option<String> {
    let output = ask(command).ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then(|| text.lines().next().unwrap_or_default().to_owned())
}
