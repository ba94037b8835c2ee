//! Kafka Connect and its connectors.

use std::time::Duration;

use futures_util::future::{join_all, join3};

use crate::checks::facts::{Connect, Connector};
use crate::clients::connect::Connect as Client;
use crate::commands::doctor::collect::Look;
use crate::commands::doctor::collect::files::without_secrets;
use crate::commands::session::{CONNECT, CONNECT_PORT};
use crate::failure::Result;

/// Below the collector's own deadline, so that what did not answer can be told.
const TO_ANSWER: Duration = Duration::from_secs(3);

pub(super) async fn seen(look: &Look) -> Result<Connect> {
    let port = look.runs(CONNECT).and_then(|container| container.published(CONNECT_PORT));
    let Some(port) = port else {
        return Ok(Connect { silent: Some("its container does not run".to_owned()), ..Connect::default() });
    };
    let client = Client::on(port)?;
    if let Err(why) = client.is_up().await {
        return Ok(Connect { silent: Some(why), ..Connect::default() });
    }
    let (version, plugins, names) = join3(client.version(), client.plugins(), client.connectors()).await;
    let connectors = join_all(names?.into_iter().map(|name| one(&client, name))).await;
    Ok(Connect {
        silent: None,
        version: version.unwrap_or_default(),
        plugins: plugins.unwrap_or_default(),
        connectors: connectors.into_iter().flatten().collect(),
    })
}

async fn one(client: &Client, name: String) -> Option<Connector> {
    let (settings, status, file) = join3(
        client.settings(&name),
        client.status(&name),
        // Connect reads its own topic to the end for this, which takes longest where brokers are away.
        tokio::time::timeout(TO_ANSWER, client.binlog_file(&name)),
    )
    .await;
    let file = file.ok().and_then(std::result::Result::ok);
    Some(Connector {
        settings: without_secrets(settings.ok()??),
        status: status.ok().flatten(),
        offset_known: file.is_some(),
        binlog_file: file.flatten(),
        name,
    })
}
