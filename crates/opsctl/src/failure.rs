//! Why a command did not do what was asked: one line that names the thing and the value, what to do, and the log lines
//! that tell the cause.

use std::fmt;

use serde::Serialize;

/// How a command ended, as its caller sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All is as asked.
    Done = 0,
    /// Something differs (`connector diff`), or there are warnings.
    Differs = 1,
    /// It was tried and failed.
    Failed = 2,
    /// It could not be tried: wrong usage, Docker not there, another opsctl at work.
    CouldNotRun = 3,
    /// Ctrl-C or SIGTERM; a second run goes on.
    Interrupted = 130,
}

/// An expected failure: told in plain words, never with a backtrace.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Failure {
    #[serde(skip)]
    pub(crate) exit: Exit,
    /// What went wrong, with the thing and the value.
    pub(crate) message: String,
    /// What to do now; a command that can be pasted where there is one.
    pub(crate) hint: Option<String>,
    /// The last lines of the log that tells more.
    pub(crate) log: Vec<String>,
}

/// The result of everything that may fail in an expected way.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// It was tried and failed.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, message: message.into(), hint: None, log: Vec::new() }
    }

    /// It could not be tried.
    pub(crate) fn could_not_run(message: impl Into<String>) -> Self {
        Self { exit: Exit::CouldNotRun, ..Self::new(message) }
    }

    /// Somebody pressed Ctrl-C.
    pub(crate) fn interrupted() -> Self {
        Self { exit: Exit::Interrupted, ..Self::new("interrupted") }.hint("run it again: it goes on where it stopped")
    }

    /// What to do now.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The lines that tell the cause.
    #[must_use]
    pub(crate) fn log(mut self, lines: Vec<String>) -> Self {
        self.log = lines;
        self
    }
}

impl fmt::Display for Failure {
    /// The message, the log's lines, the hint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for line in &self.log {
            write!(f, "\n  │ {line}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_log_and_hint_stand_in_this_order() {
        let failure = Failure::new("kafka-1 exited with code 1").log(vec!["a".into(), "b".into()]).hint("opsctl up");
        assert_eq!(failure.to_string(), "kafka-1 exited with code 1\n  │ a\n  │ b\nhint: opsctl up");
    }
}
