//! Workers, by their own account and by Kafka's.

use std::time::Duration;

use futures_util::future::{join, join_all};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use crate::checks::facts::Worker;
use crate::clients::docker::Container;
use crate::clients::kafka::KafkaAdmin;
use crate::clients::worker_page::WorkerPage;
use crate::commands::doctor::collect::Look;
use crate::commands::session::bootstrap;
use crate::commands::worker::PAGE_PORT;

/// Between the two looks at the lag.
const APART: Duration = Duration::from_millis(1200);
/// Where brokers are away, their partitions' ends are not known.
const TO_TELL_ENDS: Duration = Duration::from_millis(1500);
/// The worker's default, where it cannot be asked.
const CHECKPOINT_INTERVAL_MS: i64 = 60_000;
const CONFIG: &str = "/etc/worker/worker.toml";
/// Where it is, as a topic's partitions: topic, partition, offset.
type Positions = Vec<(String, i32, i64)>;

pub(super) async fn seen(look: &Look) -> Vec<Worker> {
    let running = look.containers.iter().filter(|container| container.is_worker && container.state == "running");
    join_all(running.map(|container| worker(look, container))).await
}

async fn worker(look: &Look, container: &Container) -> Worker {
    let mut worker =
        Worker { name: container.service.clone(), checkpoint_interval_ms: CHECKPOINT_INTERVAL_MS, ..Worker::default() };
    let port = container.published(PAGE_PORT);
    let Some(page) = port.and_then(|port| WorkerPage::on(port, look.stack.worker_token_text()).ok()) else {
        worker.waits_for = Some("its page has no port on this host".to_owned());
        return worker;
    };
    let admin = KafkaAdmin::of(bootstrap(&look.containers));
    let (checkpoints, config) = (checkpoints(look, container), config(look, container));
    let ((), (checkpoints, config)) = join(progress(&page, &admin, &mut worker), join(checkpoints, config)).await;
    if let Some(checkpoints) = checkpoints {
        worker.checkpoints_listed = true;
        let newest = checkpoints.first().and_then(|listed| listed.get("manifest"));
        worker.checkpoint_ms = newest.and_then(|manifest| manifest.get("created_at_ms")).and_then(Value::as_i64);
        let kept = newest.map(positions).unwrap_or_default();
        let now = page.next_offsets().await.unwrap_or_default();
        worker.uncheckpointed_records = newest.map(|_| distance(&kept, &now));
    }
    if let Some(config) = config {
        let value = |key: &str| config.get(key).and_then(|knob| knob.get("value"));
        let number = |key: &str| value(key).and_then(Value::as_i64);
        worker.checkpoint_interval_ms = number("state.checkpoint_interval_ms").unwrap_or(CHECKPOINT_INTERVAL_MS);
        let writes_to_topics = value("sink.kafka.enabled").and_then(Value::as_bool).unwrap_or(false);
        worker.transaction_timeout_ms = number("sink.kafka.transaction_timeout_ms").filter(|_| writes_to_topics);
    }
    worker
}

/// Whether it is there, what it has counted, and its lag twice.
async fn progress(page: &WorkerPage, admin: &KafkaAdmin, worker: &mut Worker) {
    worker.alive = page.is_alive().await;
    worker.waits_for = page.readiness().await.err();
    let (began, first) = (Instant::now(), look_at(page, admin).await);
    sleep(APART.saturating_sub(began.elapsed())).await;
    let second = look_at(page, admin).await;
    worker.looked_apart_ms = began.elapsed().as_millis() as i64;
    worker.accounting = page.accounting().await;
    if let (Some((before, lag_before)), Some((now, lag_now))) = (first, second) {
        worker.topic = now.first().map(|(topic, _, _)| topic.clone()).unwrap_or_default();
        worker.committed_records = Some(distance(&before, &now));
        worker.lag_records = lag_now.map(|now| (lag_before.unwrap_or(now), now));
    }
}

/// Its positions, and how far the ends are from them; the ends are not known where brokers are away.
async fn look_at(page: &WorkerPage, admin: &KafkaAdmin) -> Option<(Positions, Option<i64>)> {
    let next = page.next_offsets().await?;
    let topic = next.first().map(|(topic, _, _)| topic.clone())?;
    let ends = timeout(TO_TELL_ENDS, admin.end_offsets(&topic)).await.ok().and_then(Result::ok);
    let lag = ends.map(|ends| {
        let behind = ends.iter().map(|(number, end)| {
            let read = next.iter().find(|(name, partition, _)| *name == topic && partition == number);
            end.saturating_sub(read.map_or(0, |(_, _, offset)| *offset)).max(0)
        });
        behind.sum()
    });
    Some((next, lag))
}

/// Records between two sets of positions.
fn distance(from: &Positions, to: &Positions) -> i64 {
    let moved = to.iter().map(|(topic, partition, offset)| {
        let before = from.iter().find(|(other, number, _)| other == topic && number == partition);
        offset - before.map_or(0, |(_, _, offset)| *offset)
    });
    moved.sum()
}

/// Newest first; none if the image cannot tell.
async fn checkpoints(look: &Look, container: &Container) -> Option<Vec<Value>> {
    let answered = look
        .docker
        .ask_inside(&container.id, &["worker", "checkpoint", "list", "--json", "--config", CONFIG])
        .await
        .ok()?;
    serde_json::from_str(answered.well().ok()?.trim()).ok()
}

/// Its configuration as it is in force: `{KEY: {"value": …}}`.
async fn config(look: &Look, container: &Container) -> Option<Value> {
    let answered =
        look.docker.ask_inside(&container.id, &["worker", "config", "--json", "--config", CONFIG]).await.ok()?;
    serde_json::from_str(answered.well().ok()?.trim()).ok()
}

/// A manifest's: `partitions: [{topic, partition, next_offset}]`.
fn positions(manifest: &Value) -> Positions {
    let partitions = manifest.get("partitions").and_then(Value::as_array).into_iter().flatten();
    let position = |partition: &Value| {
        let number = partition.get("partition")?.as_i64()?;
        Some((
            partition.get("topic")?.as_str()?.to_owned(),
            i32::try_from(number).ok()?,
            partition.get("next_offset")?.as_i64()?,
        ))
    };
    partitions.filter_map(position).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_since_is_counted_over_all_partitions() {
        let from = vec![("t".to_owned(), 0, 10), ("t".to_owned(), 1, 5)];
        let to = vec![("t".to_owned(), 0, 12), ("t".to_owned(), 1, 5), ("t".to_owned(), 2, 3)];
        assert_eq!(distance(&from, &to), 5);
    }
}
