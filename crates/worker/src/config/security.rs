//! TLS and SASL to Kafka: what goes together, and secrets that stand in files.

use std::path::PathBuf;

use super::domain::{SaslMechanism, SecurityProtocol};
use super::error::ConfigError;
use super::host::Host;
use super::layers::Values;
use super::secret::Secret;

/// How connections to the brokers are secured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Security {
    /// TLS, where the protocol has it.
    pub tls: Option<Tls>,
    /// SASL, where the protocol has it.
    pub sasl: Option<Sasl>,
}

impl Security {
    /// Kafka's word for it.
    pub const fn protocol(&self) -> SecurityProtocol {
        match (self.tls.is_some(), self.sasl.is_some()) {
            (false, false) => SecurityProtocol::Plaintext,
            (true, false) => SecurityProtocol::Ssl,
            (false, true) => SecurityProtocol::SaslPlaintext,
            (true, true) => SecurityProtocol::SaslSsl,
        }
    }
}

/// TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Certificates to trust, PEM; `None`: the system's.
    pub ca_file: Option<PathBuf>,
    /// Our own certificate, where brokers ask for one.
    pub identity: Option<Identity>,
}

/// A certificate with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, PEM.
    pub certificate_file: PathBuf,
    /// Its private key, PEM.
    pub key_file: PathBuf,
    /// The key's password.
    pub key_password: Option<Secret>,
}

/// SASL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sasl {
    /// How the password is proven.
    pub mechanism: SaslMechanism,
    /// Who logs in.
    pub username: String,
    /// The password.
    pub password: Secret,
}

const PROTOCOL: &str = "kafka.security_protocol";
const CA: &str = "kafka.ssl_ca_file";
const CERTIFICATE: &str = "kafka.ssl_certificate_file";
const KEY: &str = "kafka.ssl_key_file";
const KEY_PASSWORD: &str = "kafka.ssl_key_password";
const KEY_PASSWORD_FILE: &str = "kafka.ssl_key_password_file";
const USERNAME: &str = "kafka.sasl_username";
const PASSWORD: &str = "kafka.sasl_password";
const PASSWORD_FILE: &str = "kafka.sasl_password_file";

/// Reads `kafka.ssl_*` and `kafka.sasl_*`, and refuses what the protocol has no use for: who gives a password and gets
/// an open connection has been misunderstood.
pub(super) fn read(values: &Values, host: &Host<'_>) -> Result<Security, ConfigError> {
    let protocol = values.parsed(PROTOCOL, SecurityProtocol::from_word)?;
    let has_tls = matches!(protocol, SecurityProtocol::Ssl | SecurityProtocol::SaslSsl);
    let has_sasl = matches!(protocol, SecurityProtocol::SaslPlaintext | SecurityProtocol::SaslSsl);
    let tls_keys = [CA, CERTIFICATE, KEY, KEY_PASSWORD, KEY_PASSWORD_FILE];
    let sasl_keys = [USERNAME, PASSWORD, PASSWORD_FILE];
    let tls_protocol = if has_sasl { "sasl_ssl" } else { "ssl" };
    let sasl_protocol = if has_tls { "sasl_ssl" } else { "sasl_plaintext or sasl_ssl" };
    refuse_unused(values, has_tls, &tls_keys, tls_protocol)?;
    refuse_unused(values, has_sasl, &sasl_keys, sasl_protocol)?;
    Ok(Security {
        tls: if has_tls { Some(tls(values, host)?) } else { None },
        sasl: if has_sasl { Some(sasl(values, host)?) } else { None },
    })
}

/// Refuses keys that are given though the protocol has no use for them.
fn refuse_unused(values: &Values, used: bool, keys: &[&str], wanted: &str) -> Result<(), ConfigError> {
    let given = keys.iter().find(|key| values.is_given(key));
    match given {
        Some(key) if !used => {
            let because = format!("has no use with {}", values.described(PROTOCOL));
            Err(values.contradiction(key, because, format!("set {PROTOCOL} to {wanted}, or leave {key} out")))
        }
        _ => Ok(()),
    }
}

fn tls(values: &Values, host: &Host<'_>) -> Result<Tls, ConfigError> {
    let ca_file = values.readable(CA, host)?;
    let identity = match (values.readable(CERTIFICATE, host)?, values.readable(KEY, host)?) {
        (Some(certificate_file), Some(key_file)) => {
            let key_password = values.secret(KEY_PASSWORD, KEY_PASSWORD_FILE, host)?;
            Some(Identity { certificate_file, key_file, key_password })
        }
        (Some(_), None) => return Err(lonely(values, CERTIFICATE, KEY)),
        (None, Some(_)) => return Err(lonely(values, KEY, CERTIFICATE)),
        (None, None) => {
            if let Some(key) = [KEY_PASSWORD, KEY_PASSWORD_FILE].into_iter().find(|key| values.is_given(key)) {
                return Err(lonely(values, key, KEY));
            }
            None
        }
    };
    Ok(Tls { ca_file, identity })
}

/// The refusal of a key without the one that it needs.
fn lonely(values: &Values, key: &str, needed: &str) -> ConfigError {
    values.contradiction(key, format!("is of no use without {needed}"), format!("set {needed}, or leave {key} out"))
}

fn sasl(values: &Values, host: &Host<'_>) -> Result<Sasl, ConfigError> {
    let missing = |key: &str| {
        let protocol = format!("{PROTOCOL} to plaintext or ssl");
        values.contradiction(PROTOCOL, format!("needs {key}"), format!("set {key}, or {protocol}"))
    };
    let username = values.text(USERNAME)?;
    if username.is_empty() {
        return Err(missing(USERNAME));
    }
    let password = values.secret(PASSWORD, PASSWORD_FILE, host)?.ok_or_else(|| missing(PASSWORD_FILE))?;
    let mechanism = values.parsed("kafka.sasl_mechanism", SaslMechanism::from_word)?;
    Ok(Sasl { mechanism, username: username.to_owned(), password })
}
