//! What an agent saw: the very answer of a recorded read, proven by the digest that was recorded with it.

use std::sync::Arc;

use journal::Log;
use projections::event::{Answered, names};
use projections::{Digest, Record, Unread};
use serde::Serialize;
use serde_json::Value;

use super::{Error, Machine};
use crate::audit::Behind;
use crate::kernel::engine::{Call, answer, caller_as};
use crate::kernel::{Registry, json};

/// A read, answered again.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// The record of the read.
    pub seq: u64,
    /// The tool.
    pub tool: String,
    /// The position of the state that was read.
    pub position: u64,
    /// The answer.
    pub answer: Value,
    /// The digest that was recorded.
    pub recorded: Digest,
    /// Whether the answer has that digest: then it is what was seen.
    pub proven: bool,
}

/// Answers a recorded read again.
///
/// # Errors
/// [`Error::NoRead`] where the record holds none.
pub fn show(
    registry: &Arc<Registry>,
    log: &Arc<dyn Log>,
    machine: &Machine,
    seq: u64,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Shown, Error> {
    let line = log.get(seq)?.ok_or(Error::Beyond {
        asked: seq,
        last: log.durable(),
    })?;
    let mut room = String::new();
    let record = Record::parse(seq, &line.text, &mut room)?;
    let read = record.events.iter().find(|event| event.name == names::CALL_ANSWERED);
    let data = read.and_then(|event| event.data).ok_or(Error::NoRead {
        seq,
        why: "holds no answer: look at it with `orkestra replay --from N --to N`",
    })?;
    let unread = |cause| Unread::Text { seq, cause };
    let facts: Answered<'_> = serde_json::from_str(data.get()).map_err(unread)?;
    if registry.tool(&facts.tool).is_some_and(|tool| !tool.is_read()) {
        let why = "holds no read: the call proposed nothing and nothing was to be done";
        return Err(Error::NoRead { seq, why });
    }
    let state = machine.at(log.as_ref(), facts.position, progress)?;
    let call = Call {
        caller: caller_as(record.org.as_deref().unwrap_or_default(), &record.actor),
        tool: facts.tool.to_string(),
        args: serde_json::from_str(facts.args.get()).map_err(unread)?,
    };
    let said = answer(registry, &state, &call, facts.now, &Behind::new(log)).answer;
    let said = said.unwrap_or_else(|no| no.to_json());
    let digest = json::canonical_value(&said).map(|text| Digest::of(text.as_bytes()));
    Ok(Shown {
        seq,
        tool: call.tool,
        position: facts.position,
        proven: digest.is_ok_and(|digest| digest == facts.digest),
        recorded: facts.digest,
        answer: said,
    })
}
