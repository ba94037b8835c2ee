//! What `--fix` may do, as data: the plan that is printed is the list that is carried out, and nothing here deletes.

use std::fmt;

/// One repair.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Fix {
    /// Connect's internal topics: made, given copies, compacted; in place.
    InternalTopics,
    /// Copies of another topic's partitions are added.
    RaiseFactor { topic: String },
    /// A topic is given a setting; its records stay.
    TopicSetting { topic: String, setting: &'static str, value: &'static str },
    /// A directory of a volume is given to the user that writes there.
    GiveVolume { service: String, path: String, uid: u32, gid: u32 },
    /// ZooKeeper is told the id that the brokers' data has.
    ClusterId { id: String },
    /// Lines that compose.yaml lacks are put there.
    ComposeLines { service: String, block: ComposeBlock },
    /// MySQL's variable, for sessions from now on.
    MySqlVariable { name: &'static str, value: &'static str },
    /// Rights that the connector's user lacks.
    Grant { user: String, rights: Vec<String> },
    /// The connector's user gets the password that the secret has.
    MySqlPassword { user: String },
    /// A container that does not run is started.
    Start { service: String },
    /// A worker without container.
    StartWorker,
    /// A connector gets the configuration of its file, or is registered.
    ApplyConnector { connector: String },
    /// What failed of a connector is restarted.
    RestartFailed { connector: String },
}

/// What can be missing from a service in compose.yaml.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ComposeBlock {
    HealthCheck,
    DependsOn,
    Volumes,
}

impl Fix {
    /// Smaller comes first: what others stand on before what stands on it.
    pub(crate) const fn order(&self) -> u8 {
        match self {
            Self::ComposeLines { .. } => 0,
            Self::GiveVolume { .. } => 1,
            Self::ClusterId { .. } => 2,
            Self::Start { .. } => 3,
            Self::MySqlVariable { .. } | Self::Grant { .. } | Self::MySqlPassword { .. } => 4,
            Self::InternalTopics | Self::RaiseFactor { .. } | Self::TopicSetting { .. } => 5,
            Self::ApplyConnector { .. } => 7,
            Self::RestartFailed { .. } => 8,
            Self::StartWorker => 9,
        }
    }
}

impl fmt::Display for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InternalTopics => f.write_str("Connect's internal topics: make what is missing, raise the replication factor to 3, set cleanup.policy=compact; in place, nothing is deleted"),
            Self::RaiseFactor { topic } => write!(f, "{topic}: raise the replication factor to 3, in place"),
            Self::TopicSetting { topic, setting, value } => write!(f, "{topic}: set {setting}={value}"),
            Self::GiveVolume { service, path, uid, gid } => write!(f, "{service}: give {path} to {uid}:{gid}, and start it again"),
            Self::ClusterId { id } => write!(f, "ZooKeeper: set the cluster id to {id}, which the brokers' data has, and start the brokers again"),
            Self::ComposeLines { service, block } => write!(f, "compose/compose.yaml: give {service} its {}; takes effect with opsctl up", block.name()),
            Self::MySqlVariable { name, value } => write!(f, "MySQL: SET GLOBAL {name} = {value}, until its next start"),
            Self::Grant { user, rights } => write!(f, "MySQL: grant {} to {user}", rights.join(", ")),
            Self::MySqlPassword { user } => write!(f, "MySQL: give {user} the password that the secret mysql.properties has"),
            Self::Start { service } => write!(f, "start {service}"),
            Self::StartWorker => f.write_str("start the worker"),
            Self::ApplyConnector { connector } => write!(f, "connector {connector}: give it the configuration of its file"),
            Self::RestartFailed { connector } => write!(f, "connector {connector}: restart what failed"),
        }
    }
}

impl ComposeBlock {
    /// As compose.yaml has it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::HealthCheck => "healthcheck",
            Self::DependsOn => "depends_on",
            Self::Volumes => "volumes",
        }
    }
}
