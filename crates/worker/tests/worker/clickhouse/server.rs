//! A current ClickHouse to test against, asked without the client under test.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use worker::decimal::FixedPoint;
use worker::sink::{ClickHouseOutlet, ClickHouseSettings};

/// Tests that need a current ClickHouse read its address, `127.0.0.1:PORT`, from this variable.
const CURRENT: &str = "CDC_TEST_CLICKHOUSE";
/// Those that need Debian's, which knows no tokens, from this one.
const OLD: &str = "CDC_TEST_CLICKHOUSE_OLD";

/// Every table with results.
pub(crate) const TABLES: [&str; 5] = ["orders_raw", "orders_late", "order_agg_5m", "anomaly_alerts", "orders_dlq"];

/// A database of a test's own on a server that a variable names.
pub(crate) struct Database {
    pub(crate) address: String,
    pub(crate) name: String,
    amounts: FixedPoint,
}

impl Database {
    /// On a current server, not there yet; where there is no server the test is skipped, and says so.
    pub(crate) fn new() -> Option<Self> {
        Self::on(CURRENT, (76, 30))
    }

    /// The same on Debian's old server.
    pub(crate) fn old() -> Option<Self> {
        Self::on(OLD, (38, 10))
    }

    fn on(variable: &str, (digits, scale): (u8, u8)) -> Option<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let Ok(address) = std::env::var(variable) else {
            println!("skipped: {variable} names no server (cargo xtask clickhouse -- cargo test …)");
            return None;
        };
        let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Some(Self { address, name, amounts: FixedPoint::new(digits, scale).unwrap() })
    }

    /// For a sink that writes there.
    pub(crate) fn settings(&self) -> ClickHouseSettings {
        ClickHouseSettings {
            url: format!("http://{}", self.address),
            database: self.name.clone(),
            user: "default".to_owned(),
            password: None,
            ca_file: None,
            pipeline: format!("pipeline-{}", self.name),
            timeout: Duration::from_mins(1),
            ttl_days: None,
            amounts: self.amounts,
            accept_no_tokens: false,
        }
    }

    /// The sink.
    pub(crate) fn outlet(&self) -> ClickHouseOutlet {
        ClickHouseOutlet::new(self.settings()).unwrap()
    }

    /// Makes the tables, and lets them keep rows as they are stored: no merge may hide a double.
    pub(crate) fn stop_merges(&self) {
        self.outlet().prepare().unwrap();
        for table in TABLES {
            self.ask(&format!("SYSTEM STOP MERGES {{db}}.{table}"));
        }
    }

    /// Asks; `{db}` is the database.
    pub(crate) fn ask(&self, sql: &str) -> String {
        let sql = sql.replace("{db}", &self.name);
        let (status, text) = post(&self.address, &sql);
        assert_eq!(status, 200, "{sql}: {text}");
        text
    }

    /// The rows of an answer.
    pub(crate) fn rows(&self, sql: &str) -> Vec<Vec<serde_json::Value>> {
        let text = self.ask(&format!("{sql} FORMAT JSONCompactEachRow"));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// How many rows a table has, repeated ones too.
    pub(crate) fn count(&self, table: &str) -> u64 {
        self.ask(&format!("SELECT count() FROM {{db}}.{table}")).trim().parse().unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.ask("DROP DATABASE IF EXISTS {db}");
        }
    }
}

fn post(address: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(stream, "POST / HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), text.to_owned())
}
