//! MySQL, by the client inside its container. Passwords are read in there: they are in no argument and never leave it.

use crate::clients::docker::Docker;
use crate::failure::{Failure, Result};

/// Cells of rows, as text.
pub(crate) type Rows = Vec<Vec<String>>;

const AS_ROOT: &str = "MYSQL_PWD=$(cat /run/secrets/mysql-root-password) exec mysql --host=127.0.0.1 --user=root \
    --connect-timeout=3 --batch --raw --skip-column-names --default-character-set=utf8mb4 --execute=\"$1\"";
const USER: &str = "sed -n 's/^user=//p' /run/secrets/mysql.properties";
const LOGIN: &str = "MYSQL_PWD=$(sed -n 's/^password=//p' /run/secrets/mysql.properties) exec mysql --host=127.0.0.1 \
    --user=\"$(sed -n 's/^user=//p' /run/secrets/mysql.properties)\" --connect-timeout=3 --batch --execute='SELECT 1'";
/// As compose/mysql/initdb.d quotes it. `printf` is the shell's own: nothing becomes an argument.
const SET_PASSWORD: &str = "in_sql() { printf '%s' \"$1\" | sed -e 's/\\\\/\\\\\\\\/g' -e \"s/'/''/g\"; }; \
    user=$(sed -n 's/^user=//p' /run/secrets/mysql.properties); password=$(sed -n 's/^password=//p' /run/secrets/mysql.properties); \
    [ -n \"$password\" ] || { echo 'mysql.properties has no password' >&2; exit 1; }; \
    printf \"ALTER USER '%s'@'%%' IDENTIFIED BY '%s';\\n\" \"$(in_sql \"$user\")\" \"$(in_sql \"$password\")\" | \
    MYSQL_PWD=$(cat /run/secrets/mysql-root-password) mysql --host=127.0.0.1 --user=root --connect-timeout=3";

/// A client in one container.
#[derive(Debug)]
pub(crate) struct Client<'a> {
    docker: &'a Docker,
    id: &'a str,
}

impl<'a> Client<'a> {
    pub(crate) fn inside(docker: &'a Docker, id: &'a str) -> Self {
        Self { docker, id }
    }

    /// Asks as root.
    pub(crate) async fn ask(&self, statement: &str) -> Result<Rows> {
        let answered = self.docker.ask_inside(self.id, &["sh", "-c", AS_ROOT, "sh", statement]).await?;
        let text = answered.well()?;
        Ok(text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
    }

    /// The user of the secret; empty if there is none that SQL could name.
    pub(crate) async fn connector_user(&self) -> String {
        let said = self.docker.ask_inside(self.id, &["sh", "-c", USER]).await.unwrap_or_default().stdout;
        let user = said.trim();
        if user.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')) {
            user.to_owned()
        } else {
            String::new()
        }
    }

    /// Whether the secret's user gets in with the secret's password.
    pub(crate) async fn login(&self) -> Result<()> {
        self.docker.ask_inside(self.id, &["sh", "-c", LOGIN]).await?.well().map(drop)
    }

    /// Gives the secret's user the secret's password.
    pub(crate) async fn set_password(&self) -> Result<()> {
        let said = self.docker.ask_inside(self.id, &["sh", "-c", SET_PASSWORD]).await?.well();
        said.map(drop).map_err(|failure| Failure { message: format!("MySQL: {}", failure.message), ..failure })
    }
}
