//! An action as text: in full for people and digests, tightly for the rows that a start reads by the hundred thousand.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::{Action, Manner};
use crate::{Actor, Digest, Id, Stage};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Full<'a> {
    id: Id<Action>,
    org: &'a str,
    tool: &'a str,
    kind: &'a str,
    risk: &'a str,
    policy: &'a str,
    stage: Stage,
    proposer: &'a Actor,
    proposed_at: Timestamp,
    expires_at: Timestamp,
    key: Digest,
    digest: Digest,
    proposed_seq: u64,
    last_seq: u64,
    last_at: Timestamp,
    attempt: u32,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    approvals: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed_seq: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_handed_over: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<Timestamp>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    holds: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    undoes: Option<Id<Action>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undone_by: Option<Id<Action>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    superseded_by: Option<Id<Action>>,
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let full = Full {
            id: self.id,
            org: &self.org,
            tool: &self.tool,
            kind: &self.kind,
            risk: &self.risk,
            policy: &self.policy,
            stage: self.stage,
            proposer: &self.proposer,
            proposed_at: self.proposed_at,
            expires_at: self.expires_at,
            key: self.key,
            digest: self.digest,
            proposed_seq: self.proposed_seq,
            last_seq: self.last_seq,
            last_at: self.last_at,
            attempt: self.attempt,
            approvals: &self.approvals,
            confirmed_seq: self.confirmed_seq,
            is_handed_over: self.is_handed_over,
            due: self.due,
            holds: &self.holds,
            undoes: self.undoes.as_deref().copied(),
            undone_by: self.undone_by.as_deref().copied(),
            superseded_by: self.superseded_by.as_deref().copied(),
        };
        full.serialize(to)
    }
}

/// Seconds and nanoseconds since 1970.
type Hour = (i64, i32);

fn hour(at: Timestamp) -> Hour {
    (at.as_second(), at.subsec_nanosecond())
}

fn back((seconds, nanoseconds): Hour) -> Result<Timestamp, serde_json::Error> {
    Timestamp::new(seconds, nanoseconds).map_err(serde::de::Error::custom)
}

/// How an action is kept: values without names. Its shape is its own affair, as is that of all rows.
#[derive(Serialize, Deserialize)]
struct Tight<'a, M>(
    Id<Action>,
    /// What many have in common: where it is the same text, it need not be read again.
    M,
    Stage,
    (Hour, Hour, Hour),
    (Digest, Digest),
    (u64, u64, u32),
    Cow<'a, [String]>,
    Option<Box<Seldom>>,
);

/// What few actions have, once they are over.
#[derive(Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Seldom {
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed_seq: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_handed_over: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<Hour>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    holds: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undoes: Option<Box<Id<Action>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undone_by: Option<Box<Id<Action>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    superseded_by: Option<Box<Id<Action>>>,
}

impl Action {
    /// The text of its row, which a [`Reader`] reads.
    ///
    /// # Errors
    /// Where serde cannot write it.
    pub fn keep(&self) -> Result<String, serde_json::Error> {
        let seldom = Seldom {
            confirmed_seq: self.confirmed_seq,
            is_handed_over: self.is_handed_over,
            due: self.due.map(hour),
            holds: self.holds.clone(),
            undoes: self.undoes.clone(),
            undone_by: self.undone_by.clone(),
            superseded_by: self.superseded_by.clone(),
        };
        serde_json::to_string(&Tight(
            self.id,
            self.manner.as_ref(),
            self.stage,
            (hour(self.proposed_at), hour(self.expires_at), hour(self.last_at)),
            (self.key, self.digest),
            (self.proposed_seq, self.last_seq, self.attempt),
            Cow::Borrowed(self.approvals.as_slice()),
            (seldom != Seldom::default()).then(|| Box::new(seldom)),
        ))
    }
}

/// So many manners that came last are remembered: actions that come together have few.
const LAST: usize = 16;

/// Reads rows of actions, one after the other.
#[derive(Debug, Default)]
pub struct Reader {
    last: [Option<(Box<str>, Arc<Manner>)>; LAST],
    next: usize,
}

impl Reader {
    /// The action of a row.
    ///
    /// # Errors
    /// Where [`Action::keep`] did not write it.
    pub fn action(&mut self, text: &str) -> Result<Action, serde_json::Error> {
        let Tight(id, manner, stage, hours, digests, numbers, approvals, seldom) =
            serde_json::from_str::<Tight<'_, &RawValue>>(text)?;
        let seldom = seldom.map(|seldom| *seldom).unwrap_or_default();
        Ok(Action {
            id,
            manner: self.manner(manner.get())?,
            stage,
            proposed_at: back(hours.0)?,
            expires_at: back(hours.1)?,
            last_at: back(hours.2)?,
            key: digests.0,
            digest: digests.1,
            proposed_seq: numbers.0,
            last_seq: numbers.1,
            attempt: numbers.2,
            approvals: approvals.into_owned(),
            confirmed_seq: seldom.confirmed_seq,
            is_handed_over: seldom.is_handed_over,
            due: seldom.due.map(back).transpose()?,
            holds: seldom.holds,
            undoes: seldom.undoes,
            undone_by: seldom.undone_by,
            superseded_by: seldom.superseded_by,
        })
    }

    fn manner(&mut self, text: &str) -> Result<Arc<Manner>, serde_json::Error> {
        let mut known = self.last.iter().flatten();
        if let Some((_, manner)) = known.find(|(known, _)| known.as_ref() == text) {
            return Ok(Arc::clone(manner));
        }
        let manner: Arc<Manner> = Arc::new(serde_json::from_str(text)?);
        if let Some(oldest) = self.last.get_mut(self.next) {
            *oldest = Some((Box::from(text), Arc::clone(&manner)));
        }
        self.next = (self.next + 1) % LAST;
        Ok(manner)
    }
}
