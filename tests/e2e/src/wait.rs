//! Waiting for something to become true: looked at often, for so long at most, and what was missing is told.

use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::signals::{self, Interrupted};
use crate::stopwatch::{Stopwatch, human};

/// What a look found.
#[derive(Debug)]
pub(crate) enum Look<T> {
    /// It is there.
    Found(T),
    /// Not yet, and why.
    NotYet(String),
}

/// Looks every 50 ms: for what costs next to nothing.
pub(crate) fn until<T>(what: &str, limit: Duration, look: impl FnMut() -> Result<Look<T>>) -> Result<T> {
    until_every(Duration::from_millis(50), what, limit, look)
}

/// Looks every 500 ms: for what starts a program.
pub(crate) fn until_slowly<T>(what: &str, limit: Duration, look: impl FnMut() -> Result<Look<T>>) -> Result<T> {
    until_every(Duration::from_millis(500), what, limit, look)
}

fn until_every<T>(
    pause: Duration,
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> Result<Look<T>>,
) -> Result<T> {
    let watch = Stopwatch::start();
    loop {
        let reason = match look()? {
            Look::Found(found) => return Ok(found),
            Look::NotYet(reason) => reason,
        };
        if watch.elapsed() > limit {
            bail!("{what}: not within {}: {reason}", human(limit));
        }
        pause_for(pause)?;
    }
}

/// Sleeps in short pieces, so that Ctrl-C is seen.
pub(crate) fn pause_for(time: Duration) -> Result<()> {
    let watch = Stopwatch::start();
    while let Some(left) = time.checked_sub(watch.elapsed()).filter(|left| !left.is_zero()) {
        if signals::asked_to_stop() {
            bail!(Interrupted);
        }
        thread::sleep(left.min(Duration::from_millis(50)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_reason_is_told() {
        let mut looks = 0;
        let mut look = || {
            looks += 1;
            Ok(if looks == 3 { Look::Found("it") } else { Look::NotYet(format!("{looks} of 3")) })
        };
        assert_eq!(until("three", Duration::from_secs(10), &mut look).expect("the third"), "it");
        let error = until("four", Duration::ZERO, || Ok(Look::<()>::NotYet("never".into()))).expect_err("too late");
        assert_eq!(error.to_string(), "four: not within 0.0 s: never");
    }
}
