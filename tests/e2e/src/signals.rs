//! Ctrl-C and SIGTERM: noted here, looked at by whoever waits, so that the stack is taken down before the end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();
static CLEANING: AtomicBool = AtomicBool::new(false);

/// Somebody pressed Ctrl-C or sent SIGTERM.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// From now on a first signal is noted; a second one ends the process at once, and the next run cleans up.
pub(crate) fn listen() -> anyhow::Result<()> {
    let asked = ASKED.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        flag::register_conditional_shutdown(signal, 130, Arc::clone(asked))?;
        flag::register(signal, Arc::clone(asked))?;
    }
    Ok(())
}

/// Whether somebody wants us to stop what we wait for.
pub(crate) fn asked_to_stop() -> bool {
    interrupted() && !CLEANING.load(Ordering::Relaxed)
}

/// Whether somebody wants us to stop, also while cleaning up.
pub(crate) fn interrupted() -> bool {
    ASKED.get().is_some_and(|asked| asked.load(Ordering::Relaxed))
}

/// Does what must be done also after Ctrl-C.
pub(crate) fn undisturbed<T>(work: impl FnOnce() -> T) -> T {
    let before = CLEANING.swap(true, Ordering::Relaxed);
    let result = work();
    CLEANING.store(before, Ordering::Relaxed);
    result
}
