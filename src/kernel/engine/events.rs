//! The events that steps leave behind, put together from what was asked and said.

use jiff::Timestamp;
use projections::event::{self, Answered, LogRead, PayloadViewed, Rejected, names};
use projections::upcast::{Shape, TODAY};
use projections::{Digest, Event};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::Call;
use crate::kernel::opened::Opened;
use crate::kernel::{Rejection, Tool, View, json, leak};

pub(super) fn answered(call: &Call, answer: &Value, (position, decider): (u64, u32), now: Timestamp) -> Event {
    let args = raw(&call.args);
    let digest = json::canonical_value(answer)
        .map(|text| Digest::of(text.as_bytes()))
        .unwrap_or_default();
    said(
        names::CALL_ANSWERED,
        &Answered {
            tool: call.tool.as_str().into(),
            args: &args,
            position,
            now,
            digest,
            decider,
        },
    )
}

/// That somebody reads the security log, through a tool or an address.
pub fn log_read(through: &str) -> Event {
    let through = leak::veil(through);
    said(names::LOG_READ, &LogRead { through })
}

/// That somebody opens payloads of others, through a tool or an address; what is asked for stands beside it.
pub fn payload_viewed(through: &str, opened: &Opened) -> Event {
    let facts = PayloadViewed {
        through: leak::veil(through).into_owned(),
        whose: opened.whose.iter().cloned().collect(),
        from: opened.from,
        to: opened.to,
    };
    said(names::PAYLOAD_VIEWED, &facts)
}

/// What stands beside an answer of a tool.
pub(super) fn beside(tool: &Tool, answer: &Value, view: &View<'_>) -> Result<Vec<Event>, Rejection> {
    let opened = tool.opens.map(|opens| opens(answer, view)).transpose()?.flatten();
    let opened = opened.map(|opened| payload_viewed(tool.name, &opened));
    let logged = tool.is_logged.then(|| log_read(tool.name));
    Ok([logged, opened].into_iter().flatten().collect())
}

pub(super) fn rejected(call: &Call, no: &Rejection, (position, decider): (u64, u32)) -> Event {
    let args = veiled(&call.args);
    let tool = crate::kernel::text::clip(&leak::veil(&call.tool), 100);
    let facts = Rejected {
        tool: tool.into(),
        args: Some(&args),
        position,
        code: no.code.clone(),
        message: leak::veil(&no.message),
        decider,
    };
    said(names::CALL_REJECTED, &facts)
}

pub(super) fn said(name: &'static str, facts: &impl Serialize) -> Event {
    let empty = |_| Event {
        name: name.into(),
        v: TODAY.version(Shape::Event(name)),
        data: None,
        change: None,
    };
    event::event(name, facts).unwrap_or_else(empty)
}

/// What was refused, without the tokens in it: it need not be called again.
pub(super) fn veiled(said: &(impl Serialize + ?Sized)) -> Box<RawValue> {
    let text = serde_json::to_string(said).unwrap_or_default();
    let fewer = leak::fewer(&text);
    RawValue::from_string(leak::veil(&fewer).into_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

pub(super) fn raw(value: &impl Serialize) -> Box<RawValue> {
    to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
