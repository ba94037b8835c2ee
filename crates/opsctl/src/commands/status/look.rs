//! What `status` shows, gathered from everybody at once. What does not answer is shown as such: it is no error.

use std::time::Duration;

use futures_util::future::{join, join_all, join3};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use crate::clients::connect::Status;
use crate::clients::docker::{Container, Docker};
use crate::clients::kafka::{Cluster, KafkaAdmin};
use crate::clients::worker_page::WorkerPage;
use crate::commands::Session;
use crate::commands::session::{BROKERS, bootstrap};
use crate::commands::worker::PAGE_PORT;
use crate::failure::{Exit, Result};

/// Rates are counted over this time.
const BETWEEN: Duration = Duration::from_secs(1);

/// A stack at one moment.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Seen {
    pub(super) project: String,
    #[serde(serialize_with = "as_text")]
    pub(super) at: Timestamp,
    pub(super) containers: Vec<ContainerSeen>,
    pub(super) kafka: Kafka,
    /// None if Connect does not answer.
    pub(super) connectors: Option<Vec<Status>>,
    pub(super) workers: Vec<Worker>,
}

/// A container and what it uses.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ContainerSeen {
    pub(super) service: String,
    pub(super) state: String,
    pub(super) health: Option<String>,
    pub(super) restarts: i64,
    pub(super) oom_killed: bool,
    pub(super) memory_bytes: Option<u64>,
    pub(super) memory_limit_bytes: u64,
    /// As Docker writes it; none if it does not run.
    pub(super) started_at: Option<String>,
    pub(super) up_seconds: Option<i64>,
}

/// Brokers and partitions.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Kafka {
    pub(super) brokers_answering: usize,
    pub(super) brokers_wanted: usize,
    pub(super) topics: usize,
    pub(super) partitions: usize,
    /// As `topic-partition`: fewer copies up to date than there are.
    pub(super) under_replicated: Vec<String>,
    /// Without a leader: nobody can read or write them.
    pub(super) offline: Vec<String>,
}

/// A worker, by its own account.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Worker {
    pub(super) name: String,
    pub(super) address: Option<String>,
    /// None once it is ready; else what it waits for.
    pub(super) waits_for: Option<String>,
    pub(super) accounting: Option<Value>,
    pub(super) parallelism: Option<u64>,
    /// Records a second, over the last second.
    pub(super) records_per_second: Option<f64>,
    /// Alerts a second.
    pub(super) alerts_per_second: Option<f64>,
    /// Records in Kafka that it has not committed yet.
    pub(super) lag_records: Option<i64>,
    /// From the database to its output; of 99 in 100 events of the last seconds.
    pub(super) latency_p99_ms: Option<u64>,
    pub(super) last_checkpoint: Option<CheckpointSeen>,
    /// What it says is wrong.
    pub(super) problems: Vec<String>,
}

/// The last checkpoint that a worker made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct CheckpointSeen {
    pub(super) age_seconds: i64,
    pub(super) duration_ms: u64,
    pub(super) bytes: u64,
}

impl Seen {
    /// 2 if something does not do its work.
    pub(super) fn exit(&self) -> Exit {
        let down = self.containers.is_empty()
            || self
                .containers
                .iter()
                .any(|service| service.state != "running" || service.health.as_deref() == Some("unhealthy"));
        let kafka = self.kafka.brokers_answering < self.kafka.brokers_wanted || !self.kafka.offline.is_empty();
        let failed = |status: &Status| {
            status.connector.state == "FAILED" || status.tasks.iter().any(|task| task.state == "FAILED")
        };
        let connectors = self.connectors.as_ref().is_none_or(|connectors| connectors.iter().any(failed));
        let workers = self.workers.iter().any(|worker| worker.waits_for.is_some());
        if down || kafka || connectors || workers { Exit::Failed } else { Exit::Done }
    }
}

