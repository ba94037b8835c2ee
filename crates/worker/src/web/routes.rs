//! Every path of the API, once: what answers it, what it takes, and what the `OpenAPI` document says of it.

use crate::anomaly::Rule;
use crate::config::LogLevel;

use super::reply::{Ask, Reply};
use super::route::{Gives, Input, Method, Route, Takes, input};
use super::{flink, native, openapi};

const fn get(
    path: &'static str,
    summary: &'static str,
    answer: fn(&Ask<'_>) -> Reply,
    fields: &'static [(&'static str, &'static str)],
) -> Route {
    Route { method: Method::Get, path, gives: Gives::Json(answer), summary, query: &[], body: &[], status: 200, fields }
}

const fn other(path: &'static str, summary: &'static str, gives: Gives) -> Route {
    Route { method: Method::Get, path, gives, summary, query: &[], body: &[], status: 200, fields: &[] }
}

const fn trigger(
    path: &'static str,
    summary: &'static str,
    answer: fn(&Ask<'_>) -> Reply,
    body: &'static [Input],
) -> Route {
    let fields = &[("request-id", "string")];
    Route { method: Method::Post, path, gives: Gives::Json(answer), summary, query: &[], body, status: 202, fields }
}

const fn limit(most: usize) -> Input {
    input("limit", Takes::Count(most), "how many at most")
}

const RULES: [&str; Rule::ALL.len()] = {
    let mut names = [""; Rule::ALL.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = Rule::ALL[index].name();
        index += 1;
    }
    names
};
const STATUS: &[(&str, &str)] = &[("status", "object")];

/// All of them. Flink's first.
pub(super) static ROUTES: &[Route] = &[
    other("/", "The page.", Gives::Page),
    get(
        "/overview",
        "The cluster, as Flink has it: one task manager, which is this worker.",
        flink::overview::cluster,
        &[
            ("taskmanagers", "integer"),
            ("slots-total", "integer"),
            ("slots-available", "integer"),
            ("jobs-running", "integer"),
            ("jobs-finished", "integer"),
            ("jobs-cancelled", "integer"),
            ("jobs-failed", "integer"),
            ("flink-version", "string"),
            ("flink-commit", "string"),
        ],
    ),
    get(
        "/config",
        "What a page needs to know of the server.",
        flink::overview::config,
        &[
            ("refresh-interval", "integer"),
            ("timezone-name", "string"),
            ("timezone-offset", "integer"),
            ("flink-version", "string"),
            ("flink-revision", "string"),
            ("features", "object"),
        ],
    ),
    get("/jobs", "The jobs by id.", flink::overview::jobs, &[("jobs", "array")]),
    get("/jobs/overview", "The jobs with their tasks.", flink::overview::jobs_overview, &[("jobs", "array")]),
    get(
        "/jobs/{job}",
        "The job, its vertices and its plan.",
        flink::job::job,
        &[
            ("jid", "string"),
            ("name", "string"),
            ("isStoppable", "boolean"),
            ("state", "string"),
            ("start-time", "integer"),
            ("end-time", "integer"),
            ("duration", "integer"),
            ("maxParallelism", "integer"),
            ("now", "integer"),
            ("timestamps", "object"),
            ("vertices", "array"),
            ("status-counts", "object"),
            ("plan", "object"),
        ],
    ),
    get("/jobs/{job}/status", "The job's state.", flink::job::status, &[("status", "string")]),
    get("/jobs/{job}/plan", "The job graph.", flink::job::plan_only, &[("plan", "object")]),
    get(
        "/jobs/{job}/config",
        "How the job runs; the effective configuration is its user-config.",
        flink::job::config,
        &[("jid", "string"), ("name", "string"), ("execution-config", "object")],
    ),
    Route {
        query: &[input("maxExceptions", Takes::Count(100), "how many at most")],
        ..get(
            "/jobs/{job}/exceptions",
            "The last errors and warnings that were logged.",
            flink::exceptions::answer,
            &[
                ("root-exception", "string"),
                ("timestamp", "integer"),
                ("all-exceptions", "array"),
                ("truncated", "boolean"),
                ("exceptionHistory", "object"),
            ],
        )
    },
    get(
        "/jobs/{job}/checkpoints",
        "Checkpoints and savepoints of this run.",
        flink::checkpoints::all,
        &[("counts", "object"), ("summary", "object"), ("latest", "object"), ("history", "array")],
    ),
    get(
        "/jobs/{job}/checkpoints/config",
        "How checkpoints are made.",
        flink::checkpoints::config,
        &[
            ("mode", "string"),
            ("interval", "integer"),
            ("max_concurrent", "integer"),
            ("externalization", "object"),
            ("state_backend", "string"),
        ],
    ),
    get(
        "/jobs/{job}/checkpoints/details/{checkpoint}",
        "One checkpoint.",
        flink::checkpoints::details,
        &[
            ("id", "integer"),
            ("status", "string"),
            ("is_savepoint", "boolean"),
            ("trigger_timestamp", "integer"),
            ("end_to_end_duration", "integer"),
        ],
    ),
    trigger(
        "/jobs/{job}/checkpoints",
        "Asks for a checkpoint.",
        flink::triggers::checkpoint,
        &[input("checkpointType", Takes::OneOf(&flink::triggers::TYPES), "all make the same checkpoint")],
    ),
    get("/jobs/{job}/checkpoints/{trigger}", "What became of a checkpoint.", flink::triggers::status, STATUS),
    trigger(
        "/jobs/{job}/savepoints",
        "Asks for a savepoint.",
        flink::triggers::savepoint,
        &[
            input("target-directory", Takes::Path, "where to; else the configured directory"),
            input("cancel-job", Takes::Switch, "stop then"),
        ],
    ),
    get("/jobs/{job}/savepoints/{trigger}", "What became of a savepoint.", flink::triggers::status, STATUS),
    trigger(
        "/jobs/{job}/stop",
        "Asks for a savepoint, and to stop then.",
        flink::triggers::stop,
        &[
            input("targetDirectory", Takes::Path, "where to; else the configured directory"),
            input("drain", Takes::Off, "fire open windows before; not done here: they are in the savepoint"),
        ],
    ),
    Route {
        query: &[input("get", Takes::Text, "names, between commas")],
        ..get(
            "/jobs/{job}/metrics",
            "Metrics of the job: their names, or those that get names.",
            flink::job::metrics,
            &[],
        )
    },
    get(
        "/jobs/{job}/vertices/{vertex}",
        "A vertex and its subtasks.",
        flink::vertices::vertex,
        &[
            ("id", "string"),
            ("name", "string"),
            ("parallelism", "integer"),
            ("maxParallelism", "integer"),
            ("now", "integer"),
            ("subtasks", "array"),
        ],
    ),
    get(
        "/jobs/{job}/vertices/{vertex}/backpressure",
        "How busy a vertex is.",
        flink::vertices::backpressure,
        &[("status", "string"), ("backpressureLevel", "string"), ("end-timestamp", "integer"), ("subtasks", "array")],
    ),
    get("/jobs/{job}/vertices/{vertex}/watermarks", "The watermark of a vertex.", flink::vertices::watermarks, &[]),
    get(
        "/jobs/{job}/vertices/{vertex}/subtasktimes",
        "Since when subtasks run.",
        flink::vertices::times,
        &[("id", "string"), ("name", "string"), ("now", "integer"), ("subtasks", "array")],
    ),
    get(
        "/api/v1/accounting",
        "What became of every record, as in the summary.",
        native::counts::accounting,
        &[
            ("consumed", "integer"),
            ("applied", "integer"),
            ("duplicate", "integer"),
            ("late", "integer"),
            ("dead_letter", "integer"),
            ("ignored", "object"),
            ("alerts", "object"),
            ("windows", "integer"),
            ("generation", "integer"),
        ],
    ),
    get("/api/v1/status", "All that the page shows every second.", native::status::answer, native::status::FIELDS),
    get(
        "/api/v1/history",
        "Rates, lag and latency of the last minutes, a sample a second.",
        native::status::history,
        &[("samples", "array")],
    ),
    get(
        "/api/v1/partitions",
        "Lag and stall age of every partition.",
        native::counts::partitions,
        &[("partitions", "array")],
    ),
    Route {
        query: &[limit(500)],
        ..get(
            "/api/v1/dead-letters",
            "The last dead letters, with reason and raw text.",
            native::recent::dead_letters,
            &[("dead_letters", "array"), ("by_reason", "object")],
        )
    },
    Route {
        query: &[
            limit(500),
            input("rule", Takes::OneOf(&RULES), "of this rule only"),
            input("symbol", Takes::Text, "of this symbol only"),
        ],
        ..get("/api/v1/alerts", "The last alerts.", native::recent::alerts, &[("alerts", "array")])
    },
    Route {
        query: &[limit(200)],
        ..get(
            "/api/v1/windows",
            "Windows as they fill, the fullest first.",
            native::windows::answer,
            &[("window_ms", "integer"), ("symbols", "array")],
        )
    },
    get(
        "/api/v1/latency",
        "From the database and from the broker to the output, by samples.",
        native::counts::latency,
        &[("from_source", "object"), ("from_broker", "object")],
    ),
    get("/api/v1/sinks", "How far each sink is.", native::counts::sinks, &[("sinks", "array")]),
    get(
        "/api/v1/checkpoints",
        "Checkpoints and savepoints of this run.",
        native::recent::checkpoints,
        &[("completed", "integer"), ("failed", "integer"), ("checkpoints", "array")],
    ),
    get(
        "/api/v1/exceptions",
        "The last errors and warnings that were logged.",
        native::recent::exceptions,
        &[("exceptions", "array")],
    ),
    get(
        "/api/v1/configuration",
        "Every key with its value and where it came from.",
        native::configuration::answer,
        &[("configuration", "object")],
    ),
    get(
        "/api/v1/log-level",
        "The least important messages that are logged.",
        native::log_level::read,
        &[("level", "string")],
    ),
    Route {
        method: Method::Put,
        body: &[Input {
            name: "level",
            takes: Takes::OneOf(LogLevel::WORDS),
            what: "the least important that is logged",
            must: true,
        }],
        ..get(
            "/api/v1/log-level",
            "Changes it until the worker ends.",
            native::log_level::change,
            &[("level", "string")],
        )
    },
    other("/api/v1/events", "The status, once a second, as server-sent events.", Gives::Events),
    get(
        "/api/v1/openapi.json",
        "This document.",
        openapi::answer,
        &[("openapi", "string"), ("info", "object"), ("paths", "object")],
    ),
    other("/metrics", "Metrics for Prometheus.", Gives::Metrics(false)),
    other("/metrics/flink", "Those that dashboards for Flink ask for, under its names.", Gives::Metrics(true)),
    other("/healthz", "ok while the process lives.", Gives::Alive),
    other("/readyz", "ok once records have been read and committed, or there are none.", Gives::Ready),
];

/// What is found under a path.
pub(super) enum Found<'a> {
    /// The route, and what stood for `{…}`.
    Route(&'static Route, Vec<&'a str>),
    /// There is such a path, for other methods.
    OtherMethods(Vec<&'static str>),
    /// There is no such path.
    Nothing,
}

/// Looks a path up. HEAD is a GET whose body is not sent. Flink's prefix `/v1` may stand before its paths.
pub(super) fn find<'a>(method: &str, path: &'a str) -> Found<'a> {
    let path = path.strip_prefix("/v1").filter(|rest| rest.starts_with('/')).unwrap_or(path);
    let mut found: Vec<(&'static Route, Vec<&'a str>)> =
        ROUTES.iter().filter_map(|route| Some((route, names(route.path, path)?))).collect();
    // `/jobs/overview` is no job, `…/checkpoints/config` no trigger.
    let fewest = found.iter().map(|(_, names)| names.len()).min();
    found.retain(|(_, names)| Some(names.len()) == fewest);
    let wanted = if method == "HEAD" { "GET" } else { method };
    match found.iter().position(|(route, _)| route.method.word() == wanted) {
        Some(index) => {
            let (route, names) = found.swap_remove(index);
            Found::Route(route, names)
        }
        None if found.is_empty() => Found::Nothing,
        None => Found::OtherMethods(found.iter().map(|(route, _)| route.method.word()).collect()),
    }
}

