//! What the doctor saw: plain data, without secrets, that can be kept as JSON and judged again later.
//!
//! A group that is absent could not be looked at, or there was nothing to look at; `unseen` says why.

mod analytics;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use analytics::{ClickHouse, Grafana, StoreDisk, Table};

use crate::clients::connect::{Settings, Status};
use crate::clients::kafka::Cluster;

/// Stands where a secret stood.
pub(crate) const HIDDEN: &str = "(hidden)";

/// Everything that was seen of a stack at one moment.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Facts {
    pub(crate) project: String,
    /// When looking began, in milliseconds since the Unix epoch.
    pub(crate) at_ms: i64,
    pub(crate) engine: Engine,
    pub(crate) host: Host,
    /// What Compose's files say; none if Compose could not be asked.
    pub(crate) files: Option<Files>,
    pub(crate) containers: Vec<Container>,
    /// Other projects' containers, as far as they matter.
    pub(crate) others: Vec<Other>,
    pub(crate) kafka: Option<Kafka>,
    pub(crate) connect: Option<Connect>,
    /// What `connectors/` wants, by name.
    pub(crate) wanted: BTreeMap<String, Settings>,
    pub(crate) mysql: Option<MySql>,
    pub(crate) workers: Vec<Worker>,
    /// None where its container does not run.
    pub(crate) clickhouse: Option<ClickHouse>,
    pub(crate) grafana: Option<Grafana>,
    pub(crate) names: Vec<Name>,
    /// The topics that ZooKeeper knows; asked only where a broker says that its cluster is another.
    pub(crate) zookeeper_topics: Option<Vec<String>>,
    pub(crate) unseen: Vec<Unseen>,
}

/// Something that could not be looked at.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Unseen {
    pub(crate) what: String,
    pub(crate) why: String,
}

/// Docker Engine and Compose.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Engine {
    /// Why it does not answer, with the remedy; none if it does.
    pub(crate) unreachable: Option<(String, String)>,
    pub(crate) version: String,
    /// Not this machine's own: ports, disks and memory of this machine say nothing then.
    pub(crate) remote: bool,
    pub(crate) memory_bytes: u64,
    /// Its clock less ours, in milliseconds.
    pub(crate) clock_ahead_ms: Option<i64>,
    /// Compose's version, or why there is none.
    pub(crate) compose: Option<std::result::Result<String, String>>,
}

/// This machine.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Host {
    pub(crate) memory_available_bytes: Option<u64>,
    pub(crate) disks: Vec<Disk>,
    /// Ports of services that do not run, and who has them.
    pub(crate) taken: Vec<Taken>,
}

/// Room on a file system.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Disk {
    pub(crate) path: String,
    pub(crate) size_bytes: u64,
    pub(crate) free_bytes: u64,
}

/// A port that somebody else has.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Taken {
    pub(crate) port: u16,
    pub(crate) service: String,
    pub(crate) by: String,
}

/// Compose's files, laid over each other.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Files {
    pub(crate) services: BTreeMap<String, Described>,
}

/// A service as the files describe it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Described {
    pub(crate) image: String,
    pub(crate) memory_limit_bytes: u64,
    pub(crate) has_health_check: bool,
    /// Service → condition.
    pub(crate) depends_on: BTreeMap<String, String>,
    /// Directories inside that lie on named volumes.
    pub(crate) volumes: Vec<String>,
    pub(crate) environment: BTreeMap<String, String>,
}

/// A container of the stack.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Container {
    pub(crate) service: String,
    pub(crate) name: String,
    pub(crate) is_worker: bool,
    pub(crate) image: String,
    /// `created`, `running`, `paused`, `restarting`, `exited`, …
    pub(crate) state: String,
    pub(crate) health: Option<String>,
    /// What the last health check said.
    pub(crate) health_output: String,
    pub(crate) has_health_check: bool,
    pub(crate) exit_code: i64,
    /// What Docker says about a start that did not come about.
    pub(crate) error: String,
    pub(crate) oom_killed: bool,
    pub(crate) restarts: i64,
    pub(crate) started_ms: Option<i64>,
    pub(crate) memory_limit_bytes: u64,
    pub(crate) environment: BTreeMap<String, String>,
    /// Of the user it runs as: uid, gid.
    pub(crate) user: Option<(u32, u32)>,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) published: Vec<Published>,
    /// Service → condition.
    pub(crate) depends_on: BTreeMap<String, String>,
    /// The telling lines of its log, oldest first.
    pub(crate) log: Vec<LogLine>,
    pub(crate) disks: Vec<Disk>,
    /// A broker's own: from `meta.properties`.
    pub(crate) stored_cluster_id: Option<String>,
}

/// Something mounted into a container.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Mount {
    /// `volume`, `bind`, `tmpfs`.
    pub(crate) kind: String,
    /// A volume's name, or the path on the host.
    pub(crate) source: String,
    pub(crate) inside: String,
    pub(crate) writable: bool,
    /// A volume that Compose does not know by name: `down` leaves it behind.
    pub(crate) nameless: bool,
    /// The directory and those in it that must be written: path, uid, gid, mode.
    pub(crate) owners: Vec<Owner>,
}

