//! The screen: what was seen, for people.

use serde_json::Value;

use crate::commands::connector;
use crate::commands::status::look::{ContainerSeen, Seen, Worker};
use crate::ui::Palette;

const MIB: u64 = 1024 * 1024;
/// Names listed before "and so many more".
const LISTED: usize = 5;

/// All of it.
pub(super) fn show(seen: &Seen, palette: Palette) -> String {
    let mut lines = vec![format!("{}  {:.0}", palette.bold(&seen.project), seen.at)];
    if seen.containers.is_empty() {
        lines.push("no containers: opsctl up".to_owned());
        return lines.join("\n");
    }
    lines.push(String::new());
    lines.push(palette.dim(&format!("{:<14} {:<22} {:>15} {:>9}", "container", "state", "memory MiB", "up")));
    lines.extend(seen.containers.iter().map(|service| container(service, palette)));
    lines.push(String::new());
    lines.extend(kafka(seen, palette));
    match &seen.connectors {
        None => lines.push(format!("connectors  {}", palette.red("Kafka Connect does not answer"))),
        Some(none) if none.is_empty() => {
            lines.push(format!("connectors  {}", palette.yellow("none: opsctl connector register")));
        }
        Some(all) => lines.extend(all.iter().map(|status| format!("connector   {}", connector::line(status, palette)))),
    }
    if seen.workers.is_empty() {
        lines.push(format!("worker      {}", palette.yellow("none: opsctl worker start")));
    }
    lines.extend(seen.workers.iter().flat_map(|one| worker(one, palette)));
    lines.join("\n")
}

fn container(service: &ContainerSeen, palette: Palette) -> String {
    let mut words = service.state.clone();
    if let Some(health) = &service.health {
        words = format!("{words}, {health}");
    }
    if service.restarts > 0 {
        words = format!("{words}, {}×", service.restarts);
    }
    // Padded before it is painted: colours have a length, too.
    let words = format!("{words:<22}");
    let well = service.state == "running" && service.health.as_deref().is_none_or(|health| health == "healthy");
    let words = match (well, service.health.as_deref()) {
        (true, _) => palette.green(&words),
        (false, Some("starting")) => palette.yellow(&words),
        (false, _) => palette.red(&words),
    };
    let memory = match (service.memory_bytes, service.memory_limit_bytes / MIB) {
        (Some(used), 0) => format!("{}", used / MIB),
        (Some(used), limit) => format!("{} / {limit}", used / MIB),
        (None, 0) => "-".to_owned(),
        (None, limit) => format!("- / {limit}"),
    };
    let up = service.up_seconds.map_or_else(|| "-".to_owned(), duration);
    let killed = if service.oom_killed { palette.red("  killed for memory") } else { String::new() };
    format!("{:<14} {words} {memory:>15} {up:>9}{killed}", service.service)
}

fn kafka(seen: &Seen, palette: Palette) -> Vec<String> {
    let kafka = &seen.kafka;
    let brokers = format!("{} of {} brokers", kafka.brokers_answering, kafka.brokers_wanted);
    let brokers =
        if kafka.brokers_answering == kafka.brokers_wanted { palette.green(&brokers) } else { palette.red(&brokers) };
    let mut lines = vec![format!("kafka       {brokers}  {} topics, {} partitions", kafka.topics, kafka.partitions)];
    if !kafka.under_replicated.is_empty() {
        lines.push(format!("            {} {}", palette.yellow("copies behind:"), some(&kafka.under_replicated)));
    }
    if !kafka.offline.is_empty() {
        lines.push(format!("            {} {}", palette.red("without leader:"), some(&kafka.offline)));
    }
    lines
}

fn worker(worker: &Worker, palette: Palette) -> Vec<String> {
    let state = match &worker.waits_for {
        None => palette.green("ready"),
        Some(words) => palette.yellow(words),
    };
    let address = worker.address.as_deref().unwrap_or("-");
    let mut lines = vec![format!("{:<11} {state}  {address}", worker.name)];
    let mut facts = Vec::new();
    facts.extend(worker.records_per_second.map(|rate| format!("{rate:.0} records/s")));
    facts.extend(worker.lag_records.map(|lag| format!("lag {lag}")));
    if let Some(accounting) = &worker.accounting {
        let count = |name: &str| accounting.get(name).map(sum);
        let named = [("consumed", "consumed"), ("applied", "applied"), ("duplicate", "duplicates"), ("late", "late")];
        facts.extend(named.iter().filter_map(|(name, word)| Some(format!("{} {word}", count(name)?))));
        facts.extend(count("dead_letter").map(|dead| {
            let words = format!("{dead} dead letters");
            if dead == 0 { words } else { palette.red(&words) }
        }));
        facts.extend(count("alerts").map(|alerts| format!("{alerts} alerts")));
    }
    if !facts.is_empty() {
        lines.push(format!("            {}", facts.join(", ")));
    }
    lines
}

/// A number, or the sum of those in it.
fn sum(value: &Value) -> u64 {
    match value {
        Value::Array(values) => values.iter().map(sum).sum(),
        Value::Object(values) => values.values().map(sum).sum(),
        value => value.as_u64().unwrap_or(0),
    }
}

fn some(names: &[String]) -> String {
    let first = names[..names.len().min(LISTED)].join(", ");
    if names.len() > LISTED { format!("{first} and {} more", names.len() - LISTED) } else { first }
}

fn duration(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds @ 3600..86_400 => format!("{} h {:02}", seconds / 3600, seconds % 3600 / 60),
        seconds => format!("{} d", seconds / 86_400),
    }
}
