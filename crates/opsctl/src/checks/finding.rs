//! What a check says: what it looked at, what it found, why that matters, what mends it.

use serde::Serialize;

use crate::checks::facts::Facts;
use crate::checks::fix::Fix;

/// How bad it is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Ok,
    Warn,
    Fail,
}

/// Where a check stands in the report.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Group {
    Docker,
    Machine,
    Containers,
    Kafka,
    Connect,
    #[serde(rename = "mysql")]
    MySql,
    Worker,
    Analytics,
    Security,
}

impl Group {
    /// As the report writes it, and as `--only` takes it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Machine => "machine",
            Self::Containers => "containers",
            Self::Kafka => "kafka",
            Self::Connect => "connect",
            Self::MySql => "mysql",
            Self::Worker => "worker",
            Self::Analytics => "analytics",
            Self::Security => "security",
        }
    }
}

/// The page on a check: what `--explain` prints.
#[derive(Debug)]
pub(crate) struct About {
    /// Stable: scripts and people know it by this.
    pub(crate) id: &'static str,
    pub(crate) group: Group,
    /// What is so when all is well.
    pub(crate) title: &'static str,
    /// What people see.
    pub(crate) symptom: &'static str,
    pub(crate) cause: &'static str,
    pub(crate) remedy: &'static str,
    /// Why it matters, in a line.
    pub(crate) why: &'static str,
    /// Where this knowledge is from.
    pub(crate) source: &'static str,
}

/// A check: its page and its judgement.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) about: &'static About,
    /// None where there is nothing that it could look at.
    pub(crate) judge: fn(&Facts) -> Option<Judged>,
}

/// What a check looked at, and what it found wrong there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Judged {
    pub(crate) looked_at: String,
    pub(crate) found: Vec<Found>,
}

impl Judged {
    /// Nothing wrong so far.
    pub(crate) fn of(looked_at: impl Into<String>) -> Self {
        Self { looked_at: looked_at.into(), found: Vec::new() }
    }

    /// With these found.
    #[must_use]
    pub(crate) fn with(mut self, found: impl IntoIterator<Item = Found>) -> Self {
        self.found.extend(found);
        self
    }
}

/// One thing that is wrong, of one subject.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) level: Level,
    /// The service, topic or connector; empty if it is the whole.
    pub(crate) subject: String,
    pub(crate) what: String,
    pub(crate) evidence: Vec<String>,
    pub(crate) remedy: String,
    pub(crate) fix: Option<Fix>,
    /// The finding that explains it, if that one is there.
    pub(crate) explained_by: Option<&'static str>,
}

impl Found {
    /// Something does not work.
    pub(crate) fn fail(subject: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            level: Level::Fail,
            subject: subject.into(),
            what: what.into(),
            evidence: Vec::new(),
            remedy: String::new(),
            fix: None,
            explained_by: None,
        }
    }

    /// It works, and somebody should look.
    pub(crate) fn warn(subject: impl Into<String>, what: impl Into<String>) -> Self {
        Self { level: Level::Warn, ..Self::fail(subject, what) }
    }

    /// The value or the line that shows it.
    #[must_use]
    pub(crate) fn evidence(mut self, line: impl Into<String>) -> Self {
        let line = line.into();
        if !line.is_empty() {
            self.evidence.push(line);
        }
        self
    }

    /// A command that can be pasted, or what to do where there is none.
    #[must_use]
    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// It says less than this finding, if that one is there.
    #[must_use]
    pub(crate) fn explained_by(mut self, id: &'static str) -> Self {
        self.explained_by = Some(id);
        self
    }

    /// What `--fix` would do.
    #[must_use]
    pub(crate) fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }
}

/// A line of the report: everything of one check that has the same causes.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    pub(crate) id: &'static str,
    pub(crate) group: Group,
    pub(crate) level: Level,
    /// What is so, or what is wrong.
    pub(crate) what: String,
    /// Services, topics, connectors.
    pub(crate) subjects: Vec<String>,
    pub(crate) looked_at: String,
    pub(crate) evidence: Vec<String>,
    pub(crate) why: &'static str,
    /// Empty where nothing is wrong.
    pub(crate) remedy: String,
    /// Whether `--fix` can do it.
    pub(crate) fixable: bool,
    /// Findings that this one follows from: mend those.
    pub(crate) caused_by: Vec<&'static str>,
    #[serde(skip)]
    pub(crate) fixes: Vec<Fix>,
}

impl Finding {
    /// Something is wrong, and nothing else explains it.
    pub(crate) fn is_root(&self) -> bool {
        self.level > Level::Ok && self.caused_by.is_empty()
    }
}
