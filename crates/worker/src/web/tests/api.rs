//! The API by its own table: every path answers as the table and the `OpenAPI` document say.

use serde_json::{Value, json};

use super::*;
use crate::config::{LogFormat, LogLevel, LogSettings};
use crate::telemetry::logs;
use crate::web::route::{Gives, Input, Method, Route, Takes};
use crate::web::routes::ROUTES;

const TOKEN: &str = "correct horse";

/// A worker that makes checkpoints, and has a token.
pub(super) fn operated() -> (Server, Arc<Still>) {
    let view = Arc::new(Still { control: Some(Control::default()), ..Still::default() });
    let server = start(&settings(LOOPBACK, Some(TOKEN)), Arc::clone(&view) as Arc<dyn View>).unwrap();
    (server, view)
}

/// Sends a method with a JSON body and the token.
pub(super) fn change(server: &Server, method: &str, path: &str, body: &str) -> Answer {
    let length = body.len();
    send(
        server,
        &format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {TOKEN}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        ),
    )
}

/// The path with this server's own ids in it.
pub(super) fn filled(server: &Server, route: &Route) -> String {
    let jobs = get(server, "/jobs").json();
    let job = jobs["jobs"][0]["id"].as_str().unwrap();
    let vertex = get(server, &format!("/jobs/{job}")).json()["vertices"][1]["id"].as_str().unwrap().to_owned();
    route
        .path
        .replace("{job}", job)
        .replace("{vertex}", &vertex)
        .replace("{trigger}", &"0".repeat(32))
        .replace("{checkpoint}", "1")
}

pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[test]
fn every_path_answers_what_its_route_says() {
    let (server, view) = operated();
    view.telemetry.checkpoints.noted(false, &SystemClock, || Ok("/nowhere/chk-1".into())).unwrap();
    let mut asked = 0;
    for route in ROUTES.iter().filter(|route| route.method == Method::Get && !route.path.contains("{trigger}")) {
        let Gives::Json(_) = route.gives else { continue };
        let answer = get(&server, &filled(&server, route));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{}", route.path);
        let value = answer.json();
        for (field, expected) in route.fields {
            assert_eq!(kind(&value[*field]), *expected, "{}: {field} in {value}", route.path);
        }
        assert_eq!(value.is_array(), route.fields.is_empty(), "{}", route.path);
        asked += 1;
    }
    assert!(asked > 25, "{asked}");
}

#[test]
fn the_openapi_document_has_every_path_and_every_status() {
    let (server, _) = operated();
    let document = get(&server, "/api/v1/openapi.json").json();
    for route in ROUTES {
        let operation = &document["paths"][route.path][route.method.word().to_lowercase()];
        assert_eq!(operation["summary"], route.summary);
        assert!(operation["responses"][route.status.to_string()].is_object(), "{}", route.path);
        let names = route.path.matches('{').count() + route.query.len();
        assert_eq!(operation["parameters"].as_array().unwrap().len(), names, "{}", route.path);
    }
    assert_eq!(document["paths"].as_object().unwrap().len(), {
        let mut paths: Vec<&str> = ROUTES.iter().map(|route| route.path).collect();
        paths.dedup();
        paths.sort_unstable();
        paths.dedup();
        paths.len()
    });
}

#[test]
fn inputs_are_taken_as_far_as_the_document_says() {
    // Its level is among what can be changed.
    logs::start(&LogSettings { level: LogLevel::Off, format: LogFormat::Json }, false, false);
    let (server, _) = operated();
    let mut asked = 0;
    for route in ROUTES.iter().filter(|route| matches!(route.gives, Gives::Json(_))) {
        for Input { name, takes, .. } in route.query.iter().chain(route.body) {
            let (taken, refused) = match takes {
                Takes::Text => (vec![json!("x")], vec![]),
                Takes::Path => (vec![json!("/somewhere")], vec![json!("")]),
                Takes::OneOf(words) => (words.iter().map(|word| json!(word)).collect(), vec![json!("none of them")]),
                Takes::Count(most) => (vec![json!(1), json!(most)], vec![json!(0), json!(most + 1), json!("many")]),
                Takes::Switch => (vec![json!(true), json!(false)], vec![json!("yes")]),
                Takes::Off => (vec![json!(false)], vec![json!(true)]),
            };
            let path = filled(&server, route);
            for (values, expected) in [(taken, route.status), (refused, 400)] {
                for value in values {
                    let text = value.as_str().map_or(value.to_string(), |text| text.replace(' ', "+"));
                    let answer = match route.method {
                        Method::Get => get(&server, &format!("{path}?{name}={text}")),
                        _ => change(&server, route.method.word(), &path, &json!({ *name: value }).to_string()),
                    };
                    assert_eq!(answer.status, expected, "{path}: {name} is {value}: {}", answer.body);
                    asked += 1;
                }
            }
        }
    }
    assert!(asked > 30, "{asked}");
}

