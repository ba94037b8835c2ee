//! Pure judgements: what was seen → what is wrong and what mends it. No I/O.

pub(crate) mod causes;
pub(crate) mod compose_text;
pub(crate) mod concerns;
pub(crate) mod connector_file;
pub(crate) mod diagnosis;
pub(crate) mod drift;
pub(crate) mod explain;
pub(crate) mod facts;
pub(crate) mod finding;
pub(crate) mod fix;
pub(crate) mod internal_topics;
pub(crate) mod memory;
pub(crate) mod redact;
pub(crate) mod repair_plan;
pub(crate) mod variant;
pub(crate) mod watch_policy;

#[cfg(test)]
mod tests;
