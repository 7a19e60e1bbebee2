//! What a record can be found by, read off the record alone: the rows keep it, and who has no rows finds the same by reading.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::event::names;
use crate::{Action, Id, Named as _, Record};

/// The longest value that an index tells apart, in bytes; what is longer shares its beginning.
const VALUE_BYTES_MAX: usize = 128;

/// The value of [`Index::Kind`] under which every record stands that changed anything.
pub const ANY: &str = "*";

/// The value of [`Index::Org`] under which a record stands that belongs to no organisation: everybody's are among those.
pub const NOBODYS: &str = "";

/// The kind under which the hour of a token's last use is kept.
pub const USED: &str = "used";

/// The kind under which the reactions are kept that are owed, all in one row.
pub const OWED: &str = "owed";

/// The tool of an action, by the action's identifier.
pub type ToolOf<'a> = &'a dyn Fn(&str) -> Option<String>;

/// By what the records of a journal can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Index {
    /// The member or the token that acted.
    Actor,
    /// The tool.
    Tool,
    /// The entity that changed.
    Entity,
    /// The action.
    Action,
    /// The name of an event.
    Event,
    /// The kind of an entity that changed, or [`ANY`].
    Kind,
    /// The organisation that the record belongs to. Looked for by one, what belongs to none is found too.
    Org,
}

impl Index {
    /// The values under which a record stands that is found by one.
    pub fn standing(self, value: &str) -> impl Iterator<Item = String> {
        let also = (self == Self::Org).then(|| NOBODYS.to_owned());
        [indexed(value)].into_iter().chain(also)
    }
}

/// A value as an index knows it: no control characters, not too long.
pub fn indexed(value: &str) -> String {
    let mut known: String = value
        .chars()
        .map(|letter| if letter.is_control() { '\u{fffd}' } else { letter })
        .collect();
    known.truncate(known.floor_char_boundary(VALUE_BYTES_MAX));
    known
}

/// The facts of the system's own events that matter here.
#[derive(Default, Deserialize)]
struct Facts<'a> {
    #[serde(borrow, default)]
    tool: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    action: Option<Cow<'a, str>>,
}

/// Whether an event's facts name a tool or an action.
fn names_a_call(event: &str) -> bool {
    event.starts_with("call.")
        || event.starts_with("action.")
        || event.starts_with("execution.")
        || event == names::CONFIRM_REFUSED
}

fn facts<'a>(event: &str, data: Option<&'a RawValue>) -> Facts<'a> {
    let data = data.filter(|_| names_a_call(event));
    // What cannot be read stops the fold of the state; here it is only not found.
    data.and_then(|data| serde_json::from_str(data.get()).ok())
        .unwrap_or_default()
}

/// What a record can be found by.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Facets {
    /// Indexes with their values.
    pub values: BTreeSet<(Index, String)>,
    /// Rows of the state that it touched.
    pub touched: BTreeSet<(String, String)>,
    /// Tools with what happened to their calls.
    pub calls: Vec<(String, String)>,
}

impl Facets {
    /// Reads them off a record.
    pub fn of(record: &Record<'_>, tool_of: ToolOf<'_>) -> Self {
        let mut facets = Self::default();
        facets.found(Index::Org, record.org.as_deref().unwrap_or(NOBODYS));
        for actor in [&record.actor.principal_id, &record.actor.token_id]
            .into_iter()
            .flatten()
        {
            facets.found(Index::Actor, actor);
        }
        if let Some(token) = &record.actor.token_id {
            facets.touches(USED, token);
        }
        if record.cause.is_some() {
            facets.touches(OWED, OWED);
        }
        for entry in &record.events {
            facets.found(Index::Event, &entry.name);
            if entry.change.is_some() || [names::FIRED, names::PASSED].contains(&entry.name.as_ref()) {
                facets.touches(OWED, OWED);
            }
            if let Some(change) = &entry.change {
                facets.found(Index::Entity, &change.id);
                facets.found(Index::Kind, &change.entity);
                facets.found(Index::Kind, ANY);
                facets.touches(&change.entity, &change.id);
            }
            let said = facts(&entry.name, entry.data);
            let its_tool = || said.action.as_deref().and_then(tool_of);
            if let Some(tool) = said.tool.as_deref().map(ToOwned::to_owned).or_else(its_tool) {
                facets.found(Index::Tool, &tool);
                facets.calls.push((tool, entry.name.to_string()));
            }
            if let Some(action) = &said.action {
                // What a caller named need not be an action, nor be written as we write it.
                let id = action.parse::<Id<Action>>().ok().map(|id| id.to_string());
                facets.found(Index::Action, id.as_deref().unwrap_or(action));
                if let Some(id) = id {
                    facets.touches(Action::KIND, &id);
                }
            }
        }
        facets
    }

    /// Whether the record is found by a value.
    pub fn has(&self, index: Index, value: &str) -> bool {
        index.standing(value).any(|value| self.values.contains(&(index, value)))
    }

    fn found(&mut self, index: Index, value: &str) {
        self.values.insert((index, indexed(value)));
    }

    fn touches(&mut self, kind: &str, id: &str) {
        self.touched.insert((kind.to_owned(), id.to_owned()));
    }
}
