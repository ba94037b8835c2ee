//! What people and programs watch a worker by (`spec.md` 1.5): a page, an API with Flink's paths and fields, metrics.
//!
//! ```text
//! GET  /                         the page
//! GET  /overview /jobs …         what Flink 1.18 answers there
//! POST /jobs/{job}/savepoints …  what takes its time; with the token
//! GET  /api/v1/…                 what Flink has not
//! GET  /metrics                  for Prometheus
//! GET  /healthz /readyz          for whatever restarts workers
//! ```
//!
//! The table in `routes.rs` has them all, and `/api/v1/openapi.json` is made of it. It is served on a thread of its own, the only one
//! with an async runtime; the engine is asked nothing, it tells its telemetry once an epoch.

mod answers;
mod connection;
mod events;
mod flink;
mod guard;
mod live;
mod metrics;
mod native;
mod openapi;
mod otlp;
mod page;
mod reply;
mod route;
mod routes;
mod server;
mod site;
mod view;

pub use server::{Server, WebError, start};
pub use view::{About, ProgressView, View};

/// The worker's version, as `worker --version` has it.
const VERSION: &str = env!("CARGO_PKG_VERSION");

#[cfg(test)]
mod tests;
