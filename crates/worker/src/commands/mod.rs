//! What each command of the command line does.

pub mod config;
pub mod decode;
#[cfg(feature = "kafka")]
pub mod demo;
pub mod generate;
pub mod health;
#[cfg(feature = "kafka")]
mod kafka_feed;
pub mod replay;
#[cfg(feature = "kafka")]
pub mod run;
mod session;

pub use session::{Console, Session, SessionError, stop_on_signals};
