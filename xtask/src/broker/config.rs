//! What the broker is told: one node that is broker and controller, loopback only, nothing created by itself.

use std::path::Path;

/// Sixteen bytes in base64, as Kafka wants it; the data lives for one run, so it need not differ between runs.
pub(crate) const CLUSTER_ID: &str = "Y2RjLXBpcGVsaW5lLXRlcw";

/// `server.properties` for data in `directory`.
pub(crate) fn server_properties(directory: &Path, port: u16, controller_port: u16) -> String {
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
log.retention.ms=-1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
",
        data = directory.join("data").display()
    )
}

/// Further properties: after `kill -9` the controller takes the broker back once its old session is over, 9 s by default.
pub(crate) const SHORT_SESSIONS: &str = "broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
";

/// Log4j: everything from INFO on to standard output, which is a file beside the data.
pub(crate) const LOG4J_PROPERTIES: &str = "log4j.rootLogger=INFO, stdout
log4j.appender.stdout=org.apache.log4j.ConsoleAppender
log4j.appender.stdout.layout=org.apache.log4j.PatternLayout
log4j.appender.stdout.layout.ConversionPattern=%d %p %m (%c)%n
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_stands_twice_and_every_port_is_on_loopback() {
        let text = server_properties(Path::new("/tmp/x"), 9092, 9093) + SHORT_SESSIONS;
        let mut keys: Vec<_> = text.lines().map(|line| line.split_once('=').expect("key=value").0).collect();
        keys.sort_unstable();
        assert!(keys.windows(2).all(|pair| pair[0] != pair[1]), "{keys:?}");
        for port in [":9092", ":9093"] {
            assert_eq!(text.matches(port).count(), 2);
            assert_eq!(text.matches(&format!("127.0.0.1{port}")).count(), 2);
        }
    }
}
