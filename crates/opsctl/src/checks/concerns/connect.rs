//! Kafka Connect itself: does it answer, can it store, was it told what was meant.

use std::collections::BTreeMap;

use crate::checks::concerns::docker::{command, up};
use crate::checks::concerns::replicas::takes_writes;
use crate::checks::facts::Facts;
use crate::checks::finding::{About, Check, Found, Group, Judged};
use crate::checks::internal_topics::WANTED;

const SERVICE: &str = "kafka-connect";
/// A complaint older than this is over: ten a second were seen while it lasts.
const RECENT_MS: i64 = 30_000;
/// Variables that Debezium's image hands on only with the prefix.
const NEED_PREFIX: [&str; 6] = [
    "CONFIG_STORAGE_REPLICATION_FACTOR",
    "OFFSET_STORAGE_REPLICATION_FACTOR",
    "STATUS_STORAGE_REPLICATION_FACTOR",
    "OFFSET_STORAGE_PARTITIONS",
    "STATUS_STORAGE_PARTITIONS",
    "CONNECTOR_CLIENT_CONFIG_OVERRIDE_POLICY",
];

pub(crate) const CHECKS: &[Check] = &[
    Check { about: &SILENT, judge: silent },
    Check { about: &ENV, judge: environment },
    Check { about: &STUCK, judge: stuck },
];

const SILENT: About = About {
    id: "DOC-CONNECT-SILENT",
    group: Group::Connect,
    title: "Kafka Connect answers",
    symptom: "its REST API does not answer, or with a time-out",
    cause: "it is starting, has not joined its group, or waits for brokers or its internal topics",
    remedy: "opsctl logs kafka-connect; opsctl up",
    why: "connectors can be neither seen nor changed",
    source: "GET /connectors, which goes through the thread that does the work",
};

const ENV: About = About {
    id: "DOC-CONNECT-ENV",
    group: Group::Connect,
    title: "Connect's variables have the prefix that its image hands on",
    symptom: "internal topics have one copy although CONFIG_STORAGE_REPLICATION_FACTOR=3 is set; NOT_ENOUGH_REPLICAS for ever",
    cause: "debezium/connect writes only variables that begin with CONNECT_ into its properties; the sample file's replication.factor=1 stays",
    remedy: "in compose/compose.yaml: CONNECT_CONFIG_STORAGE_REPLICATION_FACTOR, CONNECT_OFFSET_…, CONNECT_STATUS_…; then opsctl up",
    why: "topics that Connect makes get one copy, and take no writes under min.insync.replicas=2",
    source: "debezium/container-images connect-base/2.5/docker-entrypoint.sh and issue #98; the cause of the original pipeline's notes, 7.4",
};

const STUCK: About = About {
    id: "DOC-CONNECT-STUCK",
    group: Group::Connect,
    title: "Connect can store what it must",
    symptom: "all looks well: healthy, GET /connectors 200, RUNNING; yet POST and PUT time out, and offsets are not stored",
    cause: "its internal topics take no writes: too few copies, or too few brokers",
    remedy: "what it follows from; Connect recovers within a second and carries out what it was asked meanwhile",
    why: "a restart would repeat everything since the last offset that was stored",
    source: "provoked here: POST answers 500 after 90 s and is carried out once the copies are there",
};

fn silent(facts: &Facts) -> Option<Judged> {
    let connect = facts.connect.as_ref()?;
    // Where its container does not run, that is the finding.
    facts.container(SERVICE).filter(|container| container.runs())?;
    let found = connect.silent.as_ref().map(|why| {
        Found::fail(SERVICE, "Kafka Connect does not answer").evidence(why).remedy(command(facts, "logs kafka-connect"))
    });
    Some(Judged::of(format!("GET /connectors of Connect {}", connect.version)).with(found))
}

fn environment(facts: &Facts) -> Option<Judged> {
    let given: &BTreeMap<String, String> = match facts.container(SERVICE) {
        Some(container) => &container.environment,
        None => &facts.files.as_ref()?.services.get(SERVICE)?.environment,
    };
    let lost: Vec<&str> = NEED_PREFIX
        .into_iter()
        .filter(|name| given.contains_key(*name) && !given.contains_key(&format!("CONNECT_{name}")))
        .collect();
    let factor_unset = ["CONFIG", "OFFSET", "STATUS"]
        .iter()
        .any(|kind| !given.contains_key(&format!("CONNECT_{kind}_STORAGE_REPLICATION_FACTOR")));
    let found = (!lost.is_empty()).then(|| {
        let right: Vec<String> = lost.iter().map(|name| format!("CONNECT_{name}")).collect();
        Found::fail(SERVICE, format!("Connect's image ignores {}", lost.join(", ")))
            .evidence(
                lost.iter()
                    .map(|name| format!("{name}={}", given.get(*name).map_or("", String::as_str)))
                    .collect::<Vec<_>>()
                    .join(", "),
            )
            .remedy(format!("in compose/compose.yaml: {}; then {}", right.join(", "), up(facts)))
    });
    let unset = (factor_unset && lost.is_empty()).then(|| {
        Found::warn(SERVICE, "Connect is not told how many copies its topics shall have: it makes one")
            .evidence("CONNECT_{CONFIG,OFFSET,STATUS}_STORAGE_REPLICATION_FACTOR are not all set")
            .remedy(ENV.remedy)
    });
    Some(Judged::of("variables of kafka-connect").with(found).with(unset))
}

fn stuck(facts: &Facts) -> Option<Judged> {
    let container = facts.container(SERVICE).filter(|container| container.runs())?;
    let line = container.last_line(|text| text.contains("NOT_ENOUGH_REPLICAS") && text.contains("_connect-"));
    let recent = line.filter(|line| facts.at_ms - line.at_ms < RECENT_MS);
    let refusing: Vec<&str> =
        WANTED.iter().map(|wanted| wanted.name).filter(|name| takes_writes(facts, name) == Some(false)).collect();
    // The topics tell; the log alone may be of a moment ago. It counts where no broker answers, not where none was asked.
    let silent = facts.kafka.as_ref().is_some_and(|kafka| kafka.cluster.is_none());
    let found = (!refusing.is_empty() || (recent.is_some() && silent)).then(|| {
        Found::fail(SERVICE, "Connect cannot store configurations, offsets or states; it says RUNNING all the same")
            .evidence(if refusing.is_empty() { String::new() } else { format!("no writes to {}", refusing.join(", ")) })
            .evidence(recent.map_or_else(String::new, |line| format!("log: {}", line.text)))
            .remedy(format!("{}; {}", up(facts), command(facts, "doctor --fix")))
    });
    Some(Judged::of("Connect's log and its three topics").with(found))
}
