//! Server-sent events: the status, once a second, made once for all that listen.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::answers::errors;
use super::site::Site;

/// How many may listen at one time (I7); other requests always find a place.
const LISTENERS: usize = 128;

/// `GET /api/v1/events`
pub(super) fn answer(site: &Arc<Site>) -> Response {
    if site.live.listeners() >= LISTENERS {
        return errors(StatusCode::SERVICE_UNAVAILABLE, "too many listen already: ask /api/v1/status instead");
    }
    let mut told = site.live.listen();
    // What was told last comes at once.
    told.mark_changed();
    let events = stream::unfold(told, |mut told| async move {
        told.changed().await.ok()?;
        let text = told.borrow_and_update().clone();
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(format!("event: status\ndata: {text}\n\n"))), told))
    });
    ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(events)).into_response()
}
