//! A JSON-RPC request as the guard needs it: what is called, and under which id. The rest is read once, by rmcp.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// The tool that calls another by name (`/mcp/p/compact`).
const GENERIC: &str = "call_tool";

/// What the guard reads; borrows from the body.
#[derive(Default, Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) method: Cow<'a, str>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Named<'a> {
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
}

impl<'a> Envelope<'a> {
    /// Reads a body that is strict JSON. What has another shape is left to rmcp to refuse; here it calls nothing.
    pub(super) fn read(body: &'a [u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    /// The request's id, for an answer to it.
    pub(super) fn id(&self) -> Value {
        let id = self.id.and_then(|id| serde_json::from_str(id.get()).ok());
        id.unwrap_or_default()
    }

    /// The tool that is called, through the generic one too.
    pub(super) fn called(&self) -> Option<Cow<'a, str>> {
        if self.method != "tools/call" {
            return None;
        }
        let named = named(self.params);
        if named.name.as_deref() == Some(GENERIC) {
            return self::named(named.arguments).name.or(named.name);
        }
        named.name
    }
}

fn named(value: Option<&RawValue>) -> Named<'_> {
    let named = value.and_then(|value| serde_json::from_str(value.get()).ok());
    named.unwrap_or_default()
}
