//! One ClickHouse server over HTTP, asked from a thread that waits: the official client on a runtime of its own, with a
//! deadline on every request.

use std::time::Duration;

use bytes::Bytes;
use clickhouse::error::Error;
use clickhouse::{Client, Compression};
use tokio::runtime::{Builder, Runtime};

use super::error::{Meaning, one_line, read_answer};
use super::{ClickHouseError, ClickHouseSettings};

/// What goes to the connection at a time.
const CHUNK_BYTES: usize = 256 * 1024;

/// A server.
pub(super) struct Server {
    runtime: Runtime,
    client: Client,
    timeout: Duration,
    pub(super) url: String,
}

impl Server {
    /// Connects to nothing yet.
    pub(super) fn new(settings: &ClickHouseSettings) -> Result<Self, ClickHouseError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| ClickHouseError::Settings(format!("no runtime for the client: {error}")))?;
        let mut client = super::tls::client(settings)?
            .with_url(&settings.url)
            .with_user(&settings.user)
            .with_compression(Compression::None);
        if let Some(password) = &settings.password {
            client = client.with_password(password.expose());
        }
        Ok(Self { runtime, client, timeout: settings.timeout, url: settings.url.clone() })
    }

    /// Asks; the answer's rows as fields of text.
    pub(super) fn ask(&self, what: &str, sql: &str) -> Result<Vec<Vec<String>>, ClickHouseError> {
        let query = self.client.query_raw(sql);
        let answer = self.within(what, async { query.fetch_bytes("TabSeparated")?.collect().await })?;
        let text = String::from_utf8_lossy(&answer);
        Ok(text.lines().map(|line| line.split('\t').map(unescaped).collect()).collect())
    }

    /// Tells it to do something.
    pub(super) fn tell(&self, what: &str, sql: &str) -> Result<(), ClickHouseError> {
        self.within(what, self.client.query_raw(sql).execute())
    }

    /// Inserts rows, which are given in pieces; when it returns, they are in the table.
    pub(super) fn insert<'a>(
        &self,
        what: &str,
        sql: &str,
        options: &[(&str, String)],
        pieces: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(), ClickHouseError> {
        let mut insert = self.client.insert_formatted_with(sql);
        for (name, value) in options {
            insert = insert.with_setting(*name, value);
        }
        self.within(what, async move {
            // In pieces of one size: a copy of all of it would double a batch.
            for chunk in pieces.flat_map(|piece| piece.chunks(CHUNK_BYTES)) {
                insert.send(Bytes::copy_from_slice(chunk)).await?;
            }
            insert.end().await
        })
    }

    fn within<T>(&self, what: &str, request: impl Future<Output = Result<T, Error>>) -> Result<T, ClickHouseError> {
        let done = self.runtime.block_on(async { tokio::time::timeout(self.timeout, request).await });
        match done {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.meaning(what, &error)),
            Err(_) => Err(self.unanswered(what, format!("nothing within {} ms", self.timeout.as_millis()))),
        }
    }

    fn meaning(&self, what: &str, error: &Error) -> ClickHouseError {
        match error {
            Error::BadResponse(text) => match read_answer(text) {
                Some((code, said)) => ClickHouseError::Said {
                    url: self.url.clone(),
                    what: what.to_owned(),
                    meaning: Meaning::of(code),
                    code,
                    said,
                },
                None => self.unanswered(what, one_line(text)),
            },
            Error::InvalidParams(reason) => ClickHouseError::Settings(format!("{}: {reason}", self.url)),
            error => self.unanswered(what, innermost(error)),
        }
    }

    fn unanswered(&self, what: &str, why: String) -> ClickHouseError {
        ClickHouseError::Unanswered { url: self.url.clone(), what: what.to_owned(), why }
    }
}

/// The client's own words are "network error: client error (Connect)": the cause says what happened.
fn innermost(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    one_line(&cause.to_string())
}

/// A field of the format `TabSeparated`.
fn unescaped(field: &str) -> String {
    let mut text = String::with_capacity(field.len());
    let mut characters = field.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some('b') => '\u{8}',
                Some('f') => '\u{c}',
                Some('0') => '\0',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        });
    }
    text
}

/// Text as a literal of SQL.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_survives_both_ways() {
        assert_eq!(unescaped("a\\tb\\n\\'c\\\\"), "a\tb\n'c\\");
        assert_eq!(unescaped("\\r\\b\\f\\0"), "\r\u{8}\u{c}\0");
        assert_eq!(quoted("it's a \\"), "'it\\'s a \\\\'");
    }
}
