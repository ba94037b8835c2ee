//! Faults of ClickHouse and Grafana. The recorded stack has neither: both are put beside it as they are when they are well.

use super::*;
use crate::checks::facts::{ClickHouse, Grafana, StoreDisk, Table};

/// As 26.9 said of itself, with the worker's tables.
pub(super) fn add(facts: &mut Facts) {
    for (service, inside, volume) in
        [("clickhouse", 8123, Some("/var/lib/clickhouse")), ("grafana", 3000, Some("/var/lib/grafana"))]
    {
        facts.containers.push(Container {
            service: service.into(),
            name: format!("p-{service}-1"),
            image: format!("cdc-local/{service}:1"),
            state: "running".into(),
            health: Some("healthy".into()),
            has_health_check: true,
            started_ms: Some(facts.at_ms - 3_600_000),
            memory_limit_bytes: 1 << 30,
            published: vec![Published { inside, address: "127.0.0.1".into(), port: inside }],
            mounts: volume
                .map(|inside| Mount {
                    kind: "volume".into(),
                    source: format!("p_{service}_data"),
                    inside: inside.into(),
                    writable: true,
                    ..Mount::default()
                })
                .into_iter()
                .collect(),
            ..Container::default()
        });
    }
    let table = |name: &str| Table {
        name: name.into(),
        engine: "ReplacingMergeTree".into(),
        window: Some(1000),
        parts_max: 3,
        rows: 10,
    };
    // The worker's own journal remembers no batches: there are none.
    let journal = Table {
        name: "schema_migrations".into(),
        engine: "ReplacingMergeTree".into(),
        window: Some(0),
        parts_max: 1,
        rows: 2,
    };
    let view = Table { name: "orders_current".into(), engine: "View".into(), ..Table::default() };
    let names = ["anomaly_alerts", "order_agg_5m", "orders_dlq", "orders_late", "orders_raw"];
    facts.clickhouse = Some(ClickHouse {
        version: "26.9.2.1".into(),
        knows_tokens: Some(true),
        database: "cdc".into(),
        tables: names.into_iter().map(table).chain([view, journal]).collect(),
        disks: vec![StoreDisk {
            name: "default".into(),
            size_bytes: 270 << 30,
            free_bytes: 41 << 30,
            read_only: false,
        }],
        parts_limits: Some((1000, 3000)),
        ..ClickHouse::default()
    });
    facts.grafana = Some(Grafana { silent: None, version: "12.1.0".into() });
}

fn clickhouse(facts: &mut Facts) -> &mut ClickHouse {
    facts.clickhouse.as_mut().expect("clickhouse")
}

pub(super) const FAULTS: &[Row] = &[
    (
        "ClickHouse does not answer",
        |facts| {
            facts.clickhouse = Some(ClickHouse { silent: Some("does not answer".into()), ..ClickHouse::default() });
        },
        &["DOC-CLICKHOUSE-SILENT"],
        &[],
    ),
    (
        "ClickHouse killed for memory and starting again",
        |facts| {
            let at_ms = facts.at_ms;
            let container = container(facts, "clickhouse");
            (container.oom_killed, container.restarts, container.started_ms) = (true, 1, Some(at_ms - 10_000));
            facts.clickhouse = Some(ClickHouse { silent: Some("does not answer".into()), ..ClickHouse::default() });
        },
        &["DOC-OOM-KILLED"],
        &["DOC-CLICKHOUSE-SILENT"],
    ),
    ("ClickHouse stopped", |facts| ended(facts, "clickhouse", 137), &["DOC-CONTAINER-DOWN"], &[]),
    (
        "another password",
        |facts| {
            facts.clickhouse = Some(ClickHouse {
                refused: Some("Code: 516. DB::Exception: worker: Authentication failed".into()),
                ..ClickHouse::default()
            });
        },
        &["DOC-CLICKHOUSE-LOGIN"],
        &[],
    ),
    (
        "Debian's ClickHouse",
        |facts| {
            let clickhouse = clickhouse(facts);
            (clickhouse.version, clickhouse.knows_tokens) = ("18.16.1".into(), Some(false));
            clickhouse.tables.iter_mut().for_each(|table| table.window = table.window.map(|_| 0));
        },
        &["DOC-CLICKHOUSE-VERSION"],
        &["DOC-CLICKHOUSE-DEDUP"],
    ),
    (
        "a table is missing",
        |facts| clickhouse(facts).tables.retain(|table| table.name != "orders_raw"),
        &["DOC-CLICKHOUSE-TABLES"],
        &[],
    ),
    ("a table without a window", |facts| clickhouse(facts).tables[0].window = Some(0), &["DOC-CLICKHOUSE-DEDUP"], &[]),
    (
        "a user who may read only, and so no tables",
        |facts| {
            clickhouse(facts).read_only_user = 1;
            clickhouse(facts).tables.clear();
        },
        &["DOC-CLICKHOUSE-READ-ONLY"],
        &["DOC-CLICKHOUSE-TABLES"],
    ),
    (
        "a disk that is read-only",
        |facts| clickhouse(facts).disks[0].read_only = true,
        &["DOC-CLICKHOUSE-READ-ONLY"],
        &[],
    ),
    ("many parts", |facts| clickhouse(facts).tables[4].parts_max = 1000, &["DOC-CLICKHOUSE-PARTS"], &[]),
    ("too many parts", |facts| clickhouse(facts).tables[4].parts_max = 3001, &["DOC-CLICKHOUSE-PARTS"], &[]),
    (
        "no room, and so too many parts",
        |facts| {
            clickhouse(facts).disks[0].free_bytes = 100 << 20;
            clickhouse(facts).tables[4].parts_max = 3001;
        },
        &["DOC-CLICKHOUSE-DISK"],
        &["DOC-CLICKHOUSE-PARTS"],
    ),
    ("little room", |facts| clickhouse(facts).disks[0].free_bytes = 9 << 30, &["DOC-CLICKHOUSE-DISK"], &[]),
    (
        "Grafana does not answer",
        |facts| facts.grafana.as_mut().expect("grafana").silent = Some("does not answer".into()),
        &["DOC-GRAFANA-SILENT"],
        &[],
    ),
];

#[test]
fn too_many_parts_are_a_failure_and_many_a_warning() {
    for (parts, level) in [(999, Level::Ok), (1000, Level::Warn), (2999, Level::Warn), (3000, Level::Fail)] {
        let mut facts = healthy();
        clickhouse(&mut facts).tables[4].parts_max = parts;
        assert_eq!(Diagnosis::of(&facts).level(), level, "{parts}");
    }
}

#[test]
fn tables_are_missing_rightly_until_a_worker_has_started() {
    let mut facts = healthy();
    clickhouse(&mut facts).tables.clear();
    facts.workers[0].waits_for = Some("not ready: it restores its state".into());
    let wrong: Vec<&str> = Diagnosis::of(&facts).roots().map(|finding| finding.id).collect();
    assert_eq!(wrong, ["DOC-WORKER-NOT-READY"]);
}
