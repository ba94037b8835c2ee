//! SQL in the stack's MySQL, by the client inside its container: the password stays in there.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::stack::{Stack, docker};

const LIMIT: Duration = Duration::from_mins(5);
const CLIENT: &str = "MYSQL_PWD=$(cat /run/secrets/mysql-root-password) \
    exec mysql --host=127.0.0.1 --user=root --batch --raw --skip-column-names --default-character-set=utf8mb4";

impl Stack {
    /// Its port on this host.
    pub(crate) fn mysql_port(&self) -> u16 {
        self.ports.mysql()
    }

    /// Runs statements as root; the rows of what they ask, columns as text.
    pub(crate) fn sql(&self, statements: &str) -> Result<Vec<Vec<String>>> {
        let id = self.container("mysql")?.id;
        let arguments = ["exec", "--interactive", &id, "sh", "-c", CLIENT];
        let answer = docker::run(&arguments, Some(statements.to_owned()), LIMIT)?.succeeded();
        let answer = answer.with_context(|| format!("SQL: {:.200}", statements.trim()))?;
        Ok(answer.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
    }

    /// A question with one number as its answer.
    pub(crate) fn number(&self, question: &str) -> Result<i64> {
        let rows = self.sql(question)?;
        let [row] = &rows[..] else { bail!("{question}: {} rows", rows.len()) };
        row[0].parse().with_context(|| format!("{question}: not a number: {:?}", row[0]))
    }
}
