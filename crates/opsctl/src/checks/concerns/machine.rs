//! This machine: memory, ports, clocks.

use crate::checks::concerns::docker::up;
use crate::checks::facts::Facts;
use crate::checks::finding::{About, Check, Found, Group, Judged};

const MIB: u64 = 1024 * 1024;
/// Of the sum of limits: memory that the machine should have for its own work besides.
const OWN_WORK: u64 = 256 * MIB;
/// Clocks of one machine differ by what it takes to ask; more is another clock.
const CLOCK_APART_MS: i64 = 2_000;
/// Latencies and event times go wrong by this much.
const CLOCK_WRONG_MS: i64 = 30_000;

pub(crate) const CHECKS: &[Check] = &[
    Check { about: &MEMORY, judge: memory },
    Check { about: &PORTS, judge: ports },
    Check { about: &CLOCK, judge: clock },
];

const MEMORY: About = About {
    id: "DOC-HOST-MEMORY",
    group: Group::Machine,
    title: "the machine has the memory that the containers may use",
    symptom: "containers are killed by the kernel although each is below its own limit; everything swaps",
    cause: "the sum of the containers' limits is more than the machine has",
    remedy: "free -h; stop something, or lower the limits (and the heaps with them) in compose/compose.yaml",
    why: "when all containers use what they may, the kernel kills one of them",
    source: "the limits that the containers were made with; MemTotal of the Engine's machine",
};

const PORTS: About = About {
    id: "DOC-PORT-TAKEN",
    group: Group::Machine,
    title: "the ports are free or the stack's own",
    symptom: "Bind for 127.0.0.1:… failed: port is already allocated; bind: address already in use",
    cause: "another program or another container listens there",
    remedy: "stop it, or choose another port by the CDC_…_PORT variables",
    why: "a container that publishes a taken port does not start",
    source: "/proc/net/tcp of this machine, and the other containers' ports",
};

const CLOCK: About = About {
    id: "DOC-CLOCK",
    group: Group::Machine,
    title: "clocks agree",
    symptom: "latencies are negative or too large; windows and certificates are off",
    cause: "the machine of the Engine, or a virtual machine under it, was paused or does not follow a time server",
    remedy: "timedatectl status; sudo systemctl restart systemd-timesyncd (or chrony)",
    why: "latency is Debezium's clock less MySQL's, and windows go by the worker's",
    source: "times told by the Engine and by MySQL, each against this machine's in the middle of the question",
};

fn memory(facts: &Facts) -> Option<Judged> {
    let total = Some(facts.engine.memory_bytes).filter(|bytes| *bytes > 0)?;
    let limits: u64 = if facts.containers.is_empty() {
        facts.files.as_ref()?.services.values().map(|service| service.memory_limit_bytes).sum()
    } else {
        facts.containers.iter().map(|container| container.memory_limit_bytes).sum()
    };
    let judged = Judged::of(format!("limits {} MiB together, machine {} MiB", limits / MIB, total / MIB));
    let too_much = (limits + OWN_WORK > total).then(|| {
        Found::warn("", "the containers may use more memory than the machine has")
            .evidence(format!("limits of {} MiB together on a machine with {} MiB", limits / MIB, total / MIB))
            .remedy(MEMORY.remedy)
    });
    Some(judged.with(too_much))
}

fn ports(facts: &Facts) -> Option<Judged> {
    if facts.engine.remote || facts.files.is_none() {
        return None;
    }
    let taken = facts.host.taken.iter().map(|taken| {
        Found::fail(&taken.service, format!("port {} is taken by {}", taken.port, taken.by))
            .evidence(format!("127.0.0.1:{} for {} is in use by {}", taken.port, taken.service, taken.by))
            .remedy(format!(
                "stop it; or {}{} {}",
                port_variable(&taken.service),
                taken.port.wrapping_add(10_000),
                up(facts)
            ))
    });
    Some(Judged::of("ports of services that do not run").with(taken.collect::<Vec<_>>()))
}

/// `kafka-1` → `CDC_KAFKA_1_PORT=`
pub(crate) fn port_variable(service: &str) -> String {
    let name = if service == "kafka-connect" { "connect" } else { service };
    format!("CDC_{}_PORT=", name.to_uppercase().replace('-', "_"))
}

fn clock(facts: &Facts) -> Option<Judged> {
    let engine = facts.engine.clock_ahead_ms.map(|ahead| ("Docker Engine", ahead));
    let mysql = facts.answering_mysql().and_then(|mysql| mysql.clock_ahead_ms).map(|ahead| ("mysql", ahead));
    let clocks: Vec<(&str, i64)> = engine.into_iter().chain(mysql).collect();
    if clocks.is_empty() {
        return None;
    }
    let words: Vec<String> = clocks.iter().map(|(who, ahead)| format!("{who} {ahead:+} ms")).collect();
    let apart = clocks.iter().filter(|(_, ahead)| ahead.abs() > CLOCK_APART_MS).map(|(who, ahead)| {
        let what = format!(
            "the clock of {who} is {:.1} s {} of this machine's",
            ahead.abs() as f64 / 1000.0,
            if *ahead > 0 { "ahead" } else { "behind" }
        );
        let found = if ahead.abs() > CLOCK_WRONG_MS { Found::fail(*who, what) } else { Found::warn(*who, what) };
        found.evidence(format!("{who} {ahead:+} ms")).remedy(CLOCK.remedy)
    });
    Some(Judged::of(words.join(", ")).with(apart.collect::<Vec<_>>()))
}
