//! Pure judgements: what was seen → what is wrong and what mends it. No I/O.

pub(crate) mod connector_file;
pub(crate) mod drift;
pub(crate) mod explain;
pub(crate) mod internal_topics;
pub(crate) mod memory;
pub(crate) mod variant;
