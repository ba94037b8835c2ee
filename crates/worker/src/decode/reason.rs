//! How a dead letter's reason is worded: `field: what is wrong: value`, one line, the value as its JSON text.

use std::fmt::Write as _;

use super::Reason;
use super::json::{Kind, Raw};

/// Characters of a value that a reason shows, as shown.
const EXCERPT_CHARS: usize = 80;

impl Reason {
    /// What is wrong, without the field and the value: the same words for every record that is wrong in the same way.
    pub fn kind(&self) -> &str {
        self.0.split(": ").nth(1).unwrap_or(&self.0)
    }

    /// `field: words`
    #[cold]
    pub(super) fn of(field: &str, words: &str) -> Self {
        Self(format!("{}: {words}", Excerpt(field)).into())
    }

    /// `field: words: value`
    #[cold]
    pub(super) fn with_value(field: &str, words: &str, value: &str) -> Self {
        Self(format!("{}: {words}: {}", Excerpt(field), Excerpt(value)).into())
    }

    /// `field: missing`, `field: null` or `field: words: value`, whichever `value` is.
    #[cold]
    pub(super) fn wrong_type(field: &str, words: &str, value: Raw<'_>) -> Self {
        match value.kind() {
            Kind::Absent => Self::of(field, "missing"),
            Kind::Null => Self::of(field, "null"),
            _ => Self::with_value(field, words, value.text()),
        }
    }
}

/// The beginning of a text on one line.
struct Excerpt<'a>(&'a str);

impl std::fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = 0;
        for char in self.0.chars() {
            // The two separators are line breaks to some readers although they are no control characters.
            let escaped = char.is_control() || matches!(char, '\u{2028}' | '\u{2029}');
            shown += if escaped { char.escape_default().len() } else { 1 };
            if shown > EXCERPT_CHARS {
                return f.write_char('…');
            }
            if escaped {
                write!(f, "{}", char.escape_default())?;
            } else {
                f.write_char(char)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line() {
        let reason = Reason::with_value("a\nb", "not an integer", "{\r\n\t\u{7f}\u{85}\u{2028}}");
        assert_eq!(&*reason.0, "a\\nb: not an integer: {\\r\\n\\t\\u{7f}\\u{85}\\u{2028}}");
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let reason = Reason::with_value("symbol", "w", &"가".repeat(81));
        assert_eq!(&*reason.0, format!("symbol: w: {}…", "가".repeat(80)));
        let reason = Reason::with_value("symbol", "w", &"가".repeat(80));
        assert_eq!(&*reason.0, format!("symbol: w: {}", "가".repeat(80)));
        let reason = Reason::with_value("symbol", "w", &"\0".repeat(81));
        assert_eq!(&*reason.0, format!("symbol: w: {}…", "\\u{0}".repeat(16)));
    }

    #[test]
    fn the_kind_is_neither_field_nor_value() {
        for (reason, kind) in [
            (Reason::of("symbol", "missing"), "missing"),
            (Reason::with_value("quantity", "not an integer", "\"a: b\""), "not an integer"),
        ] {
            assert_eq!(reason.kind(), kind);
        }
    }

    #[test]
    fn null_and_missing_are_told_apart() {
        assert_eq!(&*Reason::wrong_type("symbol", "not a string", Raw::default()).0, "symbol: missing");
    }
}
