//! The tables, for whoever inserts into them: looked at before the first rows and when they may not be what they were; and
//! what may still run there of an attempt before.

use super::prepare::{Found, look, prepare};
use super::server::{Server, quoted};
use super::{ClickHouseError, ClickHouseSettings};

/// The tables, and what is known of them.
pub(super) struct Tables {
    pub(super) settings: ClickHouseSettings,
    pub(super) server: Server,
    /// The part of our inserts' ids that tells them from those of others of this pipeline.
    name: &'static str,
    /// Nothing is changed there.
    pub(super) only_looks: bool,
    /// What was found there; `None` before the first look, and when the tables may not be what they were.
    found: Option<Found>,
    /// Something of ours may still run there: after an answer that is not known, and at first, of a process before.
    strays: bool,
}

impl Tables {
    /// Connects to nothing yet.
    pub(super) fn new(
        settings: ClickHouseSettings,
        name: &'static str,
        only_looks: bool,
    ) -> Result<Self, ClickHouseError> {
        Ok(Self { server: Server::new(&settings)?, settings, name, only_looks, found: None, strays: true })
    }

    /// Makes database and schema where they are missing and looks at the tables, unless that was done.
    pub(super) fn ready(&mut self) -> Result<Found, ClickHouseError> {
        if let Some(found) = self.found {
            return Ok(found);
        }
        let (server, settings) = (&self.server, &self.settings);
        let found = if self.only_looks { look(server, settings) } else { prepare(server, settings) }?;
        Ok(*self.found.insert(found))
    }

    /// Ends what may still run of ours, and waits for that.
    pub(super) fn kill_strays(&mut self) -> Result<(), ClickHouseError> {
        if self.strays && !self.only_looks {
            let prefix = quoted(&format!("{}/", self.ids()));
            let command = format!("KILL QUERY WHERE startsWith(query_id, {prefix}) SYNC");
            self.server.tell("end inserts whose answer is not known", &command)?;
        }
        self.strays = false;
        Ok(())
    }

    /// What the ids of all our inserts begin with.
    pub(super) fn ids(&self) -> String {
        format!("{}/{}", self.settings.pipeline, self.name)
    }

    /// What an attempt's error says of them.
    pub(super) fn learn_from(&mut self, error: &ClickHouseError) {
        self.strays |= error.may_still_run();
        if error.doubts_tables() {
            self.found = None;
        }
    }
}
