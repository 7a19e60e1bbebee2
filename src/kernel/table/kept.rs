//! A row as a checkpoint keeps it: with its place in the word index, so that hits keep their order over a restart.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Row, Table};
use crate::kernel::entity::Entity;

/// The largest place that is believed: a damaged one must not ask for all memory.
const PLACE_MAX: u32 = 1 << 26;

/// Why a text is not what a table of this kind keeps.
#[derive(Debug, Error)]
pub enum Unlike {
    /// It is not a row of this kind.
    #[error(transparent)]
    Row(#[from] serde_json::Error),
    /// It belongs to another table than that of this kind.
    #[error("it is no {0}")]
    Kind(&'static str),
    /// No table has so many rows.
    #[error("place {0} cannot be")]
    Place(u32),
    /// Another row stands there, or the row stands somewhere else already.
    #[error("place {0} is taken")]
    Taken(u32),
}

#[derive(Serialize)]
#[serde(bound = "E: Entity")]
struct Kept<'a, E> {
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<u32>,
    row: &'a Row<E>,
}

#[derive(Deserialize)]
#[serde(bound = "E: Entity")]
pub(super) struct Found<E> {
    #[serde(default)]
    place: Option<u32>,
    row: Row<E>,
}

impl<E: Entity> Table<E> {
    pub(super) fn kept(&self, row: &Row<E>) -> Result<String, serde_json::Error> {
        let place = self.place_of(row.id);
        serde_json::to_string(&Kept { place, row })
    }

    pub(super) fn found(text: &str) -> Result<Found<E>, Unlike> {
        Ok(serde_json::from_str(text)?)
    }

    pub(super) fn put_found(&mut self, found: Found<E>) -> Result<(), (String, Unlike)> {
        if let Some(place) = found.place {
            let id = found.row.id;
            if place > PLACE_MAX {
                return Err((id.to_string(), Unlike::Place(place)));
            }
            if !self.take_place(id, place) {
                return Err((id.to_string(), Unlike::Taken(place)));
            }
        }
        self.underive();
        self.put(found.row);
        Ok(())
    }
}
