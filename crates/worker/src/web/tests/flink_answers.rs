//! What Flink 1.18.1 itself answered of the job that this worker replaces (`cargo xtask flink-answers`), beside our answers
//! under the same paths: every field that Flink has is here, and of the same kind.

use serde_json::Value;

use super::api::{change, filled, kind, operated};
use super::*;
use crate::web::route::Method;
use crate::web::routes::ROUTES;

const RECORDED: &str = include_str!("../../../../../tests/fixtures/flink-answers.json");

/// Fields of Flink's that have nothing here that they could say: its changelog, and checkpoints task by task (ours are of
/// the whole worker).
const WITHOUT: &[&str] = &[
    "GET /jobs/{job}/checkpoints/config.changelog_periodic_materialization_interval",
    "GET /jobs/{job}/checkpoints/config.changelog_storage",
    "GET /jobs/{job}/checkpoints/details/{checkpoint}.tasks",
];

/// Where ours lacks a field of theirs, or has another kind of value. Null stands for a value that there is not, in both.
fn differences(theirs: &Value, ours: &Value, at: &str, found: &mut Vec<String>) {
    match (theirs, ours) {
        (Value::Null, _) | (_, Value::Null) | (Value::Number(_), Value::Number(_)) => {}
        (Value::Object(theirs), Value::Object(ours)) => {
            // Maps by id: any entry is like any other.
            if let (Some((id, theirs)), true) = (theirs.iter().next(), theirs.keys().all(|key| is_id(key))) {
                match ours.values().next() {
                    Some(ours) => differences(theirs, ours, &format!("{at}.*"), found),
                    None => found.push(format!("{at}: nothing under an id such as {id}")),
                }
                return;
            }
            for (name, theirs) in theirs {
                let at = format!("{at}.{name}");
                match ours.get(name) {
                    Some(ours) => differences(theirs, ours, &at, found),
                    None => found.push(format!("{at}: missing, Flink has {theirs:.80}")),
                }
            }
        }
        (Value::Array(theirs), Value::Array(ours)) => {
            let Some(theirs) = theirs.first() else { return };
            // Whose entries are not all alike (sources have no inputs) has one that is.
            let compared = ours.iter().map(|ours| {
                let mut found = Vec::new();
                differences(theirs, ours, &format!("{at}[]"), &mut found);
                found
            });
            match compared.min_by_key(Vec::len) {
                Some(least) => found.extend(least),
                None => found.push(format!("{at}: empty, Flink has {theirs:.80}")),
            }
        }
        (theirs, ours) if kind(theirs) == kind(ours) => {}
        (theirs, ours) => found.push(format!("{at}: {ours:.80}, Flink has {theirs:.80}")),
    }
}

fn is_id(key: &str) -> bool {
    key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[test]
fn every_field_that_flink_has_is_here() {
    let recorded: Value = serde_json::from_str(RECORDED).unwrap();
    let answers = recorded["answers"].as_object().unwrap();
    let (server, view) = operated();
    for savepoint in [false, true] {
        view.telemetry.checkpoints.noted(savepoint, &SystemClock, || Ok("/nowhere/chk-1".into())).unwrap();
    }
    let job = get(&server, "/jobs").json()["jobs"][0]["id"].as_str().unwrap().to_owned();
    let asked = change(&server, "POST", &format!("/jobs/{job}/savepoints"), r#"{"target-directory":"/s"}"#);
    let trigger = asked.json()["request-id"].as_str().unwrap().to_owned();
    let (number, _) = view.control.as_ref().unwrap().take(Duration::ZERO).unwrap();
    view.control.as_ref().unwrap().finish(number, RequestState::Completed { location: "/s/savepoint-1".into() });
    let mut found = Vec::new();
    for (question, theirs) in answers {
        let (method, path) = question.split_once(' ').unwrap();
        let is_it = |route: &&crate::web::route::Route| {
            route.path == path && (route.method == Method::Post) == (method == "POST")
        };
        let route = ROUTES.iter().find(is_it).unwrap_or_else(|| panic!("{question} is not served"));
        let ours = if method == "POST" {
            asked.json()
        } else {
            get(&server, &filled(&server, route).replace(&"0".repeat(32), &trigger)).json()
        };
        differences(theirs, &ours, question, &mut found);
    }
    found.retain(|line| !WITHOUT.iter().any(|field| line.starts_with(&format!("{field}:"))));
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(answers.len() >= 19);
}

#[test]
fn a_field_that_is_missing_or_of_another_kind_is_found() {
    let compare = |theirs: &str, ours: &str| {
        let mut found = Vec::new();
        differences(&serde_json::from_str(theirs).unwrap(), &serde_json::from_str(ours).unwrap(), "x", &mut found);
        found
    };
    assert!(compare(r#"{"a":1,"b":[{"c":"d"}],"n":null}"#, r#"{"a":2.5,"b":[{"c":"e","more":1}],"n":7}"#).is_empty());
    assert_eq!(compare(r#"{"a":{"b":1}}"#, r#"{"a":{}}"#), ["x.a.b: missing, Flink has 1"]);
    assert_eq!(compare(r#"{"a":[1]}"#, r#"{"a":["1"]}"#), [r#"x.a[]: "1", Flink has 1"#]);
    assert_eq!(compare(r#"{"a":[1]}"#, r#"{"a":[]}"#), ["x.a: empty, Flink has 1"]);
    assert!(compare(r#"[{"a":1,"b":2}]"#, r#"[{"a":1},{"a":1,"b":2}]"#).is_empty());
    let ids = |value: &str| format!("{{\"{}\":{value}}}", "a".repeat(32));
    assert_eq!(compare(&ids("{\"b\":1}"), &ids("{}")), ["x.*.b: missing, Flink has 1"]);
}
