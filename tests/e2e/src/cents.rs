//! Money as whole cents: DECIMAL(15, 2) times an INT, and sums of many of these, fit an `i128`.

use anyhow::{Context as _, Result};

/// `123.45` is 12345.
pub(crate) fn cents(text: &str) -> Result<i128> {
    parse(text).with_context(|| format!("not a decimal with at most two places: {text:?}"))
}

fn parse(text: &str) -> Option<i128> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, places) = digits.split_once('.').unwrap_or((digits, ""));
    let digits_only = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    // More places are well as long as they say nothing.
    let places = places.trim_end_matches('0');
    if whole.is_empty() || places.len() > 2 || !digits_only(whole) || !digits_only(places) {
        return None;
    }
    format!("{whole}{places:0<2}").parse::<i128>().ok().map(|cents| sign * cents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cents_are_exact() {
        for (text, value) in [("0", 0), ("72000", 7_200_000), ("0.1", 10), ("-12.34", -1234), ("1.5000", 150)] {
            assert_eq!(cents(text).expect(text), value, "{text}");
        }
        assert_eq!(cents("99999999999999999999999999999.99").expect("long"), 9_999_999_999_999_999_999_999_999_999_999);
        for text in ["", ".5", "1.234", "1e3", "--1", "a"] {
            assert!(cents(text).is_err(), "{text}");
        }
    }
}
