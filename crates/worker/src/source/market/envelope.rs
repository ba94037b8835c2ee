//! A change as Debezium 3.0 writes it for MySQL: keys, values, heartbeats, bare or with their schemas.

use super::{Order, Position};
use crate::time::write_rfc3339;

/// The schema part of a wrapped value, as the connector wrote it for the orders table (a string price).
const VALUE_SCHEMA: &[u8] = include_bytes!("value_schema.json");

const HEARTBEAT_SCHEMA: &[u8] = br#"{"type":"struct","fields":[{"type":"int64","optional":false,"field":"ts_ms"}],"optional":false,"name":"io.debezium.connector.common.Heartbeat","version":1}"#;

/// When and where a change happened.
pub(super) struct Source<'a> {
    /// Its place in the binlog; for rows read by a snapshot the place where the snapshot began.
    pub position: Position,
    /// The server's identifier for GTIDs.
    pub server_uuid: &'a str,
    /// `first`, `true`, `last` or `false`.
    pub snapshot: &'static str,
    /// When the transaction was committed, in microseconds since the Unix epoch.
    pub committed_us: i64,
    /// When the connector handled it, in microseconds since the Unix epoch.
    pub handled_us: i64,
}

/// A row's columns: the order, and its symbol by code.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    /// All columns but the symbol.
    pub order: Order,
    /// The symbol's code.
    pub symbol: &'a str,
    /// Length of the column that only makes the row longer; 0: there is none.
    pub memo_bytes: usize,
}

/// What that column says, over and over.
const MEMO: &[u8] = b"settle through the omnibus account; client asked for partial fills; ";

