//! Tables are made, and made again; an older one is refused by what is different.

use worker::sink::Outlet;
use worker::time::TimeMode;

use super::results::Results;
use super::server::Database;
use crate::engine::pipeline;
use crate::recordings::fixture;

#[test]
fn the_schema_is_made_once_and_again_without_a_change() {
    let Some(database) = Database::new() else { return };
    database.outlet().prepare().unwrap();
    let tables = "SELECT name, create_table_query FROM system.tables WHERE database = '{db}' ORDER BY name";
    let first = database.ask(tables);
    for name in ["anomaly_alerts", "order_agg_5m", "order_agg_latest", "orders_current", "orders_dlq", "orders_late"] {
        assert!(first.lines().any(|line| line.starts_with(&format!("{name}\t"))), "{name}: {first}");
    }
    let steps = "SELECT version, name FROM {db}.schema_migrations ORDER BY version";
    assert_eq!(database.ask(steps), "1\t0001_tables\n2\t0002_views\n");
    database.outlet().prepare().unwrap();
    assert_eq!((database.ask(tables), database.ask(steps).lines().count()), (first.clone(), 2));
    // A step that was taken and not noted, as after a crash.
    database.ask("TRUNCATE TABLE {db}.schema_migrations");
    database.outlet().prepare().unwrap();
    assert_eq!((database.ask(tables), database.ask(steps).lines().count()), (first, 2));
}

#[test]
fn rows_are_kept_as_long_as_the_settings_say() {
    let Some(database) = Database::new() else { return };
    let days = |ttl_days| {
        let settings = worker::sink::ClickHouseSettings { ttl_days, ..database.settings() };
        worker::sink::ClickHouseOutlet::new(settings).unwrap().prepare().unwrap();
        database.ask("SELECT extract(engine_full, 'toIntervalDay.(.+?).\\\\s') FROM system.tables WHERE database = '{db}' AND engine LIKE 'Replacing%' AND name LIKE '%order%' ORDER BY name")
    };
    assert_eq!(days(Some(30)), "30\n".repeat(4));
    assert_eq!(days(Some(30)), "30\n".repeat(4));
    assert_eq!(days(Some(365)), "365\n".repeat(4));
    assert_eq!(days(None), "\n".repeat(4));
}

#[test]
fn an_older_table_is_refused_by_what_is_different_and_taken_once_mended() {
    let Some(database) = Database::new() else { return };
    database.outlet().prepare().unwrap();
    let refusal = |change: &str| {
        database.ask(change);
        let error = database.outlet().prepare().unwrap_err();
        assert!(error.may_pass() && !error.is_refusal());
        let text = error.to_string();
        assert!(!text.contains('\n'), "{text}");
        text
    };
    let text = refusal("ALTER TABLE {db}.orders_raw DROP COLUMN latency_ms");
    assert!(text.contains(".orders_raw has no column latency_ms (Nullable(Int64)): alter the table"), "{text}");
    database.ask("ALTER TABLE {db}.orders_raw ADD COLUMN latency_ms Nullable(Int64)");
    database.outlet().prepare().unwrap();

    let text = refusal("ALTER TABLE {db}.anomaly_alerts MODIFY COLUMN value Decimal(38, 10)");
    assert!(text.contains(".anomaly_alerts has column value as Decimal(38, 10) instead of Decimal(76, 30)"), "{text}");
    database.ask("ALTER TABLE {db}.anomaly_alerts MODIFY COLUMN value Decimal(76, 30)");

    let text = refusal("ALTER TABLE {db}.orders_dlq MODIFY SETTING non_replicated_deduplication_window = 0");
    assert!(text.contains(".orders_dlq remembers no deduplication tokens: ALTER TABLE"), "{text}");
    database.ask("ALTER TABLE {db}.orders_dlq MODIFY SETTING non_replicated_deduplication_window = 1000");

    database.ask("RENAME TABLE {db}.orders_late TO {db}.old_late");
    let text =
        refusal("CREATE TABLE {db}.orders_late ENGINE = MergeTree ORDER BY symbol AS SELECT * FROM {db}.old_late");
    assert!(text.contains(".orders_late is a MergeTree instead of a ReplacingMergeTree: rename it"), "{text}");
    database.ask("DROP TABLE {db}.orders_late");
    database.ask("RENAME TABLE {db}.old_late TO {db}.orders_late");
    // A column more takes its default.
    database.ask("ALTER TABLE {db}.orders_raw ADD COLUMN note String DEFAULT 'none'");
    database.outlet().prepare().unwrap();
}

#[test]
fn views_show_orders_as_they_stand_and_windows_last_words() {
    let Some(database) = Database::new() else { return };
    let recording = fixture("derived/unusual_out_of_order.ndjson.gz");
    let results = Results::of_recording(&pipeline(TimeMode::Event, 600_000), &database, recording, 50);
    database.outlet().send(&results.whole()).unwrap();
    let revisions = results.lines.iter().filter(|line| line["stream"] == "agg");
    let corrected = revisions.clone().filter(|line| line["revision"].as_u64() > Some(1)).count();
    assert!(corrected > 0, "nothing was corrected");
    let mut last = std::collections::BTreeMap::new();
    for line in revisions {
        last.insert((line["symbol"].to_string(), line["window_start"].to_string()), line);
    }
    let total = |key: &str| last.values().map(|line| line[key].as_u64().unwrap()).sum::<u64>();
    let found = database.ask("SELECT count(), sum(orders), sum(revision) FROM {db}.order_agg_latest");
    assert_eq!(found, format!("{}\t{}\t{}\n", last.len(), total("orders"), total("revision")));
    // As another way of asking has it.
    let by_rank = "SELECT count(), sum(quantity) FROM (SELECT *, row_number() OVER (PARTITION BY order_id ORDER BY \
        event_time DESC, op != 'd' DESC, `offset` DESC) AS rank FROM {db}.orders_raw FINAL) WHERE rank = 1 AND op != 'd'";
    let current = database.ask("SELECT count(), sum(quantity) FROM {db}.orders_current");
    assert_eq!(current, database.ask(by_rank));
    assert!(!current.starts_with("0\t"), "{current}");
}
