//! Every numbered invariant of ARCHITECTURE.md, written `**I3**` there, is cited by a test: `I3` in its text, or `i3_` in its name.

use crate::tidy::tree::Tree;
use crate::tidy::{Finding, rust_text};

const PAGE: &str = "ARCHITECTURE.md";

/// Invariants that no test holds.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(page) = tree.file(PAGE) else {
        return vec![Finding::new(PAGE, 0, "missing: it has the numbered invariants")];
    };
    let stated: Vec<_> = page
        .text
        .lines()
        .enumerate()
        .flat_map(|(index, line)| numbers(line).map(move |number| (index + 1, number)))
        .collect();
    if stated.is_empty() {
        return vec![Finding::new(PAGE, 0, "no numbered invariant, written **I1**, is in it")];
    }
    let tests: Vec<String> = tree.rust().map(rust_text::tests_of).collect();
    let uncited = stated.into_iter().filter(|(_, number)| !tests.iter().any(|text| cites(text, number)));
    uncited.map(|(line, number)| Finding::new(PAGE, line, format!("no test cites I{number}"))).collect()
}

/// The numbers in `**I3**`.
fn numbers(line: &str) -> impl Iterator<Item = &str> {
    line.split("**I").skip(1).filter_map(|rest| {
        let (number, _) = rest.split_once("**")?;
        (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(number)
    })
}

fn cites(text: &str, number: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let name = format!("i{number}_");
    text.split(|c| !word(c)).any(|found| found.strip_prefix('I') == Some(number) || found.starts_with(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invariants_are_read_from_the_page() {
        assert_eq!(
            numbers("- **I900** and **I901**: x. **Important** **I** **I9x**").collect::<Vec<_>>(),
            ["900", "901"]
        );
    }

    #[test]
    fn a_citation_is_a_whole_word_or_a_test_name() {
        for (text, cited) in [
            ("// holds I900: x", true),
            ("fn i900_replay_is_exact() {}", true),
            ("// I9001, XI900, I900x", false),
            ("fn hi900_x() {}", false),
            ("", false),
        ] {
            assert_eq!(cites(text, "900"), cited, "{text}");
        }
    }
}
