//! ClickHouse, by what it says of itself. A question that its version does not know leaves its facts out.

use std::collections::BTreeMap;

use futures_util::future::join5;

use crate::checks::facts::{ClickHouse, StoreDisk, Table};
use crate::clients::clickhouse::{ClickHouse as Client, Denied};
use crate::clients::docker::Container;
use crate::commands::doctor::collect::Look;
use crate::commands::session::CLICKHOUSE_PORT;
use crate::commands::worker::CLICKHOUSE_DATABASE;
use crate::failure::Result;

/// Both are needed: the setting that carries a token, and the one that makes a table without replicas remember it.
const TOKENS: &str = "SELECT (SELECT count() FROM system.settings WHERE name = 'insert_deduplication_token') > 0 \
    AND (SELECT count() FROM system.merge_tree_settings WHERE name = 'non_replicated_deduplication_window') > 0";
const READ_ONLY: &str = "SELECT value FROM system.settings WHERE name = 'readonly'";
const DISKS: &str = "SELECT name, total_space, free_space, is_read_only FROM system.disks";
const LIMITS: &str = "SELECT name, value FROM system.merge_tree_settings \
    WHERE name IN ('parts_to_delay_insert', 'parts_to_throw_insert')";
const WINDOW: &str = "non_replicated_deduplication_window = ";

type Rows = std::result::Result<Vec<Vec<String>>, Denied>;

pub(super) async fn seen(look: &Look, container: &Container) -> Result<ClickHouse> {
    let database = CLICKHOUSE_DATABASE.to_owned();
    let silent = |why: String| ClickHouse { silent: Some(why), ..ClickHouse::default() };
    let Some(port) = container.published(CLICKHOUSE_PORT) else {
        return Ok(silent("it has no port on this host".to_owned()));
    };
    let password = std::fs::read_to_string(look.stack.clickhouse_password()).unwrap_or_default();
    let client = Client::on(port, password.trim().to_owned())?;
    if let Err(why) = client.ping().await {
        return Ok(silent(why));
    }
    let version = match client.ask("SELECT version()").await {
        Ok(rows) => cell(&rows, 0, 0),
        Err(Denied::Silent(why)) => return Ok(silent(why)),
        Err(Denied::Login(why) | Denied::Other(why)) => {
            return Ok(ClickHouse { refused: Some(why), ..ClickHouse::default() });
        }
    };
    let tables =
        format!("SELECT name, engine, engine_full FROM system.tables WHERE database = '{database}' ORDER BY name");
    let parts = format!(
        "SELECT table, max(parts), sum(rows) FROM (SELECT table, partition, count() AS parts, sum(rows) AS rows \
         FROM system.parts WHERE active AND database = '{database}' GROUP BY table, partition) GROUP BY table"
    );
    let ((tokens, read_only), disks, limits, tables, parts) = join5(
        async { (client.ask(TOKENS).await, client.ask(READ_ONLY).await) },
        client.ask(DISKS),
        client.ask(LIMITS),
        client.ask(&tables),
        client.ask(&parts),
    )
    .await;
    Ok(ClickHouse {
        silent: None,
        refused: None,
        version,
        knows_tokens: tokens.ok().map(|rows| cell(&rows, 0, 0) == "1"),
        read_only_user: number(&cell(&read_only.unwrap_or_default(), 0, 0)),
        database,
        tables: together(tables.unwrap_or_default(), parts),
        disks: disks.unwrap_or_default().iter().filter_map(|row| disk(row)).collect(),
        parts_limits: limits.ok().and_then(|rows| parts_limits(&rows)),
    })
}

/// Tables with their windows, parts and rows. A table without parts has none of its rows.
fn together(tables: Vec<Vec<String>>, parts: Rows) -> Vec<Table> {
    let parts: BTreeMap<String, (u64, u64)> = parts
        .unwrap_or_default()
        .iter()
        .filter_map(|row| Some((row.first()?.clone(), (number(row.get(1)?), number(row.get(2)?)))))
        .collect();
    let table = |row: Vec<String>| {
        let [name, engine, full] = <[String; 3]>::try_from(row).ok()?;
        let (parts_max, rows) = parts.get(&name).copied().unwrap_or_default();
        let stores = engine.ends_with("MergeTree");
        Some(Table { window: stores.then(|| window(&full)), parts_max, rows, name, engine })
    };
    tables.into_iter().filter_map(table).collect()
}

/// `… SETTINGS non_replicated_deduplication_window = 1000, index_granularity = 8192`; the server's default is 0.
fn window(engine: &str) -> u64 {
    engine.split_once(WINDOW).map_or(0, |(_, rest)| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        number(&digits)
    })
}

fn disk(row: &[String]) -> Option<StoreDisk> {
    let [name, size, free, read_only] = row else { return None };
    let (size_bytes, free_bytes) = (number(size), number(free));
    Some(StoreDisk { name: name.clone(), size_bytes, free_bytes, read_only: read_only == "1" })
}

fn parts_limits(rows: &[Vec<String>]) -> Option<(u64, u64)> {
    let of = |wanted: &str| {
        rows.iter().find_map(|row| row.first().filter(|name| *name == wanted).and_then(|_| row.get(1)?.parse().ok()))
    };
    Some((of("parts_to_delay_insert")?, of("parts_to_throw_insert")?))
}

fn cell(rows: &[Vec<String>], row: usize, column: usize) -> String {
    rows.get(row).and_then(|row| row.get(column)).cloned().unwrap_or_default()
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    // Cells as 26.9 wrote them.
    #[test]
    fn what_it_says_of_its_tables_is_put_together() {
        let full = "ReplacingMergeTree PARTITION BY toYYYYMM(at) ORDER BY (symbol, at) SETTINGS non_replicated_deduplication_window = 1000, index_granularity = 8192";
        let tables = vec![
            row(&["anomaly_alerts", "ReplacingMergeTree", full]),
            row(&["by_hand", "MergeTree", "MergeTree ORDER BY a SETTINGS index_granularity = 8192"]),
            row(&["orders_current", "View", ""]),
        ];
        let seen = together(tables, Ok(vec![row(&["anomaly_alerts", "3", "6800"])]));
        let told: Vec<_> =
            seen.iter().map(|table| (table.name.as_str(), table.window, table.parts_max, table.rows)).collect();
        let expected =
            [("anomaly_alerts", Some(1000), 3, 6800), ("by_hand", Some(0), 0, 0), ("orders_current", None, 0, 0)];
        assert_eq!(told, expected);
    }

    #[test]
    fn limits_and_disks_are_read() {
        let limits = [row(&["parts_to_delay_insert", "1000"]), row(&["parts_to_throw_insert", "3000"])];
        assert_eq!(parts_limits(&limits), Some((1000, 3000)));
        assert_eq!(parts_limits(&limits[1..]), None);
        let seen = disk(&row(&["default", "270553174016", "41486417920", "0"])).expect("a disk");
        assert_eq!((seen.free_bytes, seen.read_only), (41_486_417_920, false));
    }
}
