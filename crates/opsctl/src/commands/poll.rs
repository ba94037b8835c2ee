//! Asking again until it is so, or too late.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::failure::Result;

/// What was found when asked.
pub(crate) enum Found<T> {
    /// It is so.
    Ready(T),
    /// Not yet; what there is so far, in words.
    NotYet(String),
}

/// How it ended.
pub(crate) enum Waited<T> {
    /// It became so.
    Ready(T),
    /// It did not within the limit; the last words.
    TooLate(String),
}

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(300);

/// Asks until it is ready, `limit` has passed, or asking fails. Asks at least once.
pub(crate) async fn until<T>(
    limit: Duration,
    mut ask: impl AsyncFnMut() -> Result<Found<T>>,
    mut say: impl FnMut(&str),
) -> Result<Waited<T>> {
    let end = Instant::now() + limit;
    loop {
        match ask().await? {
            Found::Ready(value) => return Ok(Waited::Ready(value)),
            Found::NotYet(words) if Instant::now() >= end => return Ok(Waited::TooLate(words)),
            Found::NotYet(words) => say(&words),
        }
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_asks_until_it_is_so_or_too_late() {
        let mut asked = 0;
        let counted = async || {
            asked += 1;
            Ok(if asked == 3 { Found::Ready(asked) } else { Found::NotYet(format!("{asked} of 3")) })
        };
        let mut said = Vec::new();
        let waited = until(Duration::from_secs(5), counted, |words| said.push(words.to_owned())).await;
        assert!(matches!(waited, Ok(Waited::Ready(3))));
        assert_eq!(said, ["1 of 3", "2 of 3"]);

        let never = async || Ok(Found::<()>::NotYet("0 of 3".to_owned()));
        let waited = until(Duration::ZERO, never, |_| ()).await;
        assert!(matches!(waited, Ok(Waited::TooLate(words)) if words == "0 of 3"));
    }
}