/// Writes a key of one column.
pub(super) fn write_key(out: &mut Vec<u8>, wrapped: bool, column: KeyColumn<'_>) {
    if wrapped {
        put(out, r#"{"schema":{"type":"struct","fields":[{"type":""#);
        put(out, if matches!(column, KeyColumn::Symbol(_)) { "string" } else { "int64" });
        put(out, r#"","optional":false,"field":""#);
        put(out, if matches!(column, KeyColumn::Symbol(_)) { "symbol" } else { "id" });
        put(out, r#""}],"optional":false,"name":"cdc.orders_db.orders.Key"},"payload":"#);
    }
    match column {
        KeyColumn::Symbol(symbol) => put_all(out, &[r#"{"symbol":""#, symbol, r#""}"#]),
        KeyColumn::Id(id) => {
            put(out, r#"{"id":"#);
            put_number(out, id);
            put(out, "}");
        }
    }
    if wrapped {
        put(out, "}");
    }
}

/// What the topic is keyed by.
#[derive(Clone, Copy)]
pub(super) enum KeyColumn<'a> {
    /// `message.key.columns=orders_db.orders:symbol`
    Symbol(&'a str),
    /// The table's primary key.
    Id(i64),
}

/// Writes a heartbeat's key.
pub(super) fn write_heartbeat_key(out: &mut Vec<u8>, wrapped: bool) {
    if wrapped {
        put(out, r#"{"schema":{"type":"struct","fields":[{"type":"string","optional":false,"field":"serverName"}],"#);
        put(out, r#""optional":false,"name":"io.debezium.connector.common.ServerNameKey","version":1},"payload":"#);
    }
    put(out, r#"{"serverName":"cdc"}"#);
    if wrapped {
        put(out, "}");
    }
}

/// Writes a heartbeat.
pub(super) fn write_heartbeat(out: &mut Vec<u8>, wrapped: bool, time_ms: i64) {
    open(out, wrapped, HEARTBEAT_SCHEMA);
    put(out, r#"{"ts_ms":"#);
    put_number(out, time_ms);
    put(out, if wrapped { "}}" } else { "}" });
}

/// How a change is told.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// Everything that the connector says.
    Bare,
    /// That, and its schema.
    Wrapped,
    /// Only what is read of it.
    Lean,
}

/// Writes a change.
pub(super) fn write_change(
    out: &mut Vec<u8>,
    form: Form,
    op: &str,
    (before, after): (Option<Row<'_>>, Option<Row<'_>>),
    source: &Source<'_>,
) {
    if matches!(form, Form::Lean) {
        return write_lean_change(out, op, (before, after), source);
    }
    let wrapped = matches!(form, Form::Wrapped);
    open(out, wrapped, VALUE_SCHEMA);
    put(out, r#"{"before":"#);
    put_row(out, before);
    put(out, r#","after":"#);
    put_row(out, after);
    put_source(out, source);
    put_all(out, &[r#","transaction":null,"op":""#, op, r#"""#]);
    put_times(out, source.handled_us, (source.handled_us * 31).rem_euclid(1000));
    put(out, if wrapped { "}}" } else { "}" });
}

fn write_lean_change(
    out: &mut Vec<u8>,
    op: &str,
    (before, after): (Option<Row<'_>>, Option<Row<'_>>),
    source: &Source<'_>,
) {
    // What a deletion was about stands before it; of other changes that is not read.
    put(out, if after.is_some() { r#"{"after":"# } else { r#"{"before":"# });
    match after.or(before) {
        Some(row) => {
            put_columns(out, &row);
            put(out, "}");
        }
        None => put(out, "null"),
    }
    put(out, r#","source":{"ts_ms":"#);
    put_number(out, source.committed_us.div_euclid(1000));
    put(out, r#","db":"orders_db","table":"orders""#);
    put_position(out, source.position);
    put_all(out, &[r#"},"op":""#, op, r#"","ts_ms":"#]);
    put_number(out, source.handled_us.div_euclid(1000));
    put(out, "}");
}

fn open(out: &mut Vec<u8>, wrapped: bool, schema: &[u8]) {
    if wrapped {
        put(out, r#"{"schema":"#);
        out.extend_from_slice(schema.trim_ascii_end());
        put(out, r#","payload":"#);
    }
}

fn put_row(out: &mut Vec<u8>, row: Option<Row<'_>>) {
    let Some(row) = row else { return put(out, "null") };
    put_columns(out, &row);
    let Row { order, memo_bytes, .. } = row;
    put(out, r#","created_at":""#);
    write_rfc3339(order.created_ms, out);
    put(out, r#"","updated_at":""#);
    write_rfc3339(order.updated_ms, out);
    if memo_bytes > 0 {
        put(out, r#"","memo":""#);
        out.extend(MEMO.iter().cycle().take(memo_bytes));
    }
    put(out, r#""}"#);
}

/// The columns that are read, without the row's end.
fn put_columns(out: &mut Vec<u8>, Row { order, symbol, .. }: &Row<'_>) {
    put(out, r#"{"id":"#);
    put_number(out, order.id);
    put_all(out, &[r#","symbol":""#, symbol, r#"","side":""#, if order.buy { "BUY" } else { "SELL" }]);
    put(out, r#"","quantity":"#);
    put_number(out, order.quantity);
    put(out, r#","price":""#);
    put_number(out, order.price);
    put_all(out, &[r#".00","status":""#, order.status.name(), r#"""#]);
}

fn put_source(out: &mut Vec<u8>, source: &Source<'_>) {
    let live = source.snapshot == "false";
    put(out, r#","source":{"version":"3.0.8.Final","connector":"mysql","name":"cdc","ts_ms":"#);
    put_number(out, source.committed_us.div_euclid(1000));
    put_all(out, &[r#","snapshot":""#, source.snapshot, r#"","db":"orders_db","sequence":null,"ts_us":"#]);
    put_number(out, source.committed_us);
    put(out, r#","ts_ns":"#);
    put_number(out, source.committed_us);
    put(out, r#"000,"table":"orders","server_id":"#);
    put(out, if live { "223344" } else { "0" });
    put(out, r#","gtid":"#);
    if live {
        put_all(out, &[r#"""#, source.server_uuid, ":"]);
        put_number(out, source.position.transaction);
        put(out, r#"""#);
    } else {
        put(out, "null");
    }
    put_position(out, source.position);
    put(out, if live { r#","thread":595,"query":null}"# } else { r#","thread":null,"query":null}"# });
}

fn put_position(out: &mut Vec<u8>, position: Position) {
    put(out, r#","file":"mysql-bin."#);
    let mut digits = itoa::Buffer::new();
    let file = digits.format(position.file);
    put_all(out, &["000000".get(file.len()..).unwrap_or_default(), file, r#"","pos":"#]);
    put_number(out, position.pos);
    put(out, r#","row":"#);
    put_number(out, position.row);
}

/// `ts_ms`, `ts_us` and `ts_ns` of one instant.
fn put_times(out: &mut Vec<u8>, time_us: i64, nanos: i64) {
    put(out, r#","ts_ms":"#);
    put_number(out, time_us.div_euclid(1000));
    put(out, r#","ts_us":"#);
    put_number(out, time_us);
    put(out, r#","ts_ns":"#);
    put_number(out, time_us * 1000 + nanos);
}

fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

fn put_all(out: &mut Vec<u8>, texts: &[&str]) {
    for text in texts {
        put(out, text);
    }
}

fn put_number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    put(out, itoa::Buffer::new().format(number));
}
