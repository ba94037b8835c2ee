//! What happens before the first batch: the database, the schema, and that the tables are what rows are written for.

use super::migrations::{JOURNAL, MIGRATIONS, filled};
use super::schema::{Dialect, Table};
use super::server::{Server, quoted};
use super::{ClickHouseError, ClickHouseSettings};

/// What a server can do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// Types and tokens.
    pub(super) dialect: Dialect,
    /// It has `deduplicate_insert`, which goes before `insert_deduplicate`.
    pub(super) deduplicate_insert: bool,
}

/// Looks, and makes what is missing. Changes nothing where everything is as it should be.
pub(super) fn prepare(server: &Server, settings: &ClickHouseSettings) -> Result<Found, ClickHouseError> {
    let found = look(server, settings)?;
    create_database(server, settings)?;
    migrate(server, settings, found.dialect)?;
    check_columns(server, settings, found.dialect)?;
    check_engines(server, settings, found.dialect)?;
    Ok(found)
}

/// Looks what the server can do; changes nothing.
pub(super) fn look(server: &Server, settings: &ClickHouseSettings) -> Result<Found, ClickHouseError> {
    let has = |table: &str, name: &str| format!("(SELECT count() FROM system.{table} WHERE name = '{name}')");
    let question = format!(
        "SELECT version(), {}, {}, {}",
        has("settings", "insert_deduplication_token"),
        has("merge_tree_settings", "non_replicated_deduplication_window"),
        has("settings", "deduplicate_insert"),
    );
    let answer = server.ask("its version", &question)?;
    let field = |index: usize| answer.first().and_then(|row| row.get(index)).map_or("", String::as_str);
    let tokens = field(1) == "1" && field(2) == "1";
    if !tokens && !settings.accept_no_tokens {
        return Err(ClickHouseError::NoTokens { url: server.url.clone(), version: field(0).to_owned() });
    }
    let dialect = Dialect { tokens, amounts: settings.amounts };
    Ok(Found { dialect, deduplicate_insert: field(3) == "1" })
}

fn create_database(server: &Server, settings: &ClickHouseSettings) -> Result<(), ClickHouseError> {
    let name = &settings.database;
    let question = format!("SELECT count() FROM system.databases WHERE name = {}", quoted(name));
    let answer = server.ask("its databases", &question)?;
    if answer.first().and_then(|row| row.first()).is_some_and(|count| count != "0") {
        return Ok(());
    }
    server.tell(
        &format!("database {name} is not there and is created"),
        &format!("CREATE DATABASE IF NOT EXISTS `{name}`"),
    )
}

fn migrate(server: &Server, settings: &ClickHouseSettings, dialect: Dialect) -> Result<(), ClickHouseError> {
    let database = &settings.database;
    let question = format!(
        "SELECT name FROM system.tables WHERE database = {} AND name IN ('schema_migrations', {})",
        quoted(database),
        names()
    );
    let there = server.ask("its tables", &question)?;
    let is_there = |name: &str| there.iter().flatten().any(|found| found == name);
    if !is_there("schema_migrations") {
        server.tell("create table schema_migrations", &filled(JOURNAL, database, dialect))?;
    }
    let mut taken = server.ask("its schema's steps", &format!("SELECT version FROM `{database}`.schema_migrations"))?;
    // Somebody has taken a table away: every step does what is missing.
    if !Table::ALL.iter().all(|table| is_there(table.name())) {
        taken.clear();
    }
    for step in MIGRATIONS {
        if taken.iter().flatten().any(|version| *version == step.version.to_string()) {
            continue;
        }
        let statements = step.statements(database, dialect);
        for statement in &statements {
            server.tell(&format!("step {} of the schema", step.name), statement)?;
        }
        if statements.is_empty() {
            continue;
        }
        let note = format!(
            "INSERT INTO `{database}`.schema_migrations (version, name) VALUES ({}, {})",
            step.version,
            quoted(step.name)
        );
        server.tell("note that step", &note)?;
        tracing::info!(step = step.name, database, "clickhouse sink: took a step of the schema");
    }
    Ok(())
}

fn names() -> String {
    Table::ALL.map(|table| quoted(table.name())).join(", ")
}

fn check_columns(server: &Server, settings: &ClickHouseSettings, dialect: Dialect) -> Result<(), ClickHouseError> {
    let database = &settings.database;
    let question = format!(
        "SELECT table, name, type FROM system.columns WHERE database = {} AND table IN ({})",
        quoted(database),
        names()
    );
    let answer = server.ask("its columns", &question)?;
    for table in Table::ALL {
        let columns: Vec<(&str, &str)> = answer
            .iter()
            .filter_map(|row| match row.as_slice() {
                [of, name, kind] if of == table.name() => Some((name.as_str(), kind.as_str())),
                _ => None,
            })
            .collect();
        if let Some(difference) = difference(table, &columns, dialect) {
            return Err(ClickHouseError::Table {
                url: server.url.clone(),
                table: format!("{database}.{}", table.name()),
                difference,
                remedy: "alter the table, or rename it and let the worker make a new one, or give the worker another \
                         sink.clickhouse.database"
                    .to_owned(),
            });
        }
    }
    Ok(())
}

