//! Posts to an address that the operator configured. What the answer means is the caller's to say.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};

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

/// What came back of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The status (RFC 9110, section 15).
    pub status: u16,
    /// When to come again (RFC 9110, section 10.2.3), where seconds are said.
    pub retry_after: Option<Duration>,
    /// At most the first 16 KiB of the content.
    pub body: Vec<u8>,
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

    /// Posts bytes and waits for the answer, at most ten seconds.
    ///
    /// # Errors
    /// Why there is no answer; the address is not in it.
    pub async fn bytes(&self, url: &str, headers: HeaderMap, body: Vec<u8>) -> Result<Taken, String> {
        let sent = self.0.post(url).headers(headers).body(body).send().await;
        let mut answer = sent.map_err(|cause| innermost(&cause))?;
        let wait = answer.headers().get(RETRY_AFTER).and_then(|wait| wait.to_str().ok());
        let retry_after = wait.and_then(|wait| wait.parse().ok()).map(Duration::from_secs);
        let status = answer.status().as_u16();
        let body = beginning(&mut answer).await;
        Ok(Taken {
            status,
            retry_after,
            body,
        })
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
        let status = answer.status().as_u16();
        let body = String::from_utf8_lossy(&beginning(&mut answer).await).into_owned();
        Ok(Posted { status, kind, body })
    }
}

async fn beginning(answer: &mut Response) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() <= READ_MAX
        && let Ok(Some(more)) = answer.chunk().await
    {
        bytes.extend_from_slice(&more);
    }
    bytes.truncate(READ_MAX);
    bytes
}
