//! HTTP around the answers: who may ask, what a body may be, and the headers that every answer carries.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::guard::{BODY_BYTES, Refusal, is_read, judge_body};
use super::reply::{Ask, Problem, Reply, pairs};
use super::route::{Gives, Method, Route};
use super::routes::{Found, find};
use super::site::Site;
use super::{events, metrics, page};

/// One handler for every path: which there are stands in the table.
pub(super) fn router(site: Arc<Site>) -> Router {
    Router::new().fallback(answer).layer(map_response(with_headers)).with_state(site)
}

async fn answer(State(site): State<Arc<Site>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    if let Err(refusal) = site.guard.judge(&head) {
        // Whoever may read may know what there is: a method that no token would help is said to be none.
        if refusal == Refusal::NoToken {
            match find(head.method.as_str(), head.uri.path()) {
                Found::Nothing => return not_found(),
                Found::OtherMethods(methods) => return other_methods(methods),
                Found::Route(..) => {}
            }
        }
        // A browser cannot send a token by itself: the page asks for it. There is nothing else in it.
        let page = page::answer(head.uri.path()).filter(|_| refusal == Refusal::Token && is_read(&head));
        return page.unwrap_or_else(|| refused(refusal));
    }
    if let Some(file) = page::answer(head.uri.path()).filter(|_| is_read(&head)) {
        return file;
    }
    match find(head.method.as_str(), head.uri.path()) {
        Found::Nothing => not_found(),
        Found::OtherMethods(methods) => other_methods(methods),
        Found::Route(route, names) => match judge_body(&head) {
            Ok(()) => given(&site, route, names, &head, body).await,
            Err(refusal) => refused(refusal),
        },
    }
}

async fn given(site: &Arc<Site>, route: &Route, names: Vec<&str>, head: &Parts, body: Body) -> Response {
    let answer = match route.gives {
        Gives::Json(answer) => answer,
        Gives::Page => return page::answer("/").unwrap_or_else(not_found),
        Gives::Metrics(flink) => {
            let text = if flink { metrics::flink_text(site) } else { metrics::text(site) };
            return ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response();
        }
        Gives::Alive => return "ok".into_response(),
        Gives::Ready => return ready(site),
        Gives::Events => return events::answer(site),
    };
    let body = match route.method {
        Method::Get => Ok(Value::Null),
        Method::Post | Method::Put => json_body(head, body).await,
    };
    let query = pairs(head.uri.query().unwrap_or_default());
    reply(body.and_then(|body| answer(&Ask { site, names, query, body })))
}

/// The body as JSON: an object, or nothing at all.
async fn json_body(head: &Parts, body: Body) -> Result<Value, Problem> {
    let too_long = |_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, Refusal::Body.message());
    let bytes = to_bytes(body, BODY_BYTES).await.map_err(too_long)?;
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let kind = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
        let message = "a body is JSON here: say so with \"Content-Type: application/json\"";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    match serde_json::from_slice(&bytes) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(Problem::bad("the body is a JSON object")),
        Err(error) => Err(Problem::bad(format!("the body is not JSON: {error}"))),
    }
}

fn ready(site: &Site) -> Response {
    if site.view.ready() {
        "ok".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready: no partition has been read and committed yet").into_response()
    }
}

fn not_found() -> Response {
    errors(StatusCode::NOT_FOUND, "not found: /api/v1/openapi.json lists what there is")
}

fn other_methods(mut methods: Vec<&str>) -> Response {
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    let allowed = methods.join(", ");
    let mut response = errors(StatusCode::METHOD_NOT_ALLOWED, &format!("this path takes {allowed}"));
    if let Ok(allowed) = HeaderValue::from_str(&allowed) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}

fn refused(refusal: Refusal) -> Response {
    let mut response = errors(refusal.status(), refusal.message());
    let (name, value) = match refusal {
        Refusal::Token => (WWW_AUTHENTICATE, "Bearer realm=\"worker\""),
        // What is left of it is nobody's next request.
        Refusal::Body | Refusal::Host | Refusal::NoToken => (CONNECTION, "close"),
    };
    response.headers_mut().insert(name, HeaderValue::from_static(value));
    response
}

fn reply(reply: Reply) -> Response {
    match reply {
        Ok((status, value)) => (status, as_json(&value)).into_response(),
        Err(Problem { status, message }) => errors(status, &message),
    }
}

/// Nothing is kept, framed, guessed at or told to others; what an answer may load stands in its own policy.
async fn with_headers(mut response: Response) -> Response {
    const HEADERS: [(HeaderName, &str); 3] = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers
        .entry(CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    response
}

fn as_json(value: &Value) -> Response {
    ([(CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

/// An error in the shape that Flink gives it.
pub(super) fn errors(status: StatusCode, message: &str) -> Response {
    (status, as_json(&json!({ "errors": [message] }))).into_response()
}
