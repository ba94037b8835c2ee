//! The client with the certificates that it trusts: the system's, or those of a file.

use clickhouse::Client;
use hyper_tls::HttpsConnector;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use native_tls::{Certificate, TlsConnector};
use std::time::Duration;

use super::{ClickHouseError, ClickHouseSettings};

/// Below the servers' own, so that no connection is used that the other side has closed.
const IDLE: Duration = Duration::from_secs(2);

/// A client that has not connected yet.
pub(super) fn client(settings: &ClickHouseSettings) -> Result<Client, ClickHouseError> {
    let Some(file) = &settings.ca_file else { return Ok(Client::default()) };
    let refused = |why: String| ClickHouseError::Settings(format!("sink.clickhouse.ca_file {}: {why}", file.display()));
    let pem = std::fs::read(file).map_err(|error| refused(error.to_string()))?;
    let mut tls = TlsConnector::builder();
    tls.disable_built_in_roots(true);
    for certificate in Certificate::stack_from_pem(&pem).map_err(|error| refused(error.to_string()))? {
        tls.add_root_certificate(certificate);
    }
    let tls = tls.build().map_err(|error| refused(error.to_string()))?;
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    let connector = HttpsConnector::from((http, tls.into()));
    Ok(Client::with_http_client(HttpClient::builder(TokioExecutor::new()).pool_idle_timeout(IDLE).build(connector)))
}
