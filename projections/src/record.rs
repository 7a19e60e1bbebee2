//! One journal record: who did what when, as the events of one step.
//!
//! [`Body`] is what is written, [`Record`] what is read; both are the same JSON. Reading borrows from the line, because a
//! replay is bound by decoding, unless the line is of an older shape ([`crate::upcast`]).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Cause;
use crate::event::Proposed;
use crate::upcast::{Shape, TODAY, Unread};

/// What kind of principal acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A person.
    Human,
    /// An agent that acts for a sponsor.
    Agent,
    /// A service account.
    Service,
    /// An automation rule.
    Automation,
    /// A process step.
    Process,
    /// Something that came in from outside, for example an inbound webhook.
    Inbound,
    /// The system itself: first start, expiry, recovery.
    System,
}

/// Who caused a record. The agent and the human it acts for are both named, always.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Actor {
    /// What kind of principal.
    pub kind: ActorKind,
    /// The member, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal_id: Option<String>,
    /// The member whose authority an agent or service acts under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// The bearer token's identifier, never the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_id: Option<String>,
    /// The program as it named itself, for example `claude-code 2.1`; not to be trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Through which door: `mcp`, `stdio`, `rest`, `cli` or `system`.
    pub via: Cow<'static, str>,
}

impl Actor {
    /// The system itself.
    pub const fn system() -> Self {
        Self {
            kind: ActorKind::System,
            principal_id: None,
            on_behalf_of: None,
            token_id: None,
            client: None,
            via: Cow::Borrowed("system"),
        }
    }
}

/// What happened to an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// It came to be; every field's `from` is absent.
    Create,
    /// Some fields changed.
    Update,
    /// It is gone; every field's `to` is absent, so that it can be brought back.
    Delete,
}

/// One field before and after, as JSON texts; absent where there is no such side.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FieldChange {
    /// Before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Box<RawValue>>,
    /// After.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Box<RawValue>>,
}

/// The fields that changed, by name; the order is part of the digest.
pub type Fields = BTreeMap<Cow<'static, str>, FieldChange>;

/// One named change of one entity, as written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Change {
    /// The kind of entity, for example `task`.
    pub entity: Cow<'static, str>,
    /// Its identifier.
    pub id: String,
    /// The organisation it belongs to, where that is not the record's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
    /// Its version after the change; the first is 1.
    pub version: u64,
    /// What happened to it.
    pub op: Op,
    /// The differences.
    pub fields: Fields,
}

/// One event as written: `data` for the system's own vocabulary, `change` for the domain's. It is read only where it was
/// kept to be written later, with its version; what stands in a record is read as an [`Entry`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// The name, past tense, for example `task.state_changed`.
    #[serde(rename = "type")]
    pub name: Cow<'static, str>,
    /// The version of the data's shape.
    pub v: u16,
    /// The facts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<RawValue>>,
    /// The change of an entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
}

/// A record as handed to the journal, which adds `seq` and `batch` in front.
#[derive(Clone, Debug, Serialize)]
pub struct Body {
    /// The envelope's version.
    pub v: u16,
    /// When; never earlier than the record before.
    pub at: Timestamp,
    /// The organisation, where it concerns one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
    /// Who.
    pub actor: Actor,
    /// The W3C trace context that came with the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// What it reacts to, where nobody called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// What happened; all of it or nothing.
    pub events: Vec<Event>,
}

impl Body {
    /// A record of today's version.
    pub fn new(at: Timestamp, org: Option<String>, actor: Actor, events: Vec<Event>) -> Self {
        Self {
            v: TODAY.version(Shape::Envelope),
            at,
            org,
            actor,
            trace: None,
            cause: None,
            events,
        }
    }

    /// The JSON text that goes into the journal.
    pub fn text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

/// A record as read, in today's shape. It is read with [`Record::parse`] and in no other way: `remote` keeps it from being
/// `Deserialize`, so that nobody reads an old shape as if it were today's.
///
/// ```compile_fail
/// let record: projections::Record<'_> = serde_json::from_str("{}")?;
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Deserialize)]
#[serde(remote = "Record")]
pub struct Record<'a> {
    /// The position; 0 in a text that the journal has not numbered yet.
    #[serde(default)]
    pub seq: u64,
    /// The envelope's version.
    pub v: u16,
    /// When.
    pub at: Timestamp,
    /// The organisation.
    #[serde(default, borrow)]
    pub org: Option<Cow<'a, str>>,
    /// Who.
    pub actor: Actor,
    /// The trace context.
    #[serde(default, borrow)]
    pub trace: Option<Cow<'a, str>>,
    /// What it reacts to, where nobody called.
    #[serde(default)]
    pub cause: Option<Cause>,
    /// What happened.
    #[serde(borrow)]
    pub events: Vec<Entry<'a>>,
}

