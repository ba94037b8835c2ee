//! The page: one file, with nothing to fetch but the API of the server that it came from.

use std::hash::{BuildHasher, RandomState};

use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

const PAGE: &str = include_str!("page.html");
/// Stands in the page where the nonce of an answer goes.
const NONCE: &str = "{nonce}";

/// The page, with a policy that runs the script and the style in it and no other.
pub(super) fn answer() -> Response {
    let nonce = nonce();
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, &policy)];
    (headers, PAGE.replace(NONCE, &nonce)).into_response()
}

/// A word that nobody can guess: the keys of std's hasher come from the system's random numbers.
fn nonce() -> String {
    let [high, low] = [0_u8, 1].map(|half| RandomState::new().hash_one(half));
    format!("{high:016x}{low:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_fetches_nothing_from_elsewhere() {
        for elsewhere in ["http:", "https:", "src=", "@import", "url(", "eval(", "innerHTML", "style=\"", "onclick="] {
            assert!(!PAGE.contains(elsewhere), "{elsewhere}");
        }
        assert_eq!(PAGE.matches(NONCE).count(), 2, "one style, one script");
        assert_eq!(PAGE.matches("<script").count() + PAGE.matches("<style").count(), 2);
    }

    #[test]
    fn a_nonce_comes_once() {
        let (first, second) = (nonce(), nonce());
        assert_ne!(first, second);
        assert_eq!(first.len(), 32);
        assert_ne!(first[..16], first[16..]);
    }
}
