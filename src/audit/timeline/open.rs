//! Actions that are not over yet: what a later record needs to know of an earlier one.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use projections::Record;
use projections::event::{Attempted, Moved, Proposed, names};

use super::{Entry, facts};

/// What is remembered of an action.
#[derive(Debug)]
pub(super) struct Known {
    tool: Arc<str>,
    proposed_at: Timestamp,
    confirmed_at: Option<Timestamp>,
}

impl Known {
    /// Adds what the record does not say by itself.
    pub(super) fn complete(&self, entry: &mut Entry) {
        entry.tool.get_or_insert_with(|| self.tool.to_string());
        let since = |then: Timestamp| i64::try_from((entry.at - then).as_millis()).unwrap_or(0);
        match entry.what.as_str() {
            "confirmed" | "approved" | "declined" | "cancelled" | "expired" => {
                entry.waited_ms = Some(since(self.proposed_at));
            }
            _ => {}
        }
        if entry.outcome.is_some() {
            entry.took_ms = Some(self.confirmed_at.map_or(0, since));
        }
    }
}

/// Actions that are not over, by identifier.
#[derive(Debug, Default)]
pub(super) struct Open {
    actions: BTreeMap<String, Known>,
    tools: BTreeMap<String, Arc<str>>,
}

impl Open {
    pub(super) fn get(&self, id: &str) -> Option<&Known> {
        self.actions.get(id)
    }

    pub(super) fn tool(&self, id: &str) -> Option<String> {
        self.actions.get(id).map(|known| known.tool.to_string())
    }

    /// Takes in what a record says of actions.
    pub(super) fn follow(&mut self, record: &Record<'_>) {
        for event in &record.events {
            match event.name.as_ref() {
                names::PROPOSED => {
                    let Some(offer) = facts::<Proposed<'_>>(event) else {
                        continue;
                    };
                    let known = Known {
                        tool: self.shared(&offer.tool),
                        proposed_at: offer.now,
                        confirmed_at: None,
                    };
                    self.actions.insert(offer.action.into_owned(), known);
                }
                names::CONFIRMED => {
                    let moved: Option<Moved<'_>> = facts(event);
                    if let Some(known) = moved.and_then(|moved| self.actions.get_mut(moved.action.as_ref())) {
                        known.confirmed_at = Some(record.at);
                    }
                }
                names::DECLINED | names::CANCELLED | names::EXPIRED | names::SUPERSEDED => {
                    if let Some(moved) = facts::<Moved<'_>>(event) {
                        self.actions.remove(moved.action.as_ref());
                    }
                }
                names::SUCCEEDED => {
                    if let Some(done) = facts::<Attempted<'_>>(event) {
                        self.actions.remove(done.action.as_ref());
                    }
                }
                _ => {}
            }
        }
    }

    /// One text per tool, not per action.
    fn shared(&mut self, tool: &str) -> Arc<str> {
        let known = self.tools.entry(tool.to_owned());
        Arc::clone(known.or_insert_with(|| Arc::from(tool)))
    }
}
