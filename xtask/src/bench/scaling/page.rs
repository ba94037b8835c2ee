//! The page of curves: words by hand, and between two marks what the command has measured. Pure.

use anyhow::{Result, bail};

const BEGIN: &str = "<!-- measured: begin -->";
const END: &str = "<!-- measured: end -->";

/// The page with this between its marks; all else stays.
pub(super) fn with_measured(page: &str, measured: &str) -> Result<String> {
    let Some((before, rest)) = page.split_once(BEGIN) else { bail!("the page has no line {BEGIN}") };
    let Some((_, after)) = rest.split_once(END) else { bail!("the page has no line {END} behind {BEGIN}") };
    Ok(format!("{before}{BEGIN}\n{}\n{END}{after}", measured.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_takes_the_place_of_what_was_and_words_stay() {
        let page = format!("# Curves\n\n{BEGIN}\nold\n{END}\n\nWhat bends them.\n");
        let new = with_measured(&page, "\n| a |\n").expect("replaced");
        assert_eq!(new, format!("# Curves\n\n{BEGIN}\n| a |\n{END}\n\nWhat bends them.\n"));
        assert_eq!(with_measured(&new, "| a |").expect("replaced"), new, "again changes nothing");
    }

    #[test]
    fn a_page_without_marks_is_left_alone() {
        for page in ["", BEGIN, END, &format!("{END}{BEGIN}")] {
            with_measured(page, "x").expect_err("no place for it");
        }
    }
}
