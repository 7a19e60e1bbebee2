//! Effects of the kind `http`: one request to a public address, with a key by which a repetition can be told.

mod ask;
mod resolver;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::LOCATION;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};

use self::ask::Ask;
use self::resolver::{Lookup, Resolver};
use super::address::Refused;
use super::settings::{Settings, Wrong};
use super::{Done, Perform};
use crate::kernel::plan::Effect;
use crate::kernel::text;

/// The kind of effect.
pub const KIND: &str = "http";

/// Most of an answer that is waited for, in bytes.
const READ_MAX: usize = 64 << 10;
/// Most of an answer that is kept, in bytes.
const KEPT_MAX: usize = 1 << 10;
/// Most of an answer that a reason quotes, in characters.
const QUOTED_MAX: usize = 200;

/// Sends HTTP requests. Each has a connection of its own: one that went stale could not tell what was sent.
pub struct Http {
    client: Client,
    allow_private: bool,
}

impl Http {
    /// With the names of this machine and the authorities that it trusts.
    ///
    /// # Errors
    /// [`Wrong`] where TLS cannot be used.
    pub fn new(settings: &Settings) -> Result<Self, Wrong> {
        Self::with(settings, resolver::of_system())
    }

    fn with(settings: &Settings, lookup: Lookup) -> Result<Self, Wrong> {
        let limit = Duration::from_secs(settings.time_limit_seconds.get().into());
        let allow_private = settings.allow_private_networks;
        let client = Client::builder()
            .tls_backend_preconfigured(tls()?)
            .dns_resolver(Resolver { lookup, allow_private })
            .no_proxy()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .pool_max_idle_per_host(0)
            .connect_timeout(limit / 2)
            .timeout(limit)
            .user_agent(concat!("orkestra/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|cause| Wrong::new(innermost(&cause)))?;
        Ok(Self { client, allow_private })
    }

    async fn send(&self, effect: &Effect, key: &str) -> Done {
        let asked = Ask::of(&effect.detail).and_then(|ask| ask.request(key, self.allow_private));
        let request = match asked {
            Ok(request) => request,
            Err(reason) => return failed(reason, false),
        };
        let is_idempotent = request.method().is_idempotent();
        match self.client.execute(request).await {
            Ok(answer) => answered(answer).await,
            Err(cause) => unanswered(&cause, is_idempotent),
        }
    }
}

impl Perform for Http {
    fn perform<'a>(&'a self, effect: &'a Effect, key: &'a str) -> Pin<Box<dyn Future<Output = Done> + Send + 'a>> {
        Box::pin(self.send(effect, key))
    }

    /// As RFC 9110, section 9.2.2, has it of the method.
    fn may_repeat(&self, effect: &Effect) -> bool {
        let method = effect.detail.get("method").and_then(Value::as_str);
        let method = method.and_then(|method| method.parse::<reqwest::Method>().ok());
        method.is_some_and(|method| method.is_idempotent())
    }
}

/// TLS with the authorities that this machine trusts.
pub(super) fn tls() -> Result<ClientConfig, Wrong> {
    let mut roots = RootCertStore::empty();
    let (trusted, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if trusted == 0 {
        tracing::warn!("this machine trusts no authority: no effect can use https");
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Wrong::new)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

async fn answered(answer: Response) -> Done {
    let status = answer.status();
    let pointed = answer.headers().get(LOCATION).map(|to| lossy(to.as_bytes()));
    let kept = kept(answer).await;
    if status.is_success() {
        return Done::Done(if kept.is_empty() {
            json!({"status": status.as_u16()})
        } else {
            json!({"status": status.as_u16(), "answer": kept})
        });
    }
    if status.is_redirection() {
        let to = pointed.map_or("nowhere".to_owned(), |to| format!("to {}", text::clip(&to, QUOTED_MAX)));
        return failed(format!("{status}: it points {to}; redirects are not followed"), false);
    }
    let reason = match text::clip(&kept, QUOTED_MAX) {
        quoted if quoted.is_empty() => status.to_string(),
        quoted => format!("{status}: {quoted}"),
    };
    failed(reason, is_passing(status))
}

/// Whether the same request may do better later.
fn is_passing(status: StatusCode) -> bool {
    let passing = [
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::TOO_EARLY,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    status.is_server_error() || passing.contains(&status)
}

/// The beginning of an answer. The status is known, so one that breaks off is not worse than one that ends.
async fn kept(mut answer: Response) -> String {
    let (mut read, mut kept) = (0, Vec::new());
    while read < READ_MAX
        && let Ok(Some(chunk)) = answer.chunk().await
    {
        read += chunk.len();
        kept.extend(chunk.iter().take(KEPT_MAX - kept.len()));
    }
    let text = lossy(&kept);
    text.get(..text.floor_char_boundary(KEPT_MAX))
        .unwrap_or_default()
        .to_owned()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Before there is a connection, nothing was sent. After that, only an idempotent method (RFC 9110, section 9.2.2) may be
/// repeated: not everybody looks at the key.
fn unanswered(cause: &reqwest::Error, is_idempotent: bool) -> Done {
    let reason = innermost(cause);
    if cause.is_builder() || sources(cause).any(<dyn Error>::is::<Refused>) {
        return failed(reason, false);
    }
    if cause.is_connect() {
        return failed(format!("there is no connection: {reason}"), true);
    }
    let reason = if cause.is_timeout() {
        "no answer in time".to_owned()
    } else {
        format!("no answer: {reason}")
    };
    if is_idempotent {
        failed(reason, true)
    } else {
        Done::Unknown(reason)
    }
}

fn failed(reason: String, may_retry: bool) -> Done {
    Done::Failed { reason, may_retry }
}

fn sources<'a>(cause: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(cause), |&above| above.source())
}

/// What is at the bottom of an error; what is above repeats it, with the whole URL.
pub(super) fn innermost(cause: &(dyn Error + 'static)) -> String {
    sources(cause)
        .last()
        .map_or_else(|| cause.to_string(), ToString::to_string)
}
