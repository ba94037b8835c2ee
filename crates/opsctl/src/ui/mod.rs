//! What people and programs see: steps with their times while something happens, one report at the end.
//!
//! Progress and errors go to stderr, results to stdout.

mod palette;
pub(crate) mod report;
mod steps;

pub(crate) use palette::Palette;
pub(crate) use steps::{Outcome, Step, Steps};
