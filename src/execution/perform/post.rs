//! Posts a text to an address that the operator configured. What the answer means is the caller's to say.

use std::time::Duration;

use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;

use super::http::{innermost, tls};
use super::settings::Wrong;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most of an answer that is read, in bytes.
const READ_MAX: usize = 16 << 10;

/// Posts texts. Redirects are not followed, and proxies of the environment are not used.
#[derive(Clone)]
pub struct Post(Client);

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The status (RFC 9110, section 15).
    pub status: u16,
    /// The type of the content; empty where none is said.
    pub kind: String,
    /// At most the first 16 KiB of the content.
    pub body: String,
}

impl Post {
    /// With the authorities that this machine trusts.
    ///
    /// # Errors
    /// [`Wrong`] where TLS cannot be used.
    pub fn new() -> Result<Self, Wrong> {
        let client = Client::builder()
            .tls_backend_preconfigured(tls()?)
            .no_proxy()
            .redirect(Policy::none())
            .timeout(PATIENCE)
            .user_agent(concat!("orkestra/", env!("CARGO_PKG_VERSION")))
            .build();
        client.map(Self).map_err(|cause| Wrong::new(innermost(&cause)))
    }

    /// Posts a text and waits for the answer, at most ten seconds.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn text(&self, url: &str, body: String) -> Result<Posted, String> {
        let sent = self.0.post(url).body(body).send().await;
        let mut answer = sent.map_err(|cause| format!("no answer from {url}: {}", innermost(&cause)))?;
        let kind = answer.headers().get(CONTENT_TYPE).map(|kind| kind.as_bytes().to_vec());
        let kind = String::from_utf8_lossy(&kind.unwrap_or_default()).into_owned();
        let (status, mut bytes) = (answer.status().as_u16(), Vec::new());
        while bytes.len() <= READ_MAX
            && let Ok(Some(more)) = answer.chunk().await
        {
            bytes.extend_from_slice(&more);
        }
        bytes.truncate(READ_MAX);
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Posted { status, kind, body })
    }
}
