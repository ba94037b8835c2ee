//! The `OpenAPI` document, made from the table of routes: what is not there is not answered, and the other way round.

use serde_json::{Map, Value, json};

use super::VERSION;
use super::reply::{Ask, Reply, ok};
use super::route::{Gives, Input, Method, Route, Takes};
use super::routes::ROUTES;

/// `GET /api/v1/openapi.json`
pub(super) fn answer(_ask: &Ask<'_>) -> Reply {
    ok(document())
}

/// The document.
pub(super) fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.word().to_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "CDC worker",
            "version": VERSION,
            "description": "Paths without /api/v1 answer what Flink 1.18 answers there.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": {
                "Errors": {
                    "type": "object",
                    "required": ["errors"],
                    "properties": { "errors": { "type": "array", "items": { "type": "string" } } },
                },
            },
        },
    })
}

fn operation(route: &Route) -> Value {
    let in_path = route.path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let in_path = in_path.map(|name| {
        let schema = if name == "checkpoint" {
            json!({ "type": "integer", "minimum": 0, "maximum": i64::MAX })
        } else {
            json!({ "type": "string" })
        };
        json!({ "name": name, "in": "path", "required": true, "schema": schema })
    });
    let in_query = route.query.iter().map(|Input { name, takes, what, must }| {
        json!({ "name": name, "in": "query", "required": must, "description": what, "schema": values(*takes) })
    });
    let mut operation = json!({
        "summary": route.summary,
        "parameters": in_path.chain(in_query).collect::<Vec<_>>(),
        "responses": responses(route),
    });
    if route.method != Method::Get {
        operation["security"] = json!([{ "token": [] }]);
        operation["requestBody"] = json!({
            "required": route.body.iter().any(|input| input.must),
            "content": { "application/json": { "schema": body(route) } },
        });
    }
    operation
}

fn body(route: &Route) -> Value {
    let described = |input: &Input| {
        let mut schema = values(input.takes);
        schema["description"] = json!(input.what);
        if !input.must {
            schema["nullable"] = json!(true);
            if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
                words.push(Value::Null);
            }
        }
        (input.name.to_owned(), schema)
    };
    let properties: Map<String, Value> = route.body.iter().map(described).collect();
    let required: Vec<&str> = route.body.iter().filter(|input| input.must).map(|input| input.name).collect();
    let mut body = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        body["required"] = json!(required);
    }
    body
}

fn values(takes: Takes) -> Value {
    match takes {
        Takes::Text => json!({ "type": "string" }),
        Takes::Path => json!({ "type": "string", "minLength": 1 }),
        Takes::OneOf(words) => json!({ "type": "string", "enum": words }),
        Takes::Count(most) => json!({ "type": "integer", "minimum": 1, "maximum": most }),
        Takes::Switch => json!({ "type": "boolean" }),
        Takes::Off => json!({ "type": "boolean", "enum": [false] }),
    }
}

fn responses(route: &Route) -> Value {
    let good = match route.gives {
        Gives::Json(_) => json!({ "application/json": { "schema": schema(route) } }),
        Gives::Page => json!({ "text/html": { "schema": { "type": "string" } } }),
        Gives::Metrics(_) | Gives::Alive | Gives::Ready => json!({ "text/plain": { "schema": { "type": "string" } } }),
        Gives::Events => json!({ "text/event-stream": { "schema": { "type": "string" } } }),
    };
    let mut responses = Map::new();
    responses.insert(route.status.to_string(), json!({ "description": "Well.", "content": good }));
    let mut wrong = |status: u16, why: &str| {
        let content = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Errors" } } });
        responses.insert(status.to_string(), json!({ "description": why, "content": content }));
    };
    wrong(401, "No token, or another, where one is asked for.");
    wrong(403, "Not under this host name, or nothing can be changed: there is no token.");
    if route.path.contains('{') {
        wrong(404, "There is no such thing.");
    }
    if !route.query.is_empty() || route.method != Method::Get || route.path.contains("{checkpoint}") {
        wrong(400, "Not understood.");
    }
    if route.method != Method::Get {
        wrong(409, "Cannot be done as this worker runs.");
        wrong(413, "The body is too long.");
        wrong(415, "The body is not JSON.");
    }
    match route.gives {
        Gives::Ready => {
            responses.insert("503".to_owned(), json!({ "description": "Not ready yet, with the reason as text." }));
        }
        Gives::Events => wrong(503, "Too many listen already."),
        _ => {}
    }
    responses.into()
}

fn schema(route: &Route) -> Value {
    if route.fields.is_empty() {
        return json!({ "type": "array", "items": { "type": "object" } });
    }
    let properties: Map<String, Value> =
        route.fields.iter().map(|(name, kind)| ((*name).to_owned(), json!({ "type": kind }))).collect();
    let required: Vec<&str> = route.fields.iter().map(|(name, _)| *name).collect();
    json!({ "type": "object", "required": required, "properties": properties })
}
