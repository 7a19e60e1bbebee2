//! What a recorded step would write today.

use jiff::Timestamp;
use projections::event::{Answered, Moved, Rejected, names};
use projections::record::Entry;
use projections::{Digest, Event, Record, Unread};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::compare::{self, Compared};
use super::lately::Lately;
use crate::audit::Unreadable;
use crate::kernel::engine::{Call, Caused, caller_as};
use crate::kernel::{Engine, Past, Rejection, leak, sealed};

/// What stands in the text of every record of a call that was only answered or refused.
pub(in crate::audit) const CALLED: &str = r#""type":"call."#;

/// A call that was answered or refused on a state which is named.
pub(super) struct Asked {
    pub(super) seq: u64,
    /// The position of that state.
    pub(super) position: u64,
    call: Call,
    now: Timestamp,
    decider: u32,
    came: Came,
}

/// What came of it.
enum Came {
    /// An answer with this digest, and the facts as they were written.
    Answer(Digest, String),
    /// A rejection with this code.
    Rejection(String),
}

impl Asked {
    /// Whether a record is that of a call which saw the state just before it: it is decided again in its turn.
    pub(super) fn is_in_turn(seq: u64, text: &str) -> bool {
        const POSITION: &str = r#""position":"#;
        // What was asked stands before it, and what was said after it has no quotes that are not escaped.
        let said = text.contains(CALLED).then(|| text.rsplit_once(POSITION)).flatten();
        let position = said.and_then(|(_, rest)| rest.split(|digit: char| !digit.is_ascii_digit()).next());
        position.is_some_and(|digits| digits.parse() == Ok(seq - 1))
    }

    /// The call of a record that is to be decided before its turn.
    pub(super) fn ahead(seq: u64, text: &str) -> Result<Option<Self>, Unreadable> {
        // Most records need not be read for this.
        if !text.contains(CALLED) || Self::is_in_turn(seq, text) {
            return Ok(None);
        }
        let mut room = String::new();
        Self::of(seq, &Record::parse(seq, text, &mut room)?)
    }

    /// The call of a record, where it is one that only answers or refuses.
    pub(super) fn of(seq: u64, record: &Record<'_>) -> Result<Option<Self>, Unreadable> {
        if record.cause.is_some() {
            // Nobody called: it is decided again in its turn.
            return Ok(None);
        }
        let Some(Entry {
            name, data: Some(data), ..
        }) = record.events.first()
        else {
            return Ok(None);
        };
        let call = |tool: &str, args: Option<&RawValue>| called(record, tool, args);
        let asked = match name.as_ref() {
            names::CALL_ANSWERED => {
                let facts: Answered<'_> = facts(seq, data)?;
                Self {
                    seq,
                    position: facts.position,
                    call: call(&facts.tool, Some(facts.args)),
                    now: facts.now,
                    decider: facts.decider,
                    came: Came::Answer(facts.digest, data.get().to_owned()),
                }
            }
            names::CALL_REJECTED => {
                let facts: Rejected<'_> = facts(seq, data)?;
                Self {
                    seq,
                    position: facts.position,
                    call: call(&facts.tool, facts.args),
                    now: record.at,
                    decider: facts.decider,
                    came: Came::Rejection(facts.code.into_owned()),
                }
            }
            _ => return Ok(None),
        };
        Ok(Some(asked))
    }

    /// The same call again; `None` where it cannot be made, because what was given is recorded nowhere.
    pub(super) fn again(&self, engine: &Engine, past: &dyn Past) -> Option<Vec<Event>> {
        engine.call_again(&self.call, self.now, past)
    }

    /// What came then beside what comes today.
    pub(super) fn compared(&self, engine: &Engine, today: Option<Vec<Event>>) -> Compared {
        let tool = self.call.tool.as_str();
        let Some(event) = today.and_then(|events| events.into_iter().next()) else {
            return Compared::NotDecided;
        };
        let data = event.data.as_deref().map(RawValue::get).unwrap_or_default();
        let same = match &self.came {
            Came::Answer(_, said) if said == data => true,
            Came::Answer(digest, _) => {
                serde_json::from_str::<Answered<'_>>(data).is_ok_and(|facts| facts.digest == *digest)
            }
            // The door said so, by profile and scope of a token: it did not get as far as the rules.
            Came::Rejection(code) if code == "unknown_tool" && engine.registry().tool(tool).is_some() => {
                return Compared::NotDecided;
            }
            // What is veiled in a record is not what was given.
            Came::Rejection(code) if code == "validation_failed" && self.is_veiled() => return Compared::NotDecided,
            Came::Rejection(code) => serde_json::from_str::<Rejected<'_>>(data).is_ok_and(|facts| facts.code == *code),
        };
        if same {
            return Compared::Same;
        }
        if engine.registry().tool(tool).map(|tool| tool.decider) != Some(self.decider) {
            return Compared::OtherVersion;
        }
        let then = match &self.came {
            Came::Answer(digest, _) => serde_json::json!({"answered": digest}),
            Came::Rejection(code) => serde_json::json!({"rejected": code}),
        };
        Compared::Differs {
            tool: tool.to_owned(),
            what: "call",
            lines: compare::lines(&then, &short(&event)),
        }
    }

    /// Whether somebody who was erased stands in what was asked, or in what comes today.
    pub(super) fn is_erased(&self, engine: &Engine, past: &dyn Past) -> bool {
        if self.call.args.values().any(|value| sealed::is_in(&value.to_string())) {
            return true;
        }
        let answer = engine.read_again(&self.call, self.now, past).answer;
        answer.is_ok_and(|answer| sealed::is_in(&answer.to_string()))
    }

