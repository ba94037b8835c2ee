//! The pipeline, in the data's order:
//!
//! ```text
//! source ──▶ decode ──▶ route ──▶ window, anomaly ──▶ sink
//!                └──────── epoch drives it; state and checkpoint stand beside it ────────┘
//! ```
//!
//! `commands` puts it together from `cli` and `config`; `telemetry` and `web` watch it.

mod words;
pub mod allocator;
pub mod append_file;
pub mod cli;
pub mod config;
pub mod commands;
pub mod decimal;
pub mod event;
pub mod source;
pub mod decode;
pub mod route;
pub mod time;
pub mod window;
pub mod anomaly;
pub mod sink;
pub mod epoch;
pub mod state;
pub mod checkpoint;
pub mod telemetry;
#[cfg(feature = "web")]
pub mod web;
