//! What is asked for and takes its time: a checkpoint, a savepoint, a stop with savepoint. The answer is a request's id
//! at once; what became of it is asked for by that id, as with Flink.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::identity::check_job;
use crate::epoch::{Request, RequestId, RequestState};
use crate::web::reply::{Ask, Problem, Reply, ok};

/// Flink's kinds of checkpoints.
pub(crate) const TYPES: [&str; 3] = ["CONFIGURED", "FULL", "INCREMENTAL"];

/// `POST /jobs/{job}/checkpoints`
pub(crate) fn checkpoint(ask: &Ask<'_>) -> Reply {
    check_job(ask)?;
    if ask.text("checkpointType")?.is_some_and(|kind| !TYPES.contains(&kind)) {
        return Err(Problem::bad(format!("checkpointType is one of {}", TYPES.join(", "))));
    }
    asked(ask, Request::Checkpoint)
}

/// `POST /jobs/{job}/savepoints`
pub(crate) fn savepoint(ask: &Ask<'_>) -> Reply {
    check_job(ask)?;
    let directory = ask.path("target-directory")?;
    asked(ask, Request::Savepoint { directory, stop: ask.switch("cancel-job")? })
}

/// `POST /jobs/{job}/stop`
pub(crate) fn stop(ask: &Ask<'_>) -> Reply {
    check_job(ask)?;
    if ask.switch("drain")? {
        return Err(Problem::bad("drain is not done here: open windows stay open and are in the savepoint"));
    }
    let directory = ask.path("targetDirectory")?;
    asked(ask, Request::Savepoint { directory, stop: true })
}

fn asked(ask: &Ask<'_>, request: Request) -> Reply {
    let control = ask.site.view.control().ok_or_else(|| {
        Problem::new(
            StatusCode::CONFLICT,
            "this worker keeps its state in memory and makes no checkpoints or savepoints: `worker run` with a state \
             directory does",
        )
    })?;
    let RequestId(number) =
        control.ask(request).map_err(|error| Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()))?;
    Ok((StatusCode::ACCEPTED, json!({ "request-id": id_of(number) })))
}

/// Flink's ids have 32 hexadecimal digits.
fn id_of(number: u64) -> String {
    format!("{number:032x}")
}

/// `GET /jobs/{job}/savepoints/{trigger}` and `GET /jobs/{job}/checkpoints/{trigger}`
pub(crate) fn status(ask: &Ask<'_>) -> Reply {
    check_job(ask)?;
    let asked = ask.names.get(1).copied().unwrap_or_default();
    let number = u64::from_str_radix(asked, 16).ok().filter(|number| id_of(*number) == asked);
    let known = number.and_then(|number| ask.site.view.control()?.state(RequestId(number)));
    let (request, state) =
        known.ok_or_else(|| Problem::not_found("there is no request of this id, or it is forgotten"))?;
    ok(outcome(&request, &state))
}

fn outcome(request: &Request, state: &RequestState) -> Value {
    let word = if *state == RequestState::InProgress { "IN_PROGRESS" } else { "COMPLETED" };
    let failure = |reason: &str| json!({ "class": "worker", "stack-trace": reason, "serialized-throwable": "" });
    let mut answer = json!({ "status": { "id": word } });
    match (state, request) {
        (RequestState::InProgress, _) => {}
        (RequestState::Completed { location }, _) => {
            answer["operation"] = json!({ "location": location.display().to_string() });
        }
        (RequestState::Failed { reason }, Request::Checkpoint) => {
            answer["operation"] = json!({ "failureCause": failure(reason) });
        }
        (RequestState::Failed { reason }, Request::Savepoint { .. }) => {
            answer["operation"] = json!({ "failure-cause": failure(reason) });
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_has_flinks_form() {
        let savepoint = Request::Savepoint { directory: None, stop: false };
        assert_eq!(outcome(&savepoint, &RequestState::InProgress), json!({ "status": { "id": "IN_PROGRESS" } }));
        let location = "/state/savepoint-7".into();
        assert_eq!(
            outcome(&savepoint, &RequestState::Completed { location }),
            json!({ "status": { "id": "COMPLETED" }, "operation": { "location": "/state/savepoint-7" } })
        );
        let failed = RequestState::Failed { reason: "disk full".into() };
        assert_eq!(outcome(&savepoint, &failed)["operation"]["failure-cause"]["stack-trace"], "disk full");
        assert_eq!(outcome(&Request::Checkpoint, &failed)["operation"]["failureCause"]["stack-trace"], "disk full");
    }
}