/// How a table's columns differ from what is written; those beside them do not matter.
fn difference(table: Table, found: &[(&str, &str)], dialect: Dialect) -> Option<String> {
    let mut differences = Vec::new();
    for (name, kind) in table.columns() {
        let wanted = kind.type_name(dialect);
        match found.iter().find(|(column, _)| column == name) {
            None => differences.push(format!("has no column {name} ({wanted})")),
            Some((_, found)) if !kind.takes(found, dialect) => {
                differences.push(format!("has column {name} as {found} instead of {wanted}"));
            }
            Some(_) => {}
        }
    }
    (!differences.is_empty()).then(|| differences.join(", "))
}

fn check_engines(server: &Server, settings: &ClickHouseSettings, dialect: Dialect) -> Result<(), ClickHouseError> {
    let database = &settings.database;
    let question = format!(
        "SELECT name, engine, {} FROM system.tables WHERE database = {} AND name IN ({})",
        if dialect.tokens { "engine_full" } else { "''" },
        quoted(database),
        names()
    );
    for row in server.ask("its tables", &question)? {
        let [name, engine, full] = row.as_slice() else { continue };
        let refused = |difference: String, remedy: &str| ClickHouseError::Table {
            url: server.url.clone(),
            table: format!("{database}.{name}"),
            difference,
            remedy: remedy.to_owned(),
        };
        if !engine.ends_with("ReplacingMergeTree") {
            let difference = format!("is a {engine} instead of a ReplacingMergeTree");
            return Err(refused(difference, "rename it and let the worker make a new one"));
        }
        if !dialect.tokens {
            continue;
        }
        // Of replicated tables the window is the server's, and not off unless somebody switched it off.
        let own = engine == "ReplacingMergeTree";
        let window =
            setting(full, if own { "non_replicated_deduplication_window" } else { "replicated_deduplication_window" });
        if window == Some(0) || own && window.is_none() {
            let remedy = format!(
                "ALTER TABLE {database}.{name} MODIFY SETTING {} = 1000",
                if own { "non_replicated_deduplication_window" } else { "replicated_deduplication_window" }
            );
            return Err(refused("remembers no deduplication tokens".to_owned(), &remedy));
        }
        if let Some(table) = Table::ALL.into_iter().find(|table| table.name() == name) {
            keep_for(server, settings, table, full)?;
        }
    }
    Ok(())
}

/// The value of a setting in a table's definition.
fn setting(definition: &str, name: &str) -> Option<u64> {
    let (_, settings) = definition.split_once(" SETTINGS ")?;
    let mut pairs = settings.split(", ").filter_map(|pair| pair.split_once(" = "));
    pairs.find(|(found, _)| *found == name)?.1.parse().ok()
}

/// Sets how long rows are kept, where that is not so yet: setting it anew would make the server go through all of them.
fn keep_for(
    server: &Server,
    settings: &ClickHouseSettings,
    table: Table,
    definition: &str,
) -> Result<(), ClickHouseError> {
    let found = days(definition);
    if found == settings.ttl_days.map(u64::from) {
        return Ok(());
    }
    let (database, name, time) = (&settings.database, table.name(), table.time());
    let statement = match settings.ttl_days {
        // Seconds in 32 bits end in 2106: without the bound a time after that would count as long past.
        Some(days) => format!(
            "ALTER TABLE `{database}`.{name} MODIFY TTL \
             toDateTime(least({time}, toDateTime64('2100-01-01 00:00:00', 3, 'UTC'))) + toIntervalDay({days})"
        ),
        None => format!("ALTER TABLE `{database}`.{name} REMOVE TTL"),
    };
    server.tell(&format!("how long {name} is kept"), &statement)
}

/// For how many days a table keeps its rows.
fn days(definition: &str) -> Option<u64> {
    let (_, ttl) = definition.split_once(" TTL ")?;
    let (_, days) = ttl.split_once("toIntervalDay(")?;
    days.split_once(')')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decimal::FixedPoint;

    const DEFINITION: &str = "ReplacingMergeTree PARTITION BY toYYYYMM(at) ORDER BY at TTL toDateTime(at) + \
        toIntervalDay(30) SETTINGS non_replicated_deduplication_window = 1000, index_granularity = 8192";

    #[test]
    fn a_tables_definition_is_read() {
        assert_eq!(setting(DEFINITION, "non_replicated_deduplication_window"), Some(1000));
        assert_eq!(setting(DEFINITION, "replicated_deduplication_window"), None);
        assert_eq!(days(DEFINITION), Some(30));
        assert_eq!(days("ReplacingMergeTree ORDER BY at"), None);
    }

    #[test]
    fn every_difference_is_named() {
        let dialect = Dialect { tokens: true, amounts: FixedPoint::new(76, 30).unwrap() };
        let types: Vec<(&str, String)> =
            Table::Alerts.columns().iter().map(|(name, kind)| (*name, kind.type_name(dialect))).collect();
        let mut found: Vec<(&str, &str)> = types.iter().map(|(name, kind)| (*name, kind.as_str())).collect();
        assert_eq!(difference(Table::Alerts, &found, dialect), None);
        found.push(("note", "String"));
        assert_eq!(difference(Table::Alerts, &found, dialect), None, "more columns take their defaults");
        found[3].1 = "Float64";
        found.remove(5);
        assert_eq!(
            difference(Table::Alerts, &found, dialect).unwrap(),
            "has column value as Float64 instead of Decimal(76, 30), has no column message (String)"
        );
    }
}
