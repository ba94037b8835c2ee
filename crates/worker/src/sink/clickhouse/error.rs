//! Why the ClickHouse sink cannot go on, and what the server's own errors mean.

/// What stands in the way; each is one line that says what to do, or that it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum ClickHouseError {
    /// A setting that makes no sense.
    #[error("clickhouse sink: {0}")]
    Settings(String),
    /// What waits was packed in a form that cannot be sent.
    #[error("clickhouse sink: results that wait cannot be sent: {0}")]
    Parcel(String),
    /// No answer, or none of the server's own. What became of the request is not known: it is repeated, which changes
    /// nothing if it was done.
    #[error("clickhouse sink: {url}: no answer to {what} ({why})")]
    Unanswered {
        /// The server.
        url: String,
        /// What was asked.
        what: String,
        /// What came instead.
        why: String,
    },
    /// The server's answer is an error.
    #[error("clickhouse sink: {url}: {what}: {} (code {code}: {said}): {}", meaning.words(), meaning.remedy())]
    Said {
        /// The server.
        url: String,
        /// What was asked.
        what: String,
        /// What it means.
        meaning: Meaning,
        /// The server's number for it.
        code: u32,
        /// The server's words.
        said: String,
    },
    /// The server is too old.
    #[error(
        "clickhouse sink: {url}: version {version} knows no deduplication tokens: an insert whose answer was lost would \
         come twice. Take a current release; or set sink.clickhouse.accept_no_tokens, with which such rows are there twice \
         until they are merged"
    )]
    NoTokens {
        /// The server.
        url: String,
        /// What it says that it is.
        version: String,
    },
    /// A table is not as it has to be.
    #[error("clickhouse sink: {url}: table {table} {difference}: {remedy}")]
    Table {
        /// The server.
        url: String,
        /// The table, with its database.
        table: String,
        /// What is different.
        difference: String,
        /// What to do.
        remedy: String,
    },
}

/// What an error of the server's means for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Who we say we are, or the password.
    Login,
    /// The user may not do that.
    Denied,
    /// The database is not there.
    NoDatabase,
    /// A table is not there.
    NoTable,
    /// Nothing can be written there.
    ReadOnly,
    /// Merging lags behind.
    TooManyParts,
    /// Memory ran out.
    Memory,
    /// The disk is full.
    Disk,
    /// It has too much to do, starts, stops, or waits for others.
    Busy,
    /// An insert of that name still runs.
    Running,
    /// The table has other columns.
    Columns,
    /// It could not read our rows.
    Unreadable,
    /// It does not know a setting of ours, or may not take it.
    Setting,
    /// Anything else.
    Other,
}

impl Meaning {
    /// Of a number from ClickHouse's `ErrorCodes`.
    pub(super) const fn of(code: u32) -> Self {
        match code {
            192..=194 | 516 => Self::Login,
            291 | 497 => Self::Denied,
            81 => Self::NoDatabase,
            60 | 218 => Self::NoTable,
            164 | 242 => Self::ReadOnly,
            252 => Self::TooManyParts,
            173 | 241 => Self::Memory,
            243 => Self::Disk,
            159 | 160 | 201..=203 | 209 | 210 | 225 | 236 | 285 | 286 | 319 | 373 | 394 | 473 | 999 => Self::Busy,
            // 380: it cannot be ended. Old servers say so of every insert that still reads its rows.
            216 | 380 => Self::Running,
            8 | 10 | 16 | 20 | 47 | 53 | 122 => Self::Columns,
            6 | 26 | 27 | 32 | 33 | 69 | 72 | 117 | 131 | 349 | 407 => Self::Unreadable,
            115 | 452 => Self::Setting,
            _ => Self::Other,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Login => "user or password is not accepted",
            Self::Denied => "the user may not do that",
            Self::NoDatabase => "the database is not there",
            Self::NoTable => "a table is not there",
            Self::ReadOnly => "it is read-only",
            Self::TooManyParts => "it has too many parts to merge",
            Self::Memory => "it has no memory left for this",
            Self::Disk => "its disk is full",
            Self::Busy => "it cannot now",
            Self::Running => "the insert before still runs",
            Self::Columns => "the table has other columns",
            Self::Unreadable => "it cannot read the rows",
            Self::Setting => "a setting is not accepted",
            Self::Other => "it refuses",
        }
    }

    const fn remedy(self) -> &'static str {
        match self {
            Self::Login => "mend sink.clickhouse.user and sink.clickhouse.password_file, or the user on the server",
            Self::Denied => "grant it INSERT and SELECT on the tables, and CREATE for the first start",
            Self::NoDatabase => "create it, or mend sink.clickhouse.database",
            Self::NoTable => "it is created again",
            Self::ReadOnly => "make the server, the table or the user writable",
            Self::TooManyParts => "it is waited for; raise sink.clickhouse.batch_ms if it comes often",
            Self::Memory => "it is tried again; lower sink.clickhouse.batch_bytes if it comes often",
            Self::Disk => "give it room",
            Self::Busy | Self::Running | Self::Other => "it is tried again",
            Self::Columns => "the table is looked at again",
            Self::Unreadable => "look whether the table was altered",
            Self::Setting => "allow it in the user's profile",
        }
    }

    /// Whether it goes away by itself.
    const fn passes_by_itself(self) -> bool {
        matches!(
            self,
            Self::TooManyParts | Self::Memory | Self::Disk | Self::Busy | Self::Running | Self::NoTable | Self::Other
        )
    }
}

