//! What people and programs watch a worker by (`spec.md` 1.5): a page, an API with Flink's paths and fields, metrics.
//!
//! ```text
//! GET /                    the page
//! GET /overview            what Flink 1.18 answers there
//! GET /api/v1/accounting   what became of every record, as in the summary
//! GET /metrics             for Prometheus
//! GET /healthz /readyz     for whatever restarts workers
//! ```
//!
//! Nothing here changes anything. It is served on a thread of its own, the only one with an async runtime.

mod answers;
mod connection;
mod guard;
mod metrics;
mod page;
mod server;
mod view;

pub use server::{Server, WebError, start};
pub use view::{ProgressView, View};

#[cfg(test)]
mod tests;
