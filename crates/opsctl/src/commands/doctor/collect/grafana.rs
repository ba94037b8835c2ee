//! Grafana, by its health.

use std::time::Duration;

use serde_json::Value;

use crate::checks::facts::Grafana;
use crate::clients::docker::Container;
use crate::failure::{Failure, Result};

const PORT: u16 = 3000;
const TO_ANSWER: Duration = Duration::from_secs(3);

pub(super) async fn seen(container: &Container) -> Result<Grafana> {
    let silent = |why: String| Grafana { silent: Some(why), ..Grafana::default() };
    let Some(port) = container.published(PORT) else { return Ok(silent("it has no port on this host".to_owned())) };
    let http = reqwest::Client::builder().no_proxy().timeout(TO_ANSWER).build();
    let http = http.map_err(|error| Failure::could_not_run(format!("no HTTP client: {error}")))?;
    match http.get(format!("http://127.0.0.1:{port}/api/health")).send().await {
        Err(error) => Ok(silent(format!("does not answer: {}", error.without_url()))),
        Ok(answer) if !answer.status().is_success() => Ok(silent(format!("GET /api/health: {}", answer.status()))),
        Ok(answer) => {
            let health: Value = answer.json().await.unwrap_or_default();
            let version = health.get("version").and_then(Value::as_str).unwrap_or_default().to_owned();
            Ok(Grafana { silent: None, version })
        }
    }
}
