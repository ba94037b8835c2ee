//! MySQL, asked by the client inside its container: the passwords stay in there.

use std::collections::BTreeMap;

use futures_util::future::join;
use jiff::Timestamp;

use crate::checks::facts::MySql;
use crate::clients::mysql::{Client, Rows};
use crate::commands::doctor::collect::{Look, machine};
use crate::failure::{Failure, Result};

const VARIABLES: &str = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('log_bin', 'binlog_format', 'binlog_row_image', \
    'gtid_mode', 'binlog_expire_logs_seconds', 'server_id')";

pub(super) async fn seen(look: &Look) -> Result<MySql> {
    let container = look.runs("mysql").ok_or_else(|| Failure::new("its container does not run"))?;
    let client = Client::inside(&look.docker, &container.id);
    let user = client.connector_user().await;
    let before = Timestamp::now().as_millisecond();
    let first = client.ask("SELECT VERSION(), CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)").await;
    let after = Timestamp::now().as_millisecond();
    let first = match first {
        Ok(rows) => rows,
        Err(failure) => return Ok(MySql { refused: Some(failure.message), user, ..MySql::default() }),
    };
    let grants = format!("SHOW GRANTS FOR '{user}'@'%'");
    let ((variables, binlogs), (grants, login)) =
        join(join(client.ask(VARIABLES), client.ask("SHOW BINARY LOGS")), join(client.ask(&grants), client.login()))
            .await;
    let theirs = first.first().and_then(|row| row.get(1)?.parse::<i64>().ok());
    Ok(MySql {
        refused: None,
        version: first.first().and_then(|row| row.first().cloned()).unwrap_or_default(),
        variables: pairs(variables.unwrap_or_default()),
        binlogs: binlogs.unwrap_or_default().into_iter().filter_map(|row| row.into_iter().next()).collect(),
        grants: grants.ok().map(|rows| rows.into_iter().flatten().collect()),
        login_refused: login.err().map(|failure| failure.message),
        clock_ahead_ms: theirs.map(|theirs| machine::ahead(theirs, before, after)),
        user,
    })
}

fn pairs(rows: Rows) -> BTreeMap<String, String> {
    rows.into_iter()
        .filter_map(|row| {
            let mut cells = row.into_iter();
            Some((cells.next()?.to_lowercase(), cells.next()?))
        })
        .collect()
}
