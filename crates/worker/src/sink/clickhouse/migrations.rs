//! The schema as numbered steps. A step is never changed once released: what comes later is a step of its own. Each is
//! harmless when repeated, so one that broke off half-way is simply taken again. Pure.

use super::schema::{Dialect, Kind};

/// One step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Migration {
    pub(super) version: u32,
    pub(super) name: &'static str,
    sql: &'static str,
    /// Uses what servers without tokens do not know either.
    needs_tokens: bool,
}

/// All of them, in order.
pub(super) const MIGRATIONS: [Migration; 2] = [
    Migration { version: 1, name: "0001_tables", sql: include_str!("migrations/0001_tables.sql"), needs_tokens: false },
    Migration { version: 2, name: "0002_views", sql: include_str!("migrations/0002_views.sql"), needs_tokens: true },
];

/// Keeps which steps were taken.
pub(super) const JOURNAL: &str = "CREATE TABLE IF NOT EXISTS {database}.schema_migrations \
     (version UInt32, name String, applied_at DateTime DEFAULT now()) ENGINE = ReplacingMergeTree ORDER BY version";

/// Blocks whose tokens a table remembers: a batch is repeated at once, so far fewer would do.
const WINDOW_BLOCKS: u32 = 1000;

impl Migration {
    /// Its statements for that database on that server.
    pub(super) fn statements(&self, database: &str, dialect: Dialect) -> Vec<String> {
        if self.needs_tokens && !dialect.tokens {
            return Vec::new();
        }
        let code: Vec<&str> = self.sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
        let text = filled(&code.join("\n"), database, dialect);
        text.split(";\n")
            .map(|statement| statement.trim().trim_end_matches(';'))
            .filter(|s| !s.is_empty())
            .map(str::to_owned)
            .collect()
    }
}

/// Fills in what stands in braces.
pub(super) fn filled(template: &str, database: &str, dialect: Dialect) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        text.push_str(before);
        text.push_str(&value(name, database, dialect));
        rest = after;
    }
    text + rest
}

fn value(name: &str, database: &str, dialect: Dialect) -> String {
    let (name, column) = name.split_once(':').unwrap_or((name, ""));
    match (name, dialect.tokens) {
        ("database", _) => format!("`{database}`"),
        ("word", _) => Kind::Word.type_name(dialect),
        ("optional_word", _) => Kind::OptionalWord.type_name(dialect),
        ("time", _) => Kind::Time.type_name(dialect),
        ("amount", _) => Kind::Amount.type_name(dialect),
        ("now", true) => "now64(3, 'UTC')".to_owned(),
        ("now", false) => "toInt64(toUnixTimestamp(now())) * 1000".to_owned(),
        ("milliseconds", true) => format!("toString(toUnixTimestamp64Milli({column}))"),
        ("milliseconds", false) => format!("toString({column})"),
        ("month", true) => format!("toYYYYMM({column})"),
        // The average month: times are numbers there.
        ("month", false) => format!("intDiv({column}, 2629746000)"),
        ("window", true) => format!("SETTINGS non_replicated_deduplication_window = {WINDOW_BLOCKS}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema::Table;
    use super::*;
    use crate::decimal::FixedPoint;

    fn dialect(tokens: bool) -> Dialect {
        Dialect { tokens, amounts: FixedPoint::new(76, 30).unwrap() }
    }

    #[test]
    fn steps_are_numbered_without_gaps_and_named_after_their_number() {
        for (index, step) in MIGRATIONS.iter().enumerate() {
            assert_eq!(step.version as usize, index + 1);
            assert!(step.name.starts_with(&format!("{:04}_", step.version)), "{}", step.name);
            assert_eq!(step.sql.matches('{').count(), step.sql.matches('}').count());
        }
    }

    #[test]
    fn tables_have_the_columns_that_are_written() {
        for dialect in [dialect(true), dialect(false)] {
            let statements = MIGRATIONS[0].statements("cdc", dialect);
            assert_eq!(statements.len(), Table::ALL.len());
            for (table, statement) in Table::ALL.into_iter().zip(&statements) {
                let head = format!("CREATE TABLE IF NOT EXISTS `cdc`.{}\n(\n", table.name());
                let body = statement.strip_prefix(&head).unwrap_or_else(|| panic!("{statement}"));
                let lines: Vec<&str> = body.lines().map(|line| line.trim().trim_end_matches(',')).collect();
                for (line, (name, kind)) in lines.iter().zip(table.columns()) {
                    let (found, found_type) = line.split_once(' ').unwrap();
                    assert_eq!(found.trim_matches('`'), *name, "{statement}");
                    assert_eq!(found_type, kind.type_name(dialect), "{statement}");
                }
                assert!(!statement.contains(['{', '}', ';']), "{statement}");
            }
        }
    }

    #[test]
    fn an_old_server_gets_no_views_and_no_window() {
        assert!(MIGRATIONS[1].statements("cdc", dialect(false)).is_empty());
        assert_eq!(MIGRATIONS[1].statements("cdc", dialect(true)).len(), 2);
        let old = MIGRATIONS[0].statements("cdc", dialect(false)).join("\n");
        assert!(!old.contains("window = ") && !old.contains("DateTime64"), "{old}");
    }
}
