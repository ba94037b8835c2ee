//! What people see of a run beside its results: logs and the status line, both on stderr.

pub mod logs;
mod status;

pub use status::StatusLine;
