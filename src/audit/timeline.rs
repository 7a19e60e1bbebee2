//! An agent's work as it can be read: each call with its arguments, what was shown, what was confirmed, what happened, and how
//! long the human and the machine took.
//!
//! One pass over the records; only actions that are not over are remembered meanwhile.

mod entry;
mod filter;
mod open;
mod text;

pub use entry::{Changed, Entry, Side};
pub use filter::Filter;

use std::collections::BTreeMap;

use journal::Log;
use projections::record::{Changed as Change, Entry as Event};
use projections::store::Facets;
use projections::{Record, Unread};

use super::Unreadable;
use open::Open;

/// Puts a timeline together, record by record.
#[derive(Debug, Default)]
pub struct Timeline {
    filter: Filter,
    open: Open,
    /// What members and tokens are called, by identifier.
    names: BTreeMap<String, String>,
}

/// Every record of a log up to the last that can fit: its position, and how it is told where it fits.
///
/// # Errors
/// [`Unreadable`] where the log cannot be read; what is met on the way is an item.
pub fn over(
    log: &dyn Log,
    filter: Filter,
) -> Result<impl Iterator<Item = Result<(u64, Option<Entry>), Unreadable>>, Unreadable> {
    let (last, mut timeline) = (filter.last(log)?, Timeline::new(filter));
    // From the first on: what came before says what members and tokens are called and what an action asked for.
    Ok(log.read(1)?.map_while(move |line| match line {
        Ok(line) if line.seq > last => None,
        Ok(line) => {
            let entry = timeline.take(line.seq, &line.text);
            Some(entry.map(|entry| (line.seq, entry)).map_err(Unreadable::from))
        }
        Err(cause) => Some(Err(cause.into())),
    }))
}

impl Timeline {
    /// A timeline of what fits a filter.
    pub fn new(filter: Filter) -> Self {
        Self {
            filter,
            ..Self::default()
        }
    }

    /// Takes the next record, which must follow the one before; `None` where it does not fit the filter.
    ///
    /// # Errors
    /// [`Unread`] where it is no record of this program.
    pub fn take(&mut self, seq: u64, text: &str) -> Result<Option<Entry>, Unread> {
        let mut room = String::new();
        let record = Record::parse(seq, text, &mut room)?;
        self.learn(&record);
        let fits = {
            let tool_of = |id: &str| self.open.tool(id);
            let called = |id: &str| self.names.get(id).cloned();
            self.filter
                .fits(seq, &record, &called, &|| Facets::of(&record, &tool_of))
        };
        let entry = fits.then(|| self.told(seq, &record));
        self.open.follow(&record);
        Ok(entry)
    }

    /// Whether a change is of the organisation that is told of: founding another one is recorded where its founder was.
    fn is_here(&self, record: &Record<'_>, change: &Change<'_>) -> bool {
        let org = change.org.as_deref().or(record.org.as_deref());
        let told = self.filter.org.as_deref();
        told.is_none() || org.is_none() || org == told
    }

    fn learn(&mut self, record: &Record<'_>) {
        let changes = record.events.iter().filter_map(|event| event.change.as_ref());
        for change in changes {
            let named = match change.entity.as_ref() {
                "member" => "handle",
                "token" => "name",
                _ => continue,
            };
            let name = change.fields.get(named).and_then(|field| field.to);
            if let Some(Ok(name)) = name.map(|name| serde_json::from_str(name.get())) {
                self.names.insert(change.id.to_string(), name);
            }
        }
    }

    fn told(&self, seq: u64, record: &Record<'_>) -> Entry {
        let name = |id: Option<&String>| self.names.get(id?).cloned();
        let mut entry = Entry {
            seq,
            at: record.at,
            org: record.org.as_deref().map(ToOwned::to_owned),
            who: name(record.actor.principal_id.as_ref()),
            on_behalf_of: name(record.actor.on_behalf_of.as_ref()),
            actor: record.actor.clone(),
            trace: record.trace.as_deref().map(ToOwned::to_owned),
            cause: record.cause.clone(),
            ..Entry::default()
        };
        for event in &record.events {
            entry.add(event, &|change| self.is_here(record, change));
        }
        if let Some(known) = entry.action.as_deref().and_then(|id| self.open.get(id)) {
            known.complete(&mut entry);
        }
        entry
    }
}

/// What an event's facts say, where they are of that shape.
fn facts<'a, T: serde::Deserialize<'a>>(event: &Event<'a>) -> Option<T> {
    serde_json::from_str(event.data?.get()).ok()
}