/// What stands for each `{…}`, if the path is of this form.
fn names<'a>(form: &str, path: &'a str) -> Option<Vec<&'a str>> {
    let (mut forms, mut segments, mut names) = (form.split('/'), path.split('/'), Vec::new());
    loop {
        match (forms.next(), segments.next()) {
            (None, None) => return Some(names),
            (Some(form), Some(segment)) if form.starts_with('{') && !segment.is_empty() => names.push(segment),
            (Some(form), Some(segment)) if form == segment => {}
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &str, path: &str) -> String {
        match find(method, path) {
            Found::Route(route, names) => format!("{} {}", route.path, names.join(" ")),
            Found::OtherMethods(methods) => methods.join(", "),
            Found::Nothing => "nothing".to_owned(),
        }
    }

    #[test]
    fn paths_find_their_routes() {
        for (method, path, expected) in [
            ("GET", "/overview", "/overview "),
            ("HEAD", "/v1/jobs/overview", "/jobs/overview "),
            ("GET", "/jobs/abc", "/jobs/{job} abc"),
            ("GET", "/jobs/abc/checkpoints/config", "/jobs/{job}/checkpoints/config abc"),
            ("GET", "/jobs/abc/checkpoints/7", "/jobs/{job}/checkpoints/{trigger} abc 7"),
            ("POST", "/jobs/abc/checkpoints", "/jobs/{job}/checkpoints abc"),
            ("POST", "/jobs/abc/checkpoints/7", "GET"),
            ("DELETE", "/jobs/abc/checkpoints", "GET, POST"),
            ("GET", "/jobs//plan", "nothing"),
            ("GET", "/v1overview", "nothing"),
            ("GET", "/jars", "nothing"),
        ] {
            assert_eq!(found(method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn no_path_stands_twice() {
        for (index, route) in ROUTES.iter().enumerate() {
            let twice = ROUTES[..index].iter().any(|other| other.path == route.path && other.method == route.method);
            assert!(!twice, "{}", route.path);
        }
    }
}
