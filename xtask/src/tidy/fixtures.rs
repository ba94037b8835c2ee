//! Every fixture has its provenance: the README beside it names the file. The scripts that derive some are no fixtures.

use crate::tidy::Finding;
use crate::tidy::tree::{File, Tree};

const FOLDER: &str = "tests/fixtures/";
const README: &str = "tests/fixtures/README.md";

/// Fixtures that the README does not name, by path or by name.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let is_fixture = |file: &&File| {
        file.path.starts_with(FOLDER) && file.path != README && file.extension() != "py" && file.name() != ".gitignore"
    };
    let fixtures = tree.files.iter().filter(is_fixture);
    let readme = tree.file(README).map_or("", |file| file.text.as_str());
    let unnamed = fixtures.filter(|file| !names(readme, file.name()));
    unnamed.map(|file| Finding::new(&file.path, 0, format!("{README} does not say where it comes from"))).collect()
}

/// The name stands there whole, not as the end or the beginning of another.
fn names(readme: &str, name: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    readme.match_indices(name).any(|(at, _)| {
        let before = readme.split_at(at).0.chars().next_back();
        let mut after = readme.split_at(at + name.len()).1.chars();
        // A full stop may follow the name; `.gz` is another file's name.
        let goes_on = match after.next() {
            Some('.') => after.next().is_some_and(char::is_alphanumeric),
            next => next.is_some_and(part_of_name),
        };
        !before.is_some_and(part_of_name) && !goes_on
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_whole() {
        for (readme, named) in [
            ("`a.ndjson`", true),
            ("derived/a.ndjson: x", true),
            ("from a.ndjson.", true),
            ("a.ndjson", true),
            ("data.ndjson and a.ndjson.gz and x-a.ndjson", false),
            ("", false),
        ] {
            assert_eq!(names(readme, "a.ndjson"), named, "{readme}");
        }
    }
}
