//! What becomes of what only the old project knows, when tasks move to another one.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::choice;
use crate::kernel::arg::JsonObject;
use crate::kernel::{Rejection, text};

choice! {
    /// What becomes of labels of the old project.
    #[derive(Default)]
    pub enum Labels {
        /// A label of the same name takes the place of each; where there is none it is dropped.
        #[default]
        Match = "match",
        /// It is made, where there is none.
        Create = "create",
        /// They are dropped.
        Drop = "drop",
    }
}

/// `mapping` of `bulk_move_tasks`.
#[derive(Debug, Default, PartialEq)]
pub struct Mapping {
    /// Names of states here and there, folded.
    pub states: BTreeMap<String, String>,
    /// What becomes of labels.
    pub labels: Labels,
}

impl Mapping {
    /// Reads the argument.
    ///
    /// # Errors
    /// `validation_failed` with what may stand in it; `not_available_yet` for custom fields.
    pub fn of(given: Option<&JsonObject>) -> Result<Self, Rejection> {
        let mut mapping = Self::default();
        for (name, value) in given.into_iter().flat_map(|given| &given.0) {
            match (name.as_str(), value) {
                ("states", Value::Object(states)) => {
                    for (from, to) in states {
                        let to = to
                            .as_str()
                            .ok_or_else(|| wrong(&format!("states.{from}"), "must be a name"))?;
                        mapping.states.insert(text::fold(from), text::fold(to));
                    }
                }
                ("states", _) => return Err(wrong(name, "must be an object: names of states here and there")),
                ("labels", value) => {
                    let known = value.as_str().and_then(Labels::of);
                    mapping.labels = known.ok_or_else(|| wrong(name, "must be create, drop or match"))?;
                }
                ("customFields", _) => return Err(Rejection::not_yet("mapping.customFields", "Custom fields")),
                _ => return Err(wrong(name, "is not part of it; states and labels are")),
            }
        }
        Ok(mapping)
    }
}

fn wrong(name: &str, rule: &str) -> Rejection {
    Rejection::argument(&format!("mapping.{name}"), rule)
}
