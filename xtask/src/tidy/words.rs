//! Words that do not belong into a finished tree: marks of unfinished work, places of one machine, names that say nothing.

use crate::tidy::Finding;
use crate::tidy::tree::{File, Tree};

/// Written in halves, or this file would be its own first finding.
const MARKS: [&str; 4] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];
const PLACES: [&str; 3] = [concat!("/wo", "rk/"), concat!("../sha", "red/"), concat!("/ro", "ot/")];
/// House, 4: a name says what is inside.
const EMPTY_NAMES: [&str; 8] = ["util", "utils", "helper", "helpers", "common", "manager", "misc", "stuff"];
const READ: [&str; 10] = ["rs", "py", "sh", "md", "toml", "yml", "yaml", "sql", "html", "js"];

/// Where they stand.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.files.iter().flat_map(|file| in_text(file).chain(in_name(file))).collect()
}

fn in_text(file: &File) -> impl Iterator<Item = Finding> {
    let read = READ.contains(&file.extension()) || file.text.starts_with("#!");
    let lines = file.text.lines().enumerate().filter(move |_| read);
    lines.filter_map(|(index, line)| Some(Finding::new(&file.path, index + 1, complaint(line)?)))
}

fn complaint(line: &str) -> Option<String> {
    let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
    if let Some(mark) = words.find(|word| MARKS.contains(word)) {
        return Some(format!("{mark}: finish it, or file an issue"));
    }
    let place = PLACES.iter().find(|place| line.contains(**place))?;
    Some(format!("{place} is a place of one machine"))
}

fn in_name(file: &File) -> Option<Finding> {
    if file.extension() != "rs" {
        return None;
    }
    let name = file.path.split('/').map(|part| part.trim_end_matches(".rs")).find(|part| EMPTY_NAMES.contains(part))?;
    Some(Finding::new(&file.path, 0, format!("`{name}` does not say what is inside")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_places_are_found() {
        for (line, found) in [
            (format!("// {}: later", MARKS[0]), true),
            (format!("# {}(me)", MARKS[1]), true),
            (format!("open(\"{}x\")", PLACES[0]), true),
            (format!("todo = \"warn\" {}S", MARKS[0]), false),
            ("workers/ and framework/".to_owned(), false),
        ] {
            assert_eq!(complaint(&line).is_some(), found, "{line}");
        }
    }
}
