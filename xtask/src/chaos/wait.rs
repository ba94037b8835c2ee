//! Waiting, with a deadline and an ear for Ctrl-C.

use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::process::Interrupted;
use crate::signals;
use crate::stopwatch::{Stopwatch, human};

/// Recovery is told in milliseconds.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Waits until `done`, for `limit` at most.
pub(crate) fn until(what: &str, limit: Duration, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let watch = Stopwatch::start();
    while !done()? {
        if signals::asked_to_stop() {
            bail!(Interrupted);
        }
        if watch.elapsed() > limit {
            bail!("waited {} until {what}", human(limit));
        }
        thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

/// Lets time pass.
pub(crate) fn pause(for_ms: u64) -> Result<()> {
    let watch = Stopwatch::start();
    until("time has passed", Duration::MAX, || Ok(watch.elapsed() >= Duration::from_millis(for_ms)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_come_is_named() {
        let error = until("it rains", Duration::from_millis(10), || Ok(false)).expect_err("it does not");
        assert_eq!(error.to_string(), "waited 0.0 s until it rains");
        pause(1).expect("time passes");
    }
}
