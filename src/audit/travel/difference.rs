//! What changed between two positions: each entity once, with its fields as they were before and are after.

use std::collections::BTreeMap;

use journal::Log;
use projections::record::Changed;
use projections::{Op, Record};
use serde::Serialize;
use serde_json::value::RawValue;

use super::Error;
use crate::audit::timeline::Side;

/// What changed between two positions.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// The state before.
    pub from: u64,
    /// The state after.
    pub to: u64,
    /// What is otherwise, in the order in which it first changed.
    pub entities: Vec<Entity>,
}

/// An entity that is otherwise.
#[derive(Debug, Serialize)]
pub struct Entity {
    /// The kind.
    pub entity: String,
    /// The identifier.
    pub id: String,
    /// What became of it: `created`, `changed`, `deleted`.
    pub what: &'static str,
    /// The records that changed it.
    pub records: Vec<u64>,
    /// The fields that differ between the two positions.
    pub fields: BTreeMap<String, Side>,
}

/// The changes between the state at `from` and the state at `to`; what was changed there and back is left out.
///
/// # Errors
/// [`Error::Beyond`] where the journal is shorter; else where a record cannot be read.
pub fn difference(log: &dyn Log, from: u64, to: u64) -> Result<Difference, Error> {
    let last = log.durable();
    if to > last {
        return Err(Error::Beyond { asked: to, last });
    }
    let mut found = Vec::new();
    let mut places = BTreeMap::new();
    for line in log.read(from + 1)? {
        let line = line?;
        if line.seq > to {
            break;
        }
        let mut room = String::new();
        let record = Record::parse(line.seq, &line.text, &mut room)?;
        for change in record.events.iter().filter_map(|event| event.change.as_ref()) {
            let place = *places.entry(change.id.to_string()).or_insert_with(|| {
                found.push(Moving::new(change));
                found.len() - 1
            });
            if let Some(moving) = found.get_mut(place) {
                moving.add(line.seq, change);
            }
        }
    }
    let entities = found.into_iter().filter_map(Moving::told).collect();
    Ok(Difference { from, to, entities })
}

/// An entity on its way from one position to the other.
struct Moving {
    entity: Entity,
    was_there: bool,
    is_there: bool,
}

impl Moving {
    fn new(change: &Changed<'_>) -> Self {
        Self {
            entity: Entity {
                entity: change.entity.to_string(),
                id: change.id.to_string(),
                what: "changed",
                records: Vec::new(),
                fields: BTreeMap::new(),
            },
            was_there: change.op != Op::Create,
            is_there: true,
        }
    }

    fn add(&mut self, seq: u64, change: &Changed<'_>) {
        self.entity.records.push(seq);
        self.is_there = change.op != Op::Delete;
        for (name, field) in &change.fields {
            let own = |side: Option<&RawValue>| side.map(ToOwned::to_owned);
            let side = self.entity.fields.entry(name.to_string()).or_insert_with(|| Side {
                from: own(field.from),
                to: None,
            });
            side.to = own(field.to);
        }
    }

    fn told(mut self) -> Option<Entity> {
        let text = |side: &Option<Box<RawValue>>| side.as_deref().map(|side| side.get().to_owned());
        self.entity.fields.retain(|_, side| text(&side.from) != text(&side.to));
        self.entity.what = match (self.was_there, self.is_there) {
            (false, false) => return None,
            (false, true) => "created",
            (true, false) => "deleted",
            (true, true) if self.entity.fields.is_empty() => return None,
            (true, true) => "changed",
        };
        Some(self.entity)
    }
}
