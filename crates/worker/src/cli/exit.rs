//! How the program ends.

use std::process::ExitCode;

use crate::config::{ConfigError, Origin};

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Did what was asked.
    Done = 0,
    /// Failed while running.
    Failed = 1,
    /// The state on disk is not what it should be, and nothing was changed.
    StateRefused = 3,
    /// The command line is wrong (sysexits' `EX_USAGE`).
    Usage = 64,
    /// The configuration is wrong (sysexits' `EX_CONFIG`).
    Configuration = 78,
}

impl Exit {
    /// The number that the shell sees.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl From<&ConfigError> for Exit {
    /// 64 where a flag of the command line is wrong, 78 otherwise; `--set` counts as configuration once it has the form
    /// KEY=VALUE and holds no secret.
    fn from(error: &ConfigError) -> Self {
        match error {
            ConfigError::WrongValue { origin: Origin::Flag(flag), .. } if flag != "--set" => Self::Usage,
            ConfigError::SetWithoutValue { .. } | ConfigError::SecretOnCommandLine { .. } => Self::Usage,
            _ => Self::Configuration,
        }
    }
}
