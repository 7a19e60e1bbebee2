//! How the broker is reached.

use std::path::PathBuf;

use async_nats::ConnectOptions;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How the broker is reached. What stands in files is read at every start and never shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// `nats://host:4222` or `tls://…`; several with commas.
    pub url: String,
    /// A credentials file (JWT and seed), as `nsc` writes it.
    pub credentials_file: Option<PathBuf>,
    /// A file with an nkey seed.
    pub nkey_file: Option<PathBuf>,
    /// A user name; with `password_file`.
    pub user: Option<String>,
    /// A file with the user's password.
    pub password_file: Option<PathBuf>,
    /// Certificates to trust beyond the system's (PEM).
    pub ca_file: Option<PathBuf>,
    /// The client's certificate (PEM); with `key_file`.
    pub cert_file: Option<PathBuf>,
    /// The client's key (PEM).
    pub key_file: Option<PathBuf>,
    /// How many copies the broker keeps of the streams: 1, 3 or 5.
    pub replicas: usize,
    /// Whether every record is published for followers, on `orkestra.journal.<org>.<event>`; kept there for 30 days.
    pub feed: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: "nats://127.0.0.1:4222".to_owned(),
            credentials_file: None,
            nkey_file: None,
            user: None,
            password_file: None,
            ca_file: None,
            cert_file: None,
            key_file: None,
            replicas: 1,
            feed: false,
        }
    }
}

/// Why the settings cannot be used.
#[derive(Clone, Debug, Error)]
#[error("nats: {0}")]
pub struct Wrong(String);

impl Wrong {
    pub(super) fn of(cause: &dyn std::error::Error) -> Self {
        Self(cause.to_string())
    }
}

fn read(file: &PathBuf) -> Result<String, Wrong> {
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|cause| Wrong(format!("{}: {cause}", file.display())))?;
    Ok(text.trim().to_owned())
}

impl Settings {
    pub(super) async fn options(&self) -> Result<ConnectOptions, Wrong> {
        let mut options = ConnectOptions::new();
        if let Some(file) = &self.credentials_file {
            let made = options.credentials_file(file).await;
            options = made.map_err(|cause| Wrong(format!("{}: {cause}", file.display())))?;
        }
        if let Some(file) = &self.nkey_file {
            options = options.nkey(read(file)?);
        }
        match (&self.user, &self.password_file) {
            // Answers come where nobody else may listen (ops/nats.conf).
            (Some(user), Some(file)) => {
                options = options.user_and_password(user.clone(), read(file)?);
                options = options.custom_inbox_prefix(format!("_INBOX.{user}"));
            }
            (None, None) => {}
            _ => return Err(Wrong("user and password_file belong together".to_owned())),
        }
        if let Some(file) = &self.ca_file {
            options = options.add_root_certificates(file.clone());
        }
        match (&self.cert_file, &self.key_file) {
            (Some(cert), Some(key)) => options = options.add_client_certificate(cert.clone(), key.clone()),
            (None, None) => {}
            _ => return Err(Wrong("cert_file and key_file belong together".to_owned())),
        }
        Ok(options)
    }
}