    fn is_veiled(&self) -> bool {
        self.call.args.values().any(|value| leak::is_veiled(&value.to_string()))
    }
}

/// What a call comes to, as a record's facts have it.
fn short(event: &Event) -> Value {
    let data: Value = event
        .data
        .as_deref()
        .and_then(|data| serde_json::from_str(data.get()).ok())
        .unwrap_or_default();
    if event.name == names::CALL_ANSWERED {
        serde_json::json!({"answered": data.get("digest")})
    } else {
        serde_json::json!({"rejected": data.get("code")})
    }
}

fn facts<'a, T: Deserialize<'a>>(seq: u64, data: &'a RawValue) -> Result<T, Unreadable> {
    serde_json::from_str(data.get()).map_err(|cause| Unread::Text { seq, cause }.into())
}

fn called(record: &Record<'_>, tool: &str, args: Option<&RawValue>) -> Call {
    let args = args.and_then(|args| serde_json::from_str::<Map<String, Value>>(args.get()).ok());
    Call {
        caller: caller_as(record.org.as_deref().unwrap_or_default(), &record.actor),
        tool: tool.to_owned(),
        args: args.unwrap_or_default(),
    }
}

/// What a record's proposal or confirmation comes to today; `None` where it holds neither.
pub(super) fn write(
    engine: &Engine,
    (past, lately): (&dyn Past, &mut Lately),
    text: &str,
    record: &Record<'_>,
) -> Option<Compared> {
    if let Some(again) = engine.caused_again(record, past) {
        return Some(caused(engine, (text, record), again));
    }
    for entry in &record.events {
        let data = entry.data?;
        match entry.name.as_ref() {
            // What a new offer replaces stands before it.
            names::SUPERSEDED => {}
            names::PROPOSED => {
                let facts = entry.offer().ok()?;
                let call = called(record, &facts.tool, Some(facts.args));
                let today = engine.call_again(&call, facts.now, past)?;
                if let Ok(id) = facts.action.parse() {
                    lately.keep(record.seq, id, call.args);
                }
                return Some(decided(
                    engine,
                    (text, record),
                    &facts.tool,
                    || facts.decider,
                    Ok(today),
                ));
            }
            names::CONFIRMED => {
                let facts: Moved<'_> = serde_json::from_str(data.get()).ok()?;
                let id = facts.action.parse().ok()?;
                let action = engine.state().actions.get(id)?;
                let args = lately.take(action, past);
                let today = args.and_then(|args| engine.confirm_again(id, args, facts.note.as_deref(), past));
                let decider = || compare::decider_of(past, action);
                return Some(decided(engine, (text, record), &action.tool, decider, today));
            }
            _ => return None,
        }
    }
    None
}

/// A record that nobody called for beside what would be written today.
fn caused(engine: &Engine, (text, record): (&str, &Record<'_>), again: Result<Caused, String>) -> Compared {
    let proposed = record.events.iter().filter(|entry| entry.name == names::PROPOSED);
    let mut proposed = proposed.filter_map(|entry| entry.offer().ok());
    if let Some(facts) = proposed.next()
        && engine.registry().tool(&facts.tool).map(|tool| tool.decider) != Some(facts.decider)
    {
        return Compared::OtherVersion;
    }
    let lines = match again {
        Ok(today) if today.is_caused_like(record) && compare::is_same(text, record, &today.events) => {
            return Compared::Same;
        }
        Ok(today) => compare::events(record, &today.events),
        Err(why) => vec![why],
    };
    let by = record.cause.as_ref().map_or("schedule", projections::Cause::by);
    Compared::Differs {
        tool: by.to_owned(),
        what: "reaction",
        lines,
    }
}

fn decided(
    engine: &Engine,
    (text, record): (&str, &Record<'_>),
    tool: &str,
    decider: impl FnOnce() -> u32,
    today: Result<Vec<Event>, Rejection>,
) -> Compared {
    let differs = |lines| {
        if engine.registry().tool(tool).map(|tool| tool.decider) == Some(decider()) {
            let (tool, what) = (tool.to_owned(), "plan");
            Compared::Differs { tool, what, lines }
        } else {
            Compared::OtherVersion
        }
    };
    match today {
        Ok(today) if compare::is_same(text, record, &today) => Compared::Same,
        Ok(today) => differs(compare::events(record, &today)),
        Err(no) => differs(vec![format!("today: no, {}: {}", no.code, no.message)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_does_not_say_which_state_was_read() {
        let text = |asked: &str, position: u64, said: &str| {
            format!(
                r#"{{"seq":8,"events":[{{"type":"call.rejected","v":1,"data":{{"tool":"t","args":{asked},"position":{position},"code":"c","message":{said}}}}}]}}"#
            )
        };
        let confusing = r#"{"q":"\"position\":3,","position":3}"#;
        assert!(Asked::is_in_turn(8, &text("{}", 7, r#""no""#)));
        assert!(Asked::is_in_turn(8, &text(confusing, 7, r#""not \"position\":3""#)));
        assert!(!Asked::is_in_turn(
            8,
            &text(r#"{"position":7}"#, 6, r#""not \"position\":7""#)
        ));
        assert!(!Asked::is_in_turn(
            8,
            r#"{"seq":8,"events":[{"type":"action.proposed","data":{"position":7}}]}"#
        ));
    }
}
