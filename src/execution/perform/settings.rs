//! What the built-in worker may do outside, and how.

use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What the built-in worker may do outside, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Whether HTTP may reach loopback, private networks, the metadata of clouds and whatever else is not public.
    pub allow_private_networks: bool,
    /// How long an HTTP request may take, its answer included; half of that for the connection.
    pub time_limit_seconds: NonZeroU32,
    /// How mail is sent; where nothing is said, none is.
    pub mail: Option<Mail>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allow_private_networks: false,
            time_limit_seconds: NonZeroU32::MIN.saturating_add(9),
            mail: None,
        }
    }
}

/// How mail is sent. The password is read at every start and never shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// The mail server, by its name or address.
    pub host: String,
    /// 587 for `starttls`, 465 for `tls` and 25 for `none` where nothing is said.
    #[serde(default)]
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub security: Security,
    /// A user name; with `password_file`.
    #[serde(default)]
    pub user: Option<String>,
    /// A file with the user's password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// Who the mail is from: `orkestra@example.com` or `Orkestra <orkestra@example.com>`.
    pub from: String,
    /// How long the mail server may take until it wants the text, and again until it has taken it.
    #[serde(default = "minute")]
    pub time_limit_seconds: NonZeroU32,
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// TLS after STARTTLS (RFC 3207); without it, nothing is sent.
    #[default]
    Starttls,
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// None; to loopback only.
    None,
}

fn minute() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(59)
}

/// Why the settings cannot be used.
#[derive(Clone, Debug, Error)]
#[error("effects: {0}")]
pub struct Wrong(String);

impl Wrong {
    pub(super) fn new(why: impl ToString) -> Self {
        Self(why.to_string())
    }
}

#[cfg(test)]
mod tests {
    use figment::value::Dict;

    use super::*;

    #[test]
    fn mail_is_configured_in_layers_and_unknown_keys_are_refused() {
        figment::Jail::expect_with(|jail| {
            let load = || crate::config::load(None, Dict::new()).map_err(|cause| cause.to_string());
            assert_eq!(load()?.config.effects, Settings::default());
            assert_eq!(Settings::default().time_limit_seconds.get(), 10);
            let file = "[effects.mail]\nhost = \"mail.example.com\"\nfrom = \"a@example.com\"\n";
            jail.create_file(crate::config::FILE, file)?;
            jail.set_env("ORKESTRA_EFFECTS__MAIL__SECURITY", "tls");
            let mail = load()?.config.effects.mail.unwrap();
            assert_eq!((mail.security, mail.port), (Security::Tls, None));
            assert_eq!(mail.time_limit_seconds.get(), 60);
            jail.set_env("ORKESTRA_EFFECTS__ALLOW_PRIVATE_NETWORK", "true");
            let no = load().err().unwrap_or_default();
            assert!(no.contains("allow_private_network"), "{no}");
            Ok(())
        });
    }
}
