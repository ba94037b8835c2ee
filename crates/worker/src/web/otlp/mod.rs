//! Metrics sent instead of asked for: OTLP over HTTP in its JSON form, the same metrics under the same names as `/metrics`
//! has. For collectors that take nothing else; off unless `web.otlp_endpoint` names one.

mod exposed;
mod message;

use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use reqwest::header::CONTENT_TYPE;

use super::metrics;
use super::site::Site;
use crate::config::OtlpSettings;

/// A collector that takes longer is not waited for: the next time tells all of it again.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Sends the metrics again and again, for as long as the runtime lives. What is not taken is told once, until one is.
pub(super) async fn export(site: Arc<Site>, settings: OtlpSettings) {
    let client = match Client::builder().timeout(ANSWER_WITHIN).no_proxy().build() {
        Ok(client) => client,
        Err(error) => return tracing::error!("otlp: no metrics are sent: {error}"),
    };
    let mut ticks = tokio::time::interval(settings.interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        ticks.tick().await;
        let sent = send(&client, &settings.endpoint, &site).await;
        match &sent {
            Ok(()) if failing => tracing::info!("otlp: {} takes metrics again", settings.endpoint),
            Err(why) if !failing => {
                tracing::warn!("otlp: {} does not take metrics: {why}; going on trying", settings.endpoint);
            }
            _ => {}
        }
        failing = sent.is_err();
    }
}

async fn send(client: &Client, endpoint: &str, site: &Site) -> Result<(), String> {
    let times = message::Times { started_ms: site.view.started_ms(), now_ms: site.view.now_ms() };
    let body = message::of(&exposed::families(&metrics::text(site)), times).to_string();
    let answer = client.post(endpoint).header(CONTENT_TYPE, "application/json").body(body).send().await;
    let answer = answer.map_err(|error| root_cause(&error))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let said: String = answer.text().await.unwrap_or_default().chars().take(200).collect();
    Err(format!("HTTP {status} {}", said.trim()))
}

/// The innermost of an error's reasons: the others only say that there was one.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
