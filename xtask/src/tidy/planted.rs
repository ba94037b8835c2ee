//! Planted bugs: the texts that they replace are still there, and the table names each of them.

use crate::plant::{Bug, FOLDER, TABLE};
use crate::tidy::Finding;
use crate::tidy::tree::{File, Tree};

/// Bugs that could not be planted any more, or were never measured.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let table = tree.file(TABLE).map_or("", |file| file.text.as_str());
    let bugs = tree.files.iter().filter(|file| file.path.starts_with(FOLDER) && file.extension() == "toml");
    bugs.flat_map(|file| complaints(tree, table, file)).collect()
}

fn complaints(tree: &Tree, table: &str, file: &File) -> Vec<Finding> {
    let name = file.name().trim_end_matches(".toml");
    let mut findings = Vec::new();
    let mut complain = |what: String| findings.push(Finding::new(&file.path, 0, what));
    if !table.contains(&format!("`{name}`")) {
        complain(format!("{TABLE} does not name it: cargo xtask plant --write"));
    }
    match Bug::parse(name, &file.text) {
        Err(error) => complain(format!("{error:#}")),
        Ok(bug) => {
            for change in &bug.changes {
                // Two changes of one file are applied one after the other, to different places.
                let text = tree.file(&change.file).map_or("", |file| file.text.as_str());
                if let Err(error) = change.apply(text) {
                    complain(format!("{error:#}: plant it anew"));
                }
            }
        }
    }
    findings
}