#[test]
fn a_method_that_is_not_there_is_said_whatever_its_body() {
    let (server, _) = operated();
    let job = get(&server, "/jobs").json()["jobs"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(change(&server, "GET", &format!("/jobs/{job}/stop"), "{}").status, 405);
    assert_eq!(change(&server, "GET", "/overview", "{}").status, 413);
}

#[test]
fn a_savepoint_is_asked_for_and_looked_up() {
    let (server, view) = operated();
    let job = get(&server, "/jobs").json()["jobs"][0]["id"].as_str().unwrap().to_owned();
    let asked = change(&server, "POST", &format!("/jobs/{job}/savepoints"), r#"{"target-directory":"/state/s"}"#);
    assert_eq!(asked.status, 202);
    let id = asked.json()["request-id"].as_str().unwrap().to_owned();
    let lookup = format!("/jobs/{job}/savepoints/{id}");
    assert_eq!(get(&server, &lookup).json(), json!({ "status": { "id": "IN_PROGRESS" } }));
    let control = view.control.as_ref().unwrap();
    let (number, request) = control.take(Duration::ZERO).unwrap();
    assert_eq!(request, Request::Savepoint { directory: Some("/state/s".into()), stop: false });
    control.finish(number, RequestState::Completed { location: "/state/s/savepoint-1".into() });
    assert_eq!(
        get(&server, &lookup).json(),
        json!({ "status": { "id": "COMPLETED" }, "operation": { "location": "/state/s/savepoint-1" } })
    );
}

#[test]
fn a_stop_and_a_checkpoint_are_asked_for() {
    let (server, view) = operated();
    let job = get(&server, "/jobs").json()["jobs"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(change(&server, "POST", &format!("/jobs/{job}/stop"), "{}").status, 202);
    assert_eq!(change(&server, "POST", &format!("/jobs/{job}/checkpoints"), "").status, 202);
    let control = view.control.as_ref().unwrap();
    let taken: Vec<Request> = std::iter::from_fn(|| control.take(Duration::ZERO)).map(|(_, request)| request).collect();
    assert_eq!(taken, [Request::Savepoint { directory: None, stop: true }, Request::Checkpoint]);
}

#[test]
fn what_cannot_be_understood_is_said_with_the_right_status() {
    let (server, _) = operated();
    let job = get(&server, "/jobs").json()["jobs"][0]["id"].as_str().unwrap().to_owned();
    let savepoints = format!("/jobs/{job}/savepoints");
    for (method, path, body, status) in [
        ("POST", savepoints.as_str(), "{", 400),
        ("POST", &savepoints, "[]", 400),
        ("POST", &savepoints, r#"{"target-directory":7}"#, 400),
        ("POST", &savepoints, r#"{"cancel-job":"yes"}"#, 400),
        ("POST", "/jobs/0123/savepoints", "{}", 404),
        ("PUT", &savepoints, "{}", 405),
        ("PATCH", "/overview", "", 405),
        ("POST", "/jars/upload", "", 404),
        ("PUT", "/api/v1/log-level", r#"{"level":"loud"}"#, 400),
        ("PUT", "/api/v1/log-level", "", 400),
        ("POST", &format!("/jobs/{job}/stop"), r#"{"drain":true}"#, 400),
        ("POST", &format!("/jobs/{job}/checkpoints"), r#"{"checkpointType":"HUGE"}"#, 400),
    ] {
        let answer = change(&server, method, path, body);
        assert_eq!(answer.status, status, "{method} {path} {body}: {}", answer.body);
        assert!(answer.json()["errors"][0].is_string(), "{method} {path} {body}");
    }
    assert_eq!(change(&server, "PATCH", "/overview", "").header("allow"), Some("GET, HEAD"));
    for (path, status) in [
        (format!("/jobs/{job}/vertices/{job}"), 404),
        (format!("/jobs/{job}/savepoints/{}", "f".repeat(32)), 404),
        (format!("/jobs/{job}/savepoints/+7"), 404),
        (format!("/jobs/{job}/checkpoints/details/9"), 404),
        (format!("/jobs/{job}/checkpoints/details/x"), 400),
        (format!("/jobs/{job}/exceptions?maxExceptions=0"), 400),
        ("/api/v1/alerts?limit=1000".to_owned(), 400),
        ("/api/v1/alerts?rule=NONE".to_owned(), 400),
    ] {
        let answer = get(&server, &path);
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert!(answer.json()["errors"][0].is_string(), "{path}");
    }
}

#[test]
fn a_body_that_is_no_json_is_refused_by_its_kind() {
    let (server, _) = operated();
    let form = send(
        &server,
        &format!(
            "PUT /api/v1/log-level HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {TOKEN}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: 10\r\n\r\nlevel=info"
        ),
    );
    assert_eq!(form.status, 415);
    let endless = send(
        &server,
        &format!(
            "PUT /api/v1/log-level HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {TOKEN}\r\n\
             transfer-encoding: chunked\r\n\r\n5000\r\n{}\r\n0\r\n\r\n",
            "x".repeat(0x5000)
        ),
    );
    assert_eq!(endless.status, 413);
}

#[test]
fn a_worker_without_checkpoints_says_so() {
    let server = started(LOOPBACK, Some(TOKEN));
    let job = get(&server, "/jobs").json()["jobs"][0]["id"].as_str().unwrap().to_owned();
    let answer = change(&server, "POST", &format!("/jobs/{job}/savepoints"), "{}");
    assert_eq!(answer.status, 409);
    assert!(answer.body.contains("keeps its state in memory"), "{}", answer.body);
}

#[test]
fn what_a_run_waits_for_is_a_problem_in_its_status() {
    let problems = |server: &Server| get(server, "/api/v1/status").json()["problems"].clone();
    assert_eq!(problems(&started(LOOPBACK, None)), json!([]));
    let trouble = Some(Trouble { what: "epoch log: no space left on /state".to_owned(), since_ms: 1_770_872_150_000 });
    let view = Arc::new(Still { trouble, ..Still::default() });
    let server = start(&settings(LOOPBACK, None), view as Arc<dyn View>).unwrap();
    assert_eq!(
        problems(&server),
        json!([{ "kind": "trouble", "reason": "epoch log: no space left on /state", "since_ms": 1_770_872_150_000_i64 }])
    );
}

#[test]
fn events_come_every_second() {
    let server = started(LOOPBACK, None);
    let mut stream = connect(&server);
    stream.write_all(b"GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let (mut seen, mut bytes) = (String::new(), [0; 4_096]);
    while seen.matches("event: status\n").count() < 2 {
        let read = stream.read(&mut bytes).unwrap();
        assert!(read > 0, "the stream has ended: {seen}");
        seen.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
    assert!(seen.contains("content-type: text/event-stream") && seen.contains("\"consumed\":778"), "{seen}");
}

#[test]
fn secrets_stand_nowhere() {
    let mut about = Still::default().about;
    let mut entry = crate::config::Values::load(&crate::config::Flags::default(), &crate::config::Host::this())
        .unwrap()
        .get("web.token")
        .unwrap()
        .clone();
    entry.value = crate::config::Value::Secret(Secret::new("hunter2-hunter2"));
    about.configuration = vec![entry];
    let view = Arc::new(Still { about, ..Still::default() });
    let server = start(&settings(LOOPBACK, Some("hunter2-hunter2")), view as Arc<dyn View>).unwrap();
    for route in ROUTES.iter().filter(|route| matches!(route.gives, Gives::Json(_)) && route.method == Method::Get) {
        let answer = get(&server, &filled(&server, route));
        assert!(!answer.body.contains("hunter2"), "{}", route.path);
    }
    let configuration = get(&server, "/api/v1/configuration").json();
    assert_eq!(configuration["configuration"]["web.token"]["value"], crate::config::HIDDEN);
}