impl ClickHouseError {
    /// Whether trying again may succeed: all that somebody can mend on the server, a wrong password too, so that the
    /// other sinks go on meanwhile.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unanswered { .. } | Self::Said { .. } | Self::Table { .. })
    }

    /// Whether somebody has to do something before it can pass.
    pub fn needs_a_person(&self) -> bool {
        match self {
            Self::Unanswered { .. } => false,
            Self::Said { meaning, .. } => !meaning.passes_by_itself(),
            _ => true,
        }
    }

    /// Whether going on would not be exactly once.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::NoTokens { .. })
    }

    /// Whether the request may still run on the server.
    pub(super) fn may_still_run(&self) -> bool {
        match self {
            Self::Unanswered { .. } => true,
            Self::Said { meaning, .. } => matches!(meaning, Meaning::Running | Meaning::Busy),
            _ => false,
        }
    }

    /// Whether the tables may not be what they were.
    pub(super) fn doubts_tables(&self) -> bool {
        let doubtful = |meaning: &Meaning| {
            matches!(meaning, Meaning::NoDatabase | Meaning::NoTable | Meaning::Columns | Meaning::Unreadable)
        };
        matches!(self, Self::Said { meaning, .. } if doubtful(meaning))
    }
}

/// The number and the words in a server's answer; `None` where it is not ClickHouse's.
pub(super) fn read_answer(text: &str) -> Option<(u32, String)> {
    let (_, after) = text.split_once("Code: ")?;
    let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    let code = after.get(..digits)?.parse().ok()?;
    let words = after.split_once("DB::Exception: ").map_or(after, |(_, words)| words);
    let end =
        [" (version ", ", e.what() =", "\nStack trace", ". Stack trace"].iter().filter_map(|mark| words.find(mark));
    Some((code, one_line(words.get(..end.min().unwrap_or(words.len()))?)))
}

/// At most this much of what a server, or whoever answers in its place, says.
const SAID_CHARACTERS_MAX: usize = 300;

/// As much of a text as fits a line.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if line.chars().count() + word.chars().count() > SAID_CHARACTERS_MAX {
            line.push_str(" …");
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_new_and_old_servers_are_read() {
        for (text, code, said) in [
            (
                "Code: 81. DB::Exception: Database nope does not exist. (UNKNOWN_DATABASE) (version 26.9.2.1 (official build))",
                Some(81),
                "Database nope does not exist. (UNKNOWN_DATABASE)",
            ),
            (
                "Code: 60, e.displayText() = DB::Exception: Table d.t doesn't exist., e.what() = DB::Exception",
                Some(60),
                "Table d.t doesn't exist.",
            ),
            ("Code: 252", Some(252), "252"),
            ("Code: 27. DB::Exception: one\ntwo:\n(at row 1)\n", Some(27), "one two: (at row 1)"),
            ("<html>502 Bad Gateway</html>", None, ""),
            ("Code: x", None, ""),
        ] {
            let expected = code.map(|code| (code, said.to_owned()));
            assert_eq!(read_answer(text), expected, "{text}");
        }
        let long = format!("Code: 1. DB::Exception: {}", "word ".repeat(200));
        assert!(read_answer(&long).unwrap().1.chars().count() < SAID_CHARACTERS_MAX + 10);
    }

    #[test]
    fn every_bad_input_has_its_meaning_and_is_tried_again() {
        for (code, meaning, person) in [
            (81, Meaning::NoDatabase, true),
            (516, Meaning::Login, true),
            (193, Meaning::Login, true),
            (497, Meaning::Denied, true),
            (164, Meaning::ReadOnly, true),
            (242, Meaning::ReadOnly, true),
            (252, Meaning::TooManyParts, false),
            (241, Meaning::Memory, false),
            (243, Meaning::Disk, false),
            (202, Meaning::Busy, false),
            (216, Meaning::Running, false),
            (380, Meaning::Running, false),
            (16, Meaning::Columns, true),
            (33, Meaning::Unreadable, true),
            (115, Meaning::Setting, true),
            (49, Meaning::Other, false),
        ] {
            let error = ClickHouseError::Said {
                url: "http://h:8123".to_owned(),
                what: "insert into orders_raw".to_owned(),
                meaning: Meaning::of(code),
                code,
                said: "words".to_owned(),
            };
            let ClickHouseError::Said { meaning: found, .. } = &error else { unreachable!() };
            assert_eq!((*found, error.needs_a_person(), error.may_pass()), (meaning, person, true), "{code}");
            let text = error.to_string();
            assert!(text.contains("http://h:8123") && text.contains("orders_raw") && text.contains("words"), "{text}");
            assert!(!text.contains('\n'));
        }
    }
}
