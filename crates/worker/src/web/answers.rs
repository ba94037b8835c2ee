//! What each path answers, and the headers that every answer carries.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;

use super::guard::{Guard, Refusal};
use super::view::View;
use super::{metrics, page};

/// The worker's version, as `worker --version` has it.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// All that answers are made of.
pub(super) struct Site {
    pub(super) view: Arc<dyn View>,
    pub(super) guard: Guard,
}

/// Paths and what stands before and behind them.
pub(super) fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/", get(async || page::answer()))
        .route("/overview", get(overview))
        .route("/api/v1/accounting", get(accounting))
        .route("/metrics", get(metrics))
        .route("/healthz", get(async || "ok"))
        .route("/readyz", get(ready))
        .fallback(not_found)
        .layer(from_fn_with_state(Arc::clone(&site), guarded))
        .layer(map_response(with_headers))
        .with_state(site)
}

/// What Flink 1.18 answers, with its names: one task manager, which is this worker, and one job, which runs.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Overview {
    taskmanagers: u16,
    slots_total: u16,
    slots_available: u16,
    jobs_running: u16,
    jobs_finished: u16,
    jobs_cancelled: u16,
    jobs_failed: u16,
    flink_version: &'static str,
    /// Builds of ours do not know it.
    flink_commit: &'static str,
}

async fn overview(State(site): State<Arc<Site>>) -> Response {
    json(&Overview {
        taskmanagers: 1,
        slots_total: site.view.parallelism(),
        slots_available: 0,
        jobs_running: 1,
        jobs_finished: 0,
        jobs_cancelled: 0,
        jobs_failed: 0,
        flink_version: VERSION,
        flink_commit: "unknown",
    })
}

async fn accounting(State(site): State<Arc<Site>>) -> Response {
    json(&site.view.counts())
}

async fn metrics(State(site): State<Arc<Site>>) -> Response {
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics::text(site.view.as_ref())).into_response()
}

async fn ready(State(site): State<Arc<Site>>) -> Response {
    if site.view.ready() {
        "ok".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready: no partition has been read and committed yet").into_response()
    }
}

async fn not_found() -> Response {
    let known = "not found: there are /, /overview, /api/v1/accounting, /metrics, /healthz and /readyz";
    errors(StatusCode::NOT_FOUND, known)
}

/// Lets a request through to its path, or says why not.
async fn guarded(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let Err(refusal) = site.guard.judge(&head) else {
        return next.run(Request::from_parts(head, body)).await;
    };
    // A browser cannot send a token by itself: the page asks for it. There is nothing else in it.
    let mut response = if refusal == Refusal::Token && head.uri.path() == "/" {
        (refusal.status(), page::answer()).into_response()
    } else {
        errors(refusal.status(), refusal.message())
    };
    let (name, value) = match refusal {
        Refusal::Token => (WWW_AUTHENTICATE, "Bearer realm=\"worker\""),
        Refusal::Method => (ALLOW, "GET, HEAD"),
        // What is left of it is nobody's next request.
        Refusal::Body | Refusal::Host => (CONNECTION, "close"),
    };
    response.headers_mut().insert(name, HeaderValue::from_static(value));
    response
}

/// Nothing is kept, framed, guessed at or told to others; what an answer may load stands in its own policy.
async fn with_headers(mut response: Response) -> Response {
    const HEADERS: [(HeaderName, &str); 4] = [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    response
}

fn json(value: &impl Serialize) -> Response {
    // Numbers and our own words: serialising them cannot fail.
    let text = serde_json::to_string(value).unwrap_or_default();
    ([(CONTENT_TYPE, "application/json")], text).into_response()
}

/// An error in the shape that Flink gives it.
fn errors(status: StatusCode, message: &str) -> Response {
    (status, json(&serde_json::json!({ "errors": [message] }))).into_response()
}