/// One event as read.
#[derive(Debug, Deserialize)]
pub struct Entry<'a> {
    /// The name.
    #[serde(rename = "type", borrow)]
    pub name: Cow<'a, str>,
    /// The version of the data's shape.
    pub v: u16,
    /// The facts.
    #[serde(default, borrow)]
    pub data: Option<&'a RawValue>,
    /// The change of an entity.
    #[serde(default, borrow)]
    pub change: Option<Changed<'a>>,
    #[serde(skip)]
    offer: OnceLock<Box<Proposed<'a>>>,
}

impl<'a> Entry<'a> {
    /// The facts of an offer (`action.proposed`), which are read once however often they are asked for.
    ///
    /// # Errors
    /// Where they are not those of an offer.
    pub fn offer(&self) -> Result<&Proposed<'a>, serde_json::Error> {
        if let Some(offer) = self.offer.get() {
            return Ok(offer);
        }
        let offer = serde_json::from_str(self.data.map_or("null", RawValue::get))?;
        Ok(self.offer.get_or_init(|| Box::new(offer)))
    }
}

/// One change as read.
#[derive(Clone, Debug, Deserialize)]
pub struct Changed<'a> {
    /// The kind of entity.
    #[serde(borrow)]
    pub entity: Cow<'a, str>,
    /// Its identifier.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// The organisation it belongs to, where that is not the record's.
    #[serde(default, borrow)]
    pub org: Option<Cow<'a, str>>,
    /// Its version after the change.
    pub version: u64,
    /// What happened to it.
    pub op: Op,
    /// The differences.
    #[serde(borrow)]
    pub fields: BTreeMap<Cow<'a, str>, FieldChanged<'a>>,
}

/// One field before and after, as read.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct FieldChanged<'a> {
    /// Before.
    #[serde(default, borrow)]
    pub from: Option<&'a RawValue>,
    /// After.
    #[serde(default, borrow)]
    pub to: Option<&'a RawValue>,
}

impl<'a> Record<'a> {
    /// Reads the JSON text of the record at a position, whatever versions it is of. `room` holds the text of one that had to
    /// be brought to today's shape; an empty string will do.
    ///
    /// # Errors
    /// [`Unread`] says what is wrong with it and what to do.
    pub fn parse(seq: u64, text: &'a str, room: &'a mut String) -> Result<Self, Unread> {
        TODAY.read(seq, text, room)
    }

    /// Reads a text as being of today's shape, which the caller must know or find out.
    pub(crate) fn as_it_stands(text: &'a str) -> Result<Self, serde_json::Error> {
        let mut text = serde_json::Deserializer::from_str(text);
        let record = Self::deserialize(&mut text)?;
        text.end()?;
        Ok(record)
    }
}

impl Change {
    /// The same change as it would be read.
    pub fn as_read(&self) -> Changed<'_> {
        let fields = self.fields.iter();
        Changed {
            entity: Cow::Borrowed(&self.entity),
            id: Cow::Borrowed(&self.id),
            org: self.org.as_deref().map(Cow::Borrowed),
            version: self.version,
            op: self.op,
            fields: fields
                .map(|(name, sides)| {
                    let (from, to) = (sides.from.as_deref(), sides.to.as_deref());
                    (Cow::Borrowed(name.as_ref()), FieldChanged { from, to })
                })
                .collect(),
        }
    }
}

impl Changed<'_> {
    /// The same change with its own texts.
    pub fn to_owned(&self) -> Change {
        let own = |side: Option<&RawValue>| side.map(ToOwned::to_owned);
        Change {
            entity: Cow::Owned(self.entity.to_string()),
            id: self.id.to_string(),
            org: self.org.as_ref().map(ToString::to_string),
            version: self.version,
            op: self.op,
            fields: self
                .fields
                .iter()
                .map(|(name, field)| {
                    (
                        Cow::Owned(name.to_string()),
                        FieldChange {
                            from: own(field.from),
                            to: own(field.to),
                        },
                    )
                })
                .collect(),
        }
    }
}
