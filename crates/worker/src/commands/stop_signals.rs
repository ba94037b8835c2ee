//! SIGTERM and Ctrl-C as a flag.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};

use super::SessionError;

/// A flag that SIGTERM and Ctrl-C set; a second one ends the process at once.
pub fn stop_on_signals() -> Result<Arc<AtomicBool>, SessionError> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
            .map_err(|error| SessionError::Start(format!("signal {signal}: {error}")))?;
    }
    Ok(stop)
}
