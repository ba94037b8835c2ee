//! The pipeline, in the data's order:
//!
//! ```text
//! source ──▶ decode ──▶ route ──▶ window, anomaly ──▶ sink
//!                └──────── epoch drives it; state stands beside it ────────┘
//! ```

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
