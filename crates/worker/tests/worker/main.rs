//! The worker as a whole, a module a theme.

#[cfg(feature = "kafka")]
#[expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests: helpers fail where they stand")]
mod kafka;
