//! What an effect asks for, checked before anything is sent.

use std::collections::BTreeMap;
use std::net::IpAddr;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Method, Request, Url};
use serde::Deserialize;
use serde_json::Value;

use crate::execution::perform::address;

/// What may be done; the names are told apart by case (RFC 9110, section 9.1).
const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::OPTIONS,
    Method::PUT,
    Method::DELETE,
    Method::POST,
    Method::PATCH,
];

/// The header by which whoever is called tells a repetition.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Headers that belong to the connection or are the worker's own.
const OURS: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "idempotency-key",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers that hold a secret, which a plan must not: it is shown and written down.
const SECRET: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// The detail of an effect.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    method: String,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// A text is sent as it is, anything else as JSON.
    #[serde(default)]
    body: Option<Value>,
}

impl Ask {
    /// Reads an effect's detail.
    pub fn of(detail: &Value) -> Result<Self, String> {
        Self::deserialize(detail).map_err(|cause| format!("the request cannot be read: {cause}"))
    }

    /// The request, if the rules allow it. Names are checked later, when they are resolved.
    pub fn request(self, key: &str, allow_private: bool) -> Result<Request, String> {
        let unknown = || format!("`{}` is none of {METHODS:?}", self.method);
        let method = METHODS.into_iter().find(|known| known.as_str() == self.method);
        let mut request = Request::new(method.ok_or_else(unknown)?, url(&self.url, allow_private)?);
        let mut headers = headers(&self.headers)?;
        let key = HeaderValue::from_str(key).map_err(|cause| format!("the key: {cause}"))?;
        headers.insert(KEY, key);
        *request.body_mut() = match self.body {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(Body::from(text)),
            Some(other) => {
                headers
                    .entry(CONTENT_TYPE)
                    .or_insert(HeaderValue::from_static("application/json"));
                Some(Body::from(other.to_string()))
            }
        };
        *request.headers_mut() = headers;
        Ok(request)
    }
}

fn url(text: &str, allow_private: bool) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|cause| format!("the URL: {cause}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("the URL: `{}` is neither http nor https", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the URL: a user or a password must not stand in it".to_owned());
    }
    let host = url.host_str().unwrap_or_default();
    // Reqwest does not ask its resolver for these.
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    if let (Ok(literal), false) = (literal, allow_private) {
        address::check(literal).map_err(|no| no.to_string())?;
    }
    Ok(url)
}

fn headers(given: &BTreeMap<String, String>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let wrong = |why: &str| format!("the header {name:?}: {why}");
        let known = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("no name of a header"))?;
        if OURS.contains(&known.as_str()) {
            return Err(wrong("the worker sets it"));
        }
        if SECRET.contains(&known.as_str()) {
            return Err(wrong("secrets must not stand in a plan"));
        }
        let value = HeaderValue::from_str(value).map_err(|_| wrong("its value holds what no header may"))?;
        if headers.insert(known, value).is_some() {
            return Err(wrong("given twice"));
        }
    }
    Ok(headers)
}
