//! Debezium against the MySQL it reads: versions with known faults.

use crate::checks::concerns::exposure::older;
use crate::checks::facts::Facts;
use crate::checks::finding::{About, Check, Found, Group, Judged};

const CLASS: &str = "io.debezium.connector.mysql.MySqlConnector";

pub(crate) const CHECKS: &[Check] = &[Check { about: &PAIR, judge: pair }, Check { about: &TWICE, judge: twice }];

const PAIR: About = About {
    id: "DOC-DEBEZIUM-VERSION",
    group: Group::Connect,
    title: "this Debezium can read this MySQL",
    symptom: "connector and task RUNNING, and the topic never appears; log: SQLSyntaxErrorException … near 'MASTER STATUS' at line 1, RetriableException … This connector will be restarted",
    cause: "MySQL 8.4 removed SHOW MASTER STATUS, which Debezium before 3.0 asks",
    remedy: "Debezium 3.0 or newer (CDC_CONNECT_IMAGE=quay.io/debezium/connect:3.0.8.Final), or MySQL 8.3 or older",
    why: "nothing is captured, and everything says that it runs",
    source: "tried here: Debezium 2.5.4, 2.6.2, 2.7.4 fail on MySQL 9.7.4; 3.0.0 and 3.0.8 work",
};

const TWICE: About = About {
    id: "DOC-DEBEZIUM-SNAPSHOT",
    group: Group::Connect,
    title: "rows written during the snapshot come once",
    symptom: "orders that were placed while the first snapshot ran are counted twice: as op=r and as op=c",
    cause: "Debezium before mid-2025 opens its consistent view after it lets go of the lock (DBZ-9006)",
    remedy: "a Debezium of mid-2025 or newer; or source.snapshot_rows = \"once\" in compose/worker.toml; or no writes while the first snapshot runs",
    why: "their positions differ, so they cannot be known as repeats",
    source: "DBZ-9006, debezium/debezium#6498 (merged 2025-06)",
};

/// The plug-in's version, from those that Connect could run.
fn version(facts: &Facts) -> Option<&str> {
    facts.answering_connect()?.plugins.get(CLASS).map(String::as_str).filter(|version| !version.is_empty())
}

fn pair(facts: &Facts) -> Option<Judged> {
    let debezium = version(facts)?;
    let mysql = facts.answering_mysql()?.version.as_str();
    let is_mariadb = mysql.contains("MariaDB");
    let too_old = !is_mariadb && older(debezium, (3, 0)) && !older(mysql, (8, 4));
    let found = too_old.then(|| {
        Found::fail("kafka-connect", format!("Debezium {debezium} cannot read the binlog of MySQL {mysql}"))
            .evidence(format!("GET /connector-plugins: {debezium}; VERSION(): {mysql}"))
            .remedy(PAIR.remedy)
    });
    Some(Judged::of(format!("Debezium {debezium}, MySQL {mysql}")).with(found))
}

/// A note beside a version that is well otherwise: it concerns the first snapshot only, which mostly is over.
fn twice(facts: &Facts) -> Option<Judged> {
    let debezium = version(facts)?;
    let connectors = &facts.answering_connect()?.connectors;
    let in_snapshot = connectors.iter().find(|connector| {
        connector.status.is_some()
            && connector.offset_known
            && connector.binlog_file.is_none()
            && connector.settings.get("connector.class").is_some_and(|class| class == CLASS)
    });
    // 3.2 was the first after the repair.
    let found = in_snapshot.filter(|_| older(debezium, (3, 2))).map(|connector| {
        Found::warn(
            &connector.name,
            format!("{} takes its first snapshot: rows that are written meanwhile may come twice", connector.name),
        )
        .evidence(format!("Debezium {debezium}; {} has no stored offset yet", connector.name))
        .remedy(TWICE.remedy)
    });
    Some(Judged::of(format!("Debezium {debezium}")).with(found))
}
