//! What Flink 1.18 answers too, under its paths and with its field names. Where we have nothing of the kind, a field has
//! the value that Flink gives where it has nothing.

pub(super) mod checkpoints;
pub(super) mod exceptions;
pub(super) mod identity;
pub(super) mod job;
pub(super) mod overview;
pub(super) mod triggers;
pub(super) mod vertices;
