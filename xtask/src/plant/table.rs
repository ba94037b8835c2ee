//! What was measured, as a table.

use std::fmt::Write as _;

use crate::plant::Bug;
use crate::plant::measure::Outcome;

const HEAD: &str = "\
# Planted bugs

Each file beside this page is a bug: a rule of the engine left out, as a text that stands in the place of the project's own.
`cargo xtask plant` puts one after the other into a copy of the tree and runs the tests that must notice: the simulation
(`engine/simulation`), tests of the engine beside it where its source cannot do such a thing, tests of the library where a
rule is about files or decisions of their own, or those of the ClickHouse sink, beside a server (`cargo xtask clickhouse`). A
bug that nobody notices ends it with exit code 1; a text that is no longer there, too. `cargo xtask plant --write` writes this
page: nothing in it is written by hand. Schedules are numbered from 1, and stop with the first that is wrong.

";

/// The page.
pub(crate) fn page(measured: &[(&Bug, Outcome)]) -> String {
    format!("{HEAD}{}", rows(measured))
}

/// The table alone.
pub(crate) fn rows(measured: &[(&Bug, Outcome)]) -> String {
    let mut text =
        "| rule | planted bug | file | noticed by | schedules until red |\n|---|---|---|---|---|\n".to_owned();
    for (bug, outcome) in measured {
        let (by, schedules) = match outcome {
            Outcome::Schedule(number) => ("the simulation".to_owned(), number.to_string()),
            Outcome::Failed(names) => {
                (names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "), String::new())
            }
            Outcome::Hung => ("tests that did not end".to_owned(), String::new()),
            Outcome::NotBuilt(_) => ("**not built**".to_owned(), String::new()),
            Outcome::Green => ("**nobody**".to_owned(), "**none**".to_owned()),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {} | {} | `{}` | {by} | {schedules} |", bug.rule, bug.wrong, bug.name);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_who_noticed() {
        let bug = Bug::parse("some", "rule = '2'\nwrong = 'left out'\nchange = []\n").expect("a bug");
        let rows = rows(&[(&bug, Outcome::Schedule(4)), (&bug, Outcome::Failed(vec!["a".to_owned(), "b".to_owned()]))]);
        let rows: Vec<&str> = rows.lines().skip(2).collect();
        assert_eq!(rows, ["| 2 | left out | `some` | the simulation | 4 |", "| 2 | left out | `some` | `a`, `b` |  |"]);
    }
}
