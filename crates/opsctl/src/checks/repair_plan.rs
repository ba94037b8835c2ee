//! Which repairs, in which order: what stands at the root first, and what follows from it only if it is still there then.

use serde::Serialize;

use crate::checks::finding::{Finding, Level};
use crate::checks::fix::Fix;

/// One repair of the plan.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Planned {
    pub(crate) fix: Fix,
    /// The finding that it mends.
    pub(crate) id: &'static str,
    /// Of something that follows from something else: done only if it is still wrong after that was mended.
    pub(crate) only_if_still: bool,
}

/// As programs read it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PlannedLine {
    pub(crate) id: &'static str,
    pub(crate) action: String,
    pub(crate) only_if_still: bool,
}

impl Planned {
    /// For people and programs.
    pub(crate) fn line(&self) -> PlannedLine {
        PlannedLine { id: self.id, action: self.fix.to_string(), only_if_still: self.only_if_still }
    }
}

/// The repairs of these findings; nothing for what is well.
pub(crate) fn plan(findings: &[Finding]) -> Vec<Planned> {
    let wrong = findings.iter().filter(|finding| finding.level > Level::Ok);
    let mut planned: Vec<Planned> = Vec::new();
    for finding in wrong {
        let only_if_still = !finding.caused_by.is_empty();
        for fix in &finding.fixes {
            match planned.iter_mut().find(|known| known.fix == *fix) {
                Some(known) => known.only_if_still &= only_if_still,
                None => planned.push(Planned { fix: fix.clone(), id: finding.id, only_if_still }),
            }
        }
    }
    planned.sort_by_key(|planned| (planned.only_if_still, planned.fix.order()));
    planned
}
