//! stub
use super::SessionError;
use crate::{cli::GenerateArgs, config::Settings};
/// stub
pub fn execute(_a: &GenerateArgs, _s: &Settings) -> Result<(), SessionError> { Ok(()) }
