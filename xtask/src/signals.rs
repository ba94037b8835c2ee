//! Ctrl-C and SIGTERM: noted here, looked at by whoever waits, so that nothing is left running.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on a first signal is noted and a second one ends the process at once.
pub(crate) fn listen() -> anyhow::Result<()> {
    let asked = ASKED.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        flag::register_conditional_shutdown(signal, 130, Arc::clone(asked))?;
        flag::register(signal, Arc::clone(asked))?;
    }
    Ok(())
}

/// Whether somebody wants us to stop.
pub(crate) fn asked_to_stop() -> bool {
    ASKED.get().is_some_and(|asked| asked.load(Ordering::Relaxed))
}
