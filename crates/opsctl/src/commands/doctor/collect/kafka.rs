//! Brokers, topics and the settings that checks look at.

use futures_util::future::join_all;

use crate::checks::facts::Kafka;
use crate::clients::kafka::KafkaAdmin;
use crate::commands::doctor::collect::Look;
use crate::commands::session::{BROKERS, bootstrap};

const SETTINGS: [&str; 3] = ["cleanup.policy", "min.insync.replicas", "retention.ms"];

/// What brokers tell; those that do not answer are left out.
pub(super) async fn seen(look: &Look) -> Kafka {
    let asked = BROKERS.iter().filter_map(|(service, inside)| {
        let port = look.runs(service)?.published(*inside)?;
        let address = format!("127.0.0.1:{port}");
        Some(async move {
            KafkaAdmin::answering(&[address])
                .await
                .first()
                .map(|cluster| ((*service).to_owned(), cluster.brokers.len()))
        })
    });
    let answering = join_all(asked).await.into_iter().flatten().collect();
    let admin = KafkaAdmin::of(bootstrap(&look.containers));
    let cluster = admin.cluster().await.ok();
    let mut kafka = Kafka { answering, ..Kafka::default() };
    if let Some(cluster) = &cluster {
        let names: Vec<&str> = cluster.topics.iter().map(|topic| topic.name.as_str()).collect();
        kafka.settings = admin.settings_of(&names, &SETTINGS).await.unwrap_or_default();
        if let Some(broker) = cluster.brokers.first() {
            let most = admin.broker_setting(broker.id, "transaction.max.timeout.ms").await.ok().flatten();
            kafka.transaction_max_timeout_ms = most.and_then(|text| text.parse().ok());
        }
    }
    kafka.cluster = cluster;
    kafka
}

/// What the shell says of a node that is not there.
const NEVER_SAW_A_BROKER: &str = "Node does not exist: /brokers/topics";

/// Names under `/brokers/topics`, by the shell in ZooKeeper's image: its last line is `[a, b]`.
pub(super) async fn zookeeper_topics(look: &Look, id: &str) -> Option<Vec<String>> {
    let command = ["zookeeper-shell", "localhost:2181", "ls", "/brokers/topics"];
    let answered = look.docker.ask_inside(id, &command).await.ok()?;
    topics(&answered.stdout, &answered.stderr)
}

/// None where the shell could not ask: that ZooKeeper knows no topics is another thing.
fn topics(stdout: &str, stderr: &str) -> Option<Vec<String>> {
    let none = || [stdout, stderr].iter().any(|text| text.contains(NEVER_SAW_A_BROKER)).then(Vec::new);
    stdout.lines().rev().find_map(list).or_else(none)
}

fn list(line: &str) -> Option<Vec<String>> {
    let names = line.trim().strip_prefix('[')?.strip_suffix(']')?;
    Some(names.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_s_list_is_read() {
        assert_eq!(
            list("[_connect-configs, cdc.orders_db.orders]"),
            Some(vec!["_connect-configs".to_owned(), "cdc.orders_db.orders".to_owned()])
        );
        assert_eq!(list("[]"), Some(Vec::new()));
        assert_eq!(list("Connecting to localhost:2181"), None);
        assert_eq!(topics("Connecting\n[a]\n", ""), Some(vec!["a".to_owned()]));
        assert_eq!(topics("Connecting\n", "Node does not exist: /brokers/topics\n"), Some(Vec::new()));
        assert_eq!(topics("ZooKeeper -server host:port cmd args\n", "Command not found"), None);
    }
}