fn as_text<S: Serializer>(time: &Timestamp, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

/// Asks everybody.
pub(super) async fn at(session: &Session, docker: &Docker) -> Result<Seen> {
    let containers = docker.containers().await?;
    let (services, kafka, (connectors, workers)) = join3(
        join_all(containers.iter().map(|container| service(docker, container))),
        brokers(&containers),
        join(connectors(session, docker), workers(session, &containers)),
    )
    .await;
    Ok(Seen {
        project: session.stack.project.clone(),
        at: Timestamp::now(),
        containers: services,
        kafka,
        connectors,
        workers,
    })
}

async fn service(docker: &Docker, container: &Container) -> ContainerSeen {
    let runs = container.state == "running";
    let (now, started_at) = (Timestamp::now(), container.started_at.filter(|_| runs));
    ContainerSeen {
        service: container.service.clone(),
        state: container.state.clone(),
        health: container.health.clone(),
        restarts: container.restarts,
        oom_killed: container.oom_killed,
        memory_bytes: if runs { docker.memory_bytes(&container.id).await } else { None },
        memory_limit_bytes: container.memory_limit_bytes,
        started_at: started_at.map(|time| time.to_string()),
        up_seconds: started_at.map(|time| now.as_second() - time.as_second()),
    }
}

async fn brokers(containers: &[Container]) -> Kafka {
    let addresses = bootstrap(containers);
    let answering = KafkaAdmin::answering(&addresses).await.len();
    let cluster = KafkaAdmin::of(addresses).cluster().await.unwrap_or_default();
    Kafka { brokers_answering: answering, brokers_wanted: BROKERS.len(), ..partitions(&cluster) }
}

fn partitions(cluster: &Cluster) -> Kafka {
    let mut seen = Kafka { topics: cluster.topics.len(), ..Kafka::default() };
    for topic in &cluster.topics {
        for partition in &topic.partitions {
            seen.partitions += 1;
            let name = format!("{}-{}", topic.name, partition.number);
            if partition.leader.is_none() {
                seen.offline.push(name);
            } else if partition.in_sync.len() < partition.replicas.len() {
                seen.under_replicated.push(name);
            }
        }
    }
    seen
}

async fn connectors(session: &Session, docker: &Docker) -> Option<Vec<Status>> {
    let connect = session.connect(docker).await.ok()?;
    let names = connect.connectors().await.ok()?;
    let mut found = Vec::new();
    for name in names {
        found.extend(connect.status(&name).await.ok().flatten());
    }
    Some(found)
}

async fn workers(session: &Session, containers: &[Container]) -> Vec<Worker> {
    let workers = containers.iter().filter(|container| container.is_worker);
    let admin = KafkaAdmin::of(bootstrap(containers));
    join_all(workers.map(|container| worker(session, container, &admin))).await
}

async fn worker(session: &Session, container: &Container, admin: &KafkaAdmin) -> Worker {
    let port = container.published(PAGE_PORT);
    let page = port.and_then(|port| WorkerPage::on(port, session.stack.worker_token_text()).ok());
    let seen = Worker { name: container.service.clone(), ..Worker::default() };
    let Some(page) = page.filter(|_| container.state == "running") else {
        return Worker { waits_for: Some(format!("it is {}", container.state)), ..seen };
    };
    let seen = Worker { address: Some(page.address().to_owned()), waits_for: page.readiness().await.err(), ..seen };
    match page.status().await {
        Some(status) => by_its_status(seen, &status),
        None => by_counting(seen, &page, admin).await,
    }
}

/// What its page shows, at once.
fn by_its_status(seen: Worker, status: &Value) -> Worker {
    let number = |pointer: &str| status.pointer(pointer).and_then(Value::as_f64);
    let whole = |pointer: &str| status.pointer(pointer).and_then(Value::as_u64);
    let now_ms = status.get("now_ms").and_then(Value::as_i64).unwrap_or_default();
    let last_checkpoint = status.get("last_checkpoint").and_then(|last| {
        let duration_ms = last.get("duration_ms")?.as_u64()?;
        let made_ms = last.get("begun_ms")?.as_i64()? + duration_ms as i64;
        let bytes = last.get("bytes").and_then(Value::as_u64).unwrap_or_default();
        Some(CheckpointSeen { age_seconds: (now_ms - made_ms).max(0) / 1000, duration_ms, bytes })
    });
    let problems = status.get("problems").and_then(Value::as_array).into_iter().flatten();
    Worker {
        accounting: status.get("accounting").cloned(),
        parallelism: whole("/parallelism"),
        records_per_second: number("/sample/records_per_second"),
        alerts_per_second: number("/sample/alerts_per_second"),
        lag_records: whole("/sample/lag_records").map(|lag| lag as i64),
        latency_p99_ms: whole("/sample/latency_p99_ms"),
        last_checkpoint,
        problems: problems.map(problem).collect(),
        ..seen
    }
}

/// `{"kind": "stalled", "partition": 2, "age_ms": 70000}` → `stalled: partition 2, age_ms 70000`
fn problem(told: &Value) -> String {
    let kind = told.get("kind").and_then(Value::as_str).unwrap_or("trouble");
    let details = told.as_object().into_iter().flatten().filter(|(name, _)| *name != "kind");
    let words: Vec<String> = details
        .map(|(name, value)| match value {
            Value::String(text) => text.clone(),
            value => format!("{name} {value}"),
        })
        .collect();
    if words.is_empty() { kind.to_owned() } else { format!("{kind}: {}", words.join(", ")) }
}

/// A worker without such a page: its counts twice, a second apart, beside the partitions' ends.
async fn by_counting(seen: Worker, page: &WorkerPage, admin: &KafkaAdmin) -> Worker {
    let (began, first) = (Instant::now(), page.accounting().await);
    let lag_records = lag(page, admin).await;
    sleep_until(began + BETWEEN).await;
    let accounting = page.accounting().await;
    let consumed = |accounting: &Option<Value>| accounting.as_ref()?.get("consumed")?.as_u64();
    let counted = consumed(&first).zip(consumed(&accounting)).map(|(before, now)| now.saturating_sub(before));
    let records_per_second = counted.map(|records| records as f64 / began.elapsed().as_secs_f64());
    Worker { accounting, records_per_second, lag_records, ..seen }
}

/// What is in the partitions behind what it committed; none if either side does not tell.
async fn lag(page: &WorkerPage, admin: &KafkaAdmin) -> Option<i64> {
    let next = page.next_offsets().await?;
    let mut lag = 0;
    let mut topics: Vec<&String> = next.iter().map(|(topic, _, _)| topic).collect();
    topics.sort();
    topics.dedup();
    for topic in topics {
        let ends = admin.end_offsets(topic).await.ok()?;
        for (number, end) in ends {
            let read = next.iter().find(|(name, partition, _)| name == topic && *partition == number);
            lag += end.saturating_sub(read.map_or(0, |(_, _, offset)| *offset)).max(0);
        }
    }
    Some(lag)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clients::kafka::{Partition, Topic};

    #[test]
    fn a_worker_s_page_is_read() {
        let status = json!({
            "now_ms": 1_795_750_000_000_i64, "parallelism": 2, "accounting": {"consumed": 7},
            "sample": {"records_per_second": 120.5, "alerts_per_second": 2.0, "lag_records": 3, "latency_p99_ms": 41},
            "last_checkpoint": {"begun_ms": 1_795_749_957_900_i64, "duration_ms": 100, "bytes": 2048},
            "problems": [{"kind": "accounting"}, {"kind": "trouble", "reason": "disk full", "since_ms": 5}],
        });
        let seen = by_its_status(Worker::default(), &status);
        assert_eq!((seen.records_per_second, seen.lag_records, seen.parallelism), (Some(120.5), Some(3), Some(2)));
        assert_eq!(seen.last_checkpoint, Some(CheckpointSeen { age_seconds: 42, duration_ms: 100, bytes: 2048 }));
        assert_eq!(seen.problems, ["accounting", "trouble: disk full, since_ms 5"]);
        let young = by_its_status(Worker::default(), &json!({"sample": null, "last_checkpoint": null}));
        assert_eq!((young.last_checkpoint, young.records_per_second, young.problems.len()), (None, None, 0));
    }

    #[test]
    fn partitions_without_copies_or_leader_are_named() {
        let partition = |number, leader, in_sync: &[i32]| Partition {
            number,
            leader,
            replicas: vec![1, 2, 3],
            in_sync: in_sync.to_vec(),
        };
        let partitions_of_t =
            vec![partition(0, Some(1), &[1, 2, 3]), partition(1, Some(1), &[1, 3]), partition(2, None, &[])];
        let cluster =
            Cluster { topics: vec![Topic { name: "t".into(), partitions: partitions_of_t }], ..Cluster::default() };
        let seen = partitions(&cluster);
        assert_eq!((seen.topics, seen.partitions), (1, 3));
        assert_eq!((seen.under_replicated, seen.offline), (vec!["t-1".to_owned()], vec!["t-2".to_owned()]));
    }
}