/// To whom a directory belongs.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Owner {
    pub(crate) path: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) mode: u32,
}

/// A port of a container on the host.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Published {
    pub(crate) inside: u16,
    pub(crate) address: String,
    pub(crate) port: u16,
}

/// A line of a container's log.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct LogLine {
    pub(crate) at_ms: i64,
    pub(crate) text: String,
}

/// A container that is not the stack's.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Other {
    pub(crate) name: String,
    pub(crate) project: String,
    pub(crate) image: String,
    pub(crate) has_docker_socket: bool,
}

/// Brokers and topics.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Kafka {
    /// Services whose brokers answer, with how many brokers each knows.
    pub(crate) answering: BTreeMap<String, usize>,
    /// None if no broker answers.
    pub(crate) cluster: Option<Cluster>,
    /// Topic → setting → value.
    pub(crate) settings: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) transaction_max_timeout_ms: Option<i64>,
}

/// Kafka Connect.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Connect {
    /// Why it does not answer; none if it does.
    pub(crate) silent: Option<String>,
    pub(crate) version: String,
    /// Class → version of the connectors that it could run.
    pub(crate) plugins: BTreeMap<String, String>,
    pub(crate) connectors: Vec<Connector>,
}

/// A connector that Connect has.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Connector {
    pub(crate) name: String,
    /// Secrets hidden.
    pub(crate) settings: Settings,
    pub(crate) status: Option<Status>,
    /// The binlog file that it reads, as Connect keeps it.
    pub(crate) binlog_file: Option<String>,
    /// Whether Connect told, be it that there is none.
    #[serde(default)]
    pub(crate) offset_known: bool,
}

/// MySQL, asked from inside its container.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct MySql {
    /// What it said instead of answering.
    pub(crate) refused: Option<String>,
    pub(crate) version: String,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) binlogs: Vec<String>,
    /// The user that Debezium reads as.
    pub(crate) user: String,
    /// `GRANT …` lines of that user; none if there is no such user.
    pub(crate) grants: Option<Vec<String>>,
    /// What MySQL says to that user with the secret's password; none if it lets it in.
    pub(crate) login_refused: Option<String>,
    /// Its clock less ours, in milliseconds.
    pub(crate) clock_ahead_ms: Option<i64>,
}

/// A worker, by its own account.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Worker {
    pub(crate) name: String,
    pub(crate) alive: bool,
    /// None once it is ready; else what it waits for.
    pub(crate) waits_for: Option<String>,
    pub(crate) accounting: Option<Value>,
    /// Its topic.
    pub(crate) topic: String,
    /// Records behind, at the first look and a moment later.
    pub(crate) lag_records: Option<(i64, i64)>,
    /// Between these two looks.
    pub(crate) looked_apart_ms: i64,
    /// What it committed in between.
    pub(crate) committed_records: Option<i64>,
    /// When its newest checkpoint was made.
    pub(crate) checkpoint_ms: Option<i64>,
    /// Read since that checkpoint.
    pub(crate) uncheckpointed_records: Option<i64>,
    /// Whether its checkpoints could be listed.
    pub(crate) checkpoints_listed: bool,
    pub(crate) checkpoint_interval_ms: i64,
    /// How long its transactions may last; none if it writes to no topics, or cannot be asked.
    pub(crate) transaction_timeout_ms: Option<i64>,
}

/// A name that a container needs, looked up inside it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Name {
    pub(crate) wanted: String,
    /// The service that needs it.
    pub(crate) needed_by: String,
    pub(crate) resolves: bool,
}

impl Facts {
    /// The container of this service.
    pub(crate) fn container(&self, service: &str) -> Option<&Container> {
        self.containers.iter().find(|container| container.service == service)
    }

    /// The cluster, where a broker answers.
    pub(crate) fn cluster(&self) -> Option<&Cluster> {
        self.kafka.as_ref()?.cluster.as_ref()
    }

    /// Connect, where it answers.
    pub(crate) fn answering_connect(&self) -> Option<&Connect> {
        self.connect.as_ref().filter(|connect| connect.silent.is_none())
    }

    /// MySQL, where it answers.
    pub(crate) fn answering_mysql(&self) -> Option<&MySql> {
        self.mysql.as_ref().filter(|mysql| mysql.refused.is_none())
    }

    /// A topic's setting as it holds.
    pub(crate) fn topic_setting(&self, topic: &str, name: &str) -> Option<&str> {
        self.kafka.as_ref()?.settings.get(topic)?.get(name).map(String::as_str)
    }

    /// The least in-sync replicas with which a topic takes a write.
    pub(crate) fn min_in_sync(&self, topic: &str) -> usize {
        self.topic_setting(topic, "min.insync.replicas").and_then(|text| text.parse().ok()).unwrap_or(1)
    }
}

impl Container {
    /// It runs and is not known to be unwell.
    pub(crate) fn runs(&self) -> bool {
        self.state == "running"
    }

    /// The newest line of its log that this holds for.
    pub(crate) fn last_line(&self, fits: impl Fn(&str) -> bool) -> Option<&LogLine> {
        self.log.iter().rev().find(|line| fits(&line.text))
    }
}
