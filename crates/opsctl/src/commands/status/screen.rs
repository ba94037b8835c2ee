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
    let whole = kafka.partitions > 0 && kafka.under_replicated.is_empty() && kafka.offline.is_empty();
    let in_sync = if whole { ", all copies up to date" } else { "" };
    let (topics, partitions) = (kafka.topics, kafka.partitions);
    let mut lines = vec![format!("kafka       {brokers}  {topics} topics, {partitions} partitions{in_sync}")];
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
    let mut head = vec![state];
    head.extend(worker.address.clone());
    head.extend(worker.parallelism.map(|number| format!("parallelism {number}")));
    let mut lines = vec![format!("{:<11} {}", worker.name, head.join("  "))];
    lines.extend(
        [rates(worker), counts(worker, palette)]
            .into_iter()
            .filter(|facts| !facts.is_empty())
            .map(|facts| format!("            {}", facts.join(", "))),
    );
    lines.extend(worker.last_checkpoint.as_ref().map(|last| {
        let age = duration(last.age_seconds);
        format!("            last checkpoint {age} ago, {} KiB in {} ms", last.bytes.div_ceil(1024), last.duration_ms)
    }));
    lines.extend(worker.problems.iter().map(|problem| format!("            {}", palette.red(problem))));
    lines
}

fn rates(worker: &Worker) -> Vec<String> {
    let mut facts = Vec::new();
    facts.extend(worker.records_per_second.map(|rate| format!("{rate:.0} records/s")));
    facts.extend(worker.alerts_per_second.map(|rate| format!("{rate:.0} alerts/s")));
    facts.extend(worker.lag_records.map(|lag| format!("lag {lag}")));
    facts.extend(worker.latency_p99_ms.map(|latency| format!("latency p99 {latency} ms")));
    facts
}

