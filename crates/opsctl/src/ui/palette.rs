//! Colours, or none.

use std::env;
use std::io::{IsTerminal as _, stderr, stdout};

use crate::cli::Color;

/// Paints words, if it may.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Palette {
    on: bool,
}

impl Palette {
    /// For what is written to stderr.
    pub(crate) fn for_stderr(color: Color) -> Self {
        Self { on: wanted(color, stderr().is_terminal()) }
    }

    /// For what is written to stdout.
    pub(crate) fn for_stdout(color: Color) -> Self {
        Self { on: wanted(color, stdout().is_terminal()) }
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.paint("33", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.paint("31", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.on { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// <https://no-color.org>: set and not empty means no colour, unless a flag says otherwise.
fn wanted(color: Color, terminal: bool) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => terminal && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_text_stays_as_it_is() {
        assert_eq!(Palette { on: false }.red("x"), "x");
        assert_eq!(Palette { on: true }.red("x"), "\u{1b}[31mx\u{1b}[0m");
        assert!(!wanted(Color::Never, true) && wanted(Color::Always, false) && !wanted(Color::Auto, false));
    }
}
