//! CloudEvents 1.0.2 in the JSON format, one event of a record a line; with the extensions `sequence`, `partitionkey` and
//! `traceparent` of the specification, and `recordhash`, the RFC 6962 leaf of the record that holds it.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Facts, Source};

/// What `type` begins with.
const PREFIX: &str = "dev.orkestra";

#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: String,
    source: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    time: String,
    datacontenttype: &'static str,
    dataschema: String,
    sequence: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    partitionkey: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
    recordhash: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    actor: &'a projections::Actor,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<Value>,
}

pub(super) fn add(source: &Source<'_, '_>, out: &mut String) -> Result<(), serde_json::Error> {
    let mut lines = String::new();
    for (at, entry) in source.record.events.iter().enumerate() {
        let change = entry.change.as_ref();
        let subject = change.map(|change| change.id.to_string());
        let own = || Facts::of(entry).action.or_else(|| source.action.map(ToOwned::to_owned));
        let event = CloudEvent {
            specversion: "1.0",
            id: format!("{}.{at}", source.seq),
            source: format!("/orkestra/{}", source.journal),
            kind: format!("{PREFIX}.{}.v{}", entry.name, entry.v),
            subject: subject.or_else(own).filter(|subject| !subject.is_empty()),
            time: source.record.at.to_string(),
            datacontenttype: "application/json",
            dataschema: format!("urn:orkestra:event:{}:{}", entry.name, entry.v),
            // Its order is that of the text.
            sequence: format!("{:020}.{at:06}", source.seq),
            partitionkey: source.record.org.as_deref().filter(|org| !org.is_empty()),
            traceparent: source.record.trace.as_deref().filter(|trace| is_traceparent(trace)),
            recordhash: source.leaf.to_string(),
            data: Data {
                actor: &source.record.actor,
                tool: source.tool,
                facts: entry.data,
                change: change.map(|change| json!(change.to_owned())),
            },
        };
        lines.push_str(&serde_json::to_string(&event)?);
        lines.push('\n');
    }
    out.push_str(&lines);
    Ok(())
}

/// What a client sent as a trace context is only passed on where it is one (W3C Trace Context, section 3.2.2).
fn is_traceparent(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let hex = |part: &&str, length| {
        part.len() == length
            && part
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    match parts.as_slice() {
        [version, trace, parent, flags] => {
            let lengths = hex(version, 2) && hex(trace, 32) && hex(parent, 16) && hex(flags, 2);
            lengths
                && *version != "ff"
                && trace.bytes().any(|byte| byte != b'0')
                && parent.bytes().any(|byte| byte != b'0')
        }
        _ => false,
    }
}