fn counts(worker: &Worker, palette: Palette) -> Vec<String> {
    let Some(accounting) = &worker.accounting else { return Vec::new() };
    let count = |name: &str| accounting.get(name).map(sum);
    let named = [("consumed", "consumed"), ("applied", "applied"), ("duplicate", "duplicates"), ("late", "late")];
    let mut facts: Vec<String> =
        named.iter().filter_map(|(name, word)| Some(format!("{} {word}", count(name)?))).collect();
    facts.extend(count("dead_letter").map(|dead| {
        let words = format!("{dead} dead letters");
        if dead == 0 { words } else { palette.red(&words) }
    }));
    facts.extend(count("alerts").map(|alerts| format!("{alerts} alerts")));
    facts
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::Color;
    use crate::clients::connect::{Running, Status};
    use crate::commands::status::look::{CheckpointSeen, Kafka};

    fn service(name: &str, health: Option<&str>, used_mib: Option<u64>, limit_mib: u64) -> ContainerSeen {
        ContainerSeen {
            service: name.to_owned(),
            state: if used_mib.is_some() { "running" } else { "exited" }.to_owned(),
            health: health.map(str::to_owned),
            restarts: 0,
            oom_killed: false,
            memory_bytes: used_mib.map(|mib| mib * MIB),
            memory_limit_bytes: limit_mib * MIB,
            started_at: None,
            up_seconds: used_mib.map(|_| 4000),
        }
    }

    fn seen() -> Seen {
        let running =
            |id, state: &str| Running { id, state: state.to_owned(), worker_id: String::new(), trace: String::new() };
        let orders = Status {
            name: "orders".into(),
            connector: running(None, "RUNNING"),
            tasks: vec![running(Some(0), "RUNNING")],
        };
        Seen {
            project: "cdc-pipeline".to_owned(),
            at: "2026-11-27T03:40:40Z".parse().expect("a time"),
            containers: vec![
                service("kafka-1", Some("healthy"), Some(190), 768),
                service("mysql", Some("healthy"), Some(273), 1024),
                service("worker", Some("healthy"), Some(9), 256),
            ],
            kafka: Kafka { brokers_answering: 3, brokers_wanted: 3, topics: 7, partitions: 60, ..Kafka::default() },
            connectors: Some(vec![orders]),
            workers: vec![Worker {
                name: "worker".to_owned(),
                address: Some("http://127.0.0.1:8081".to_owned()),
                accounting: Some(json!({"consumed": 1000, "applied": 990, "duplicate": 7, "late": 0, "dead_letter": 0,
                    "ignored": {"tombstone": 3}, "alerts": {"LARGE_ORDER": 4, "HIGH_AMOUNT": 1}})),
                parallelism: Some(2),
                records_per_second: Some(120.4),
                alerts_per_second: Some(0.0),
                lag_records: Some(0),
                latency_p99_ms: Some(41),
                last_checkpoint: Some(CheckpointSeen { age_seconds: 42, duration_ms: 12, bytes: 4097 }),
                ..Worker::default()
            }],
        }
    }

    #[test]
    fn a_stack_that_is_well_is_one_screen() {
        let shown = show(&seen(), Palette::for_stdout(Color::Never));
        let agreed = "\
cdc-pipeline  2026-11-27T03:40:40Z

container      state                       memory MiB        up
kafka-1        running, healthy             190 / 768    1 h 06
mysql          running, healthy            273 / 1024    1 h 06
worker         running, healthy               9 / 256    1 h 06

kafka       3 of 3 brokers  7 topics, 60 partitions, all copies up to date
connector   orders  RUNNING  task 0 RUNNING
worker      ready  http://127.0.0.1:8081  parallelism 2
            120 records/s, 0 alerts/s, lag 0, latency p99 41 ms
            1000 consumed, 990 applied, 7 duplicates, 0 late, 0 dead letters, 5 alerts
            last checkpoint 42 s ago, 5 KiB in 12 ms";
        assert_eq!(shown, agreed);
        assert_eq!(seen().exit(), crate::failure::Exit::Done);
    }

    #[test]
    fn what_is_not_well_stands_where_it_is_looked_for() {
        let mut ill = seen();
        let killed = ContainerSeen { oom_killed: true, ..service("kafka-2", None, None, 768) };
        let again = ContainerSeen { restarts: 3, ..service("kafka-3", Some("unhealthy"), Some(99), 768) };
        ill.containers.extend([killed, again]);
        ill.kafka.brokers_answering = 1;
        ill.kafka.under_replicated = (0..7).map(|number| format!("orders-{number}")).collect();
        ill.kafka.offline = vec!["_connect-configs-0".to_owned()];
        ill.connectors = None;
        let waits = Some("not ready: no partition has been read and committed yet".to_owned());
        let old = Worker { name: "worker".to_owned(), waits_for: waits, ..Worker::default() };
        ill.workers = vec![Worker { problems: vec!["trouble: disk full".to_owned()], ..old }];
        let shown = show(&ill, Palette::for_stdout(Color::Never));
        let agreed = "\
kafka-2        exited                         - / 768         -  killed for memory
kafka-3        running, unhealthy, 3×        99 / 768    1 h 06

kafka       1 of 3 brokers  7 topics, 60 partitions
            copies behind: orders-0, orders-1, orders-2, orders-3, orders-4 and 2 more
            without leader: _connect-configs-0
connectors  Kafka Connect does not answer
worker      not ready: no partition has been read and committed yet
            trouble: disk full";
        assert!(shown.ends_with(agreed), "{shown}");
        assert_eq!(ill.exit(), crate::failure::Exit::Failed);
    }

    #[test]
    fn nothing_there_is_one_line_with_what_to_do() {
        let nothing = Seen { containers: Vec::new(), ..seen() };
        let shown = show(&nothing, Palette::for_stdout(Color::Never));
        assert_eq!(shown, "cdc-pipeline  2026-11-27T03:40:40Z\nno containers: opsctl up");
    }
}
