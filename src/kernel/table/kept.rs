//! A row as a checkpoint keeps it: with its place in the word index, so that hits keep their order over a restart.

use serde::{Deserialize, Serialize};

use super::{Row, Table};
use crate::kernel::entity::Entity;

#[derive(Serialize)]
#[serde(bound = "E: Entity")]
struct Kept<'a, E> {
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<u32>,
    row: &'a Row<E>,
}

#[derive(Deserialize)]
#[serde(bound = "E: Entity")]
struct Found<E> {
    #[serde(default)]
    place: Option<u32>,
    row: Row<E>,
}

impl<E: Entity> Table<E> {
    pub(super) fn kept(&self, row: &Row<E>) -> Result<String, serde_json::Error> {
        serde_json::to_string(&Kept {
            place: self.place_of(row.id),
            row,
        })
    }

    pub(super) fn put_back(&mut self, text: &str) -> Result<(), serde_json::Error> {
        let found: Found<E> = serde_json::from_str(text)?;
        if let Some(place) = found.place {
            // Places count the rows of one kind; a larger one is damage, and must not ask for all memory.
            if place > PLACE_MAX {
                return Err(serde::de::Error::custom(format!("place {place} cannot be")));
            }
            self.take_place(found.row.id, place);
        }
        self.put(found.row);
        Ok(())
    }
}

/// The largest place that is believed.
const PLACE_MAX: u32 = 1 << 26;
