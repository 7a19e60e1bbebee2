//! A plan: a decided but unexecuted write. It is the preview and the execution; there is no second code path.

mod essence;
mod planned;

pub use planned::{Lies, Planned};

use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeMap;

use projections::upcast::{Shape, TODAY};
use projections::{Action, Change, Digest, Event, Id, Op};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::kernel::entity::Entity;
use crate::kernel::table::{Label, Row};
use crate::kernel::{Rejection, View};

crate::choice! {
    /// How much care a plan deserves.
    pub enum Risk {
        /// Easily seen and taken back.
        Low = "low",
        /// Many things, or other people's.
        Medium = "medium",
        /// Hides, removes, or gives authority.
        High = "high",
    }
}

/// Whether a plan can be taken back.
#[derive(Clone, Debug, PartialEq)]
pub enum Undo {
    /// For so many days.
    Days(i64),
    /// Not, and why.
    Never(&'static str),
}

/// Work outside the journal that a plan needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// What kind of work, for example `http` or `mail`.
    pub kind: Cow<'static, str>,
    /// Everything a worker needs; no secrets.
    pub detail: Value,
}

/// A decided write.
#[derive(Debug)]
pub struct Plan {
    /// One sentence in the imperative.
    pub summary: String,
    /// The changes, in order.
    pub changes: Vec<Planned>,
    /// What else comes of it, in words.
    pub cascades: Vec<String>,
    /// What the confirmer should know.
    pub warnings: Vec<String>,
    /// What stands in the way; with any of these there is nothing to confirm.
    pub blockers: Vec<Rejection>,
    /// Work outside.
    pub effects: Vec<Effect>,
    /// Facts that must still hold when it is confirmed, beyond the changes themselves.
    pub requires: BTreeMap<&'static str, Value>,
    /// What the preview settles, and counts in the digest instead of the changes: a confirmation takes it from there (bulk).
    pub settled: Option<Value>,
    /// What this tool's preview shows beyond the rest.
    pub details: Map<String, Value>,
    /// The result of the receipt.
    pub result: Value,
    /// Whether it can be taken back.
    pub undo: Undo,
    /// How much care it deserves; `None` for what the tool's kind says.
    pub risk: Option<Risk>,
    /// The action this plan undoes.
    pub undoes: Option<Id<Action>>,
    /// What the identifiers in its changes are called; for the preview only, no part of the digest.
    pub names: BTreeMap<String, String>,
    /// Those who would react to it; for the preview only, no part of the digest.
    pub rules: Vec<Value>,
    /// The organisation that new entities belong to, where it is not the caller's (founding one).
    pub home: Option<String>,
    working: BTreeMap<(&'static str, String), Working>,
}

struct Working {
    version: u64,
    entity: Option<Box<dyn Any + Send>>,
}

impl std::fmt::Debug for Working {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "version {}", self.version)
    }
}

fn broken(cause: &serde_json::Error) -> Rejection {
    Rejection::new("unavailable", format!("a plan cannot be written: {cause}"))
}

impl Plan {
    /// An empty plan: doing nothing, which is an answer of its own.
    pub fn new(summary: impl Into<String>) -> Self {
        Self {
            summary: summary.into(),
            changes: Vec::new(),
            cascades: Vec::new(),
            warnings: Vec::new(),
            blockers: Vec::new(),
            effects: Vec::new(),
            requires: BTreeMap::new(),
            settled: None,
            details: Map::new(),
            result: Value::Null,
            undo: Undo::Days(30),
            risk: None,
            undoes: None,
            names: BTreeMap::new(),
            rules: Vec::new(),
            home: None,
            working: BTreeMap::new(),
        }
    }

    /// Brings a new entity about.
    pub fn create<E: Entity>(&mut self, event: &'static str, id: Id<E>, entity: E) -> Result<(), Rejection> {
        self.put(Cow::Borrowed(event), Op::Create, id, 1, &E::default(), &entity, 0)?;
        Ok(())
    }

    /// Changes an entity; does nothing where nothing differs. True where something did. Several edits of one entity
    /// build on each other.
    pub fn edit<E: Entity>(
        &mut self,
        event: &'static str,
        row: &Row<E>,
        edit: impl FnOnce(&mut E),
    ) -> Result<bool, Rejection> {
        let (before, version) = self.current(row);
        let mut after = before.clone();
        edit(&mut after);
        self.put(
            Cow::Borrowed(event),
            Op::Update,
            row.id,
            version + 1,
            &before,
            &after,
            version,
        )
    }

    /// Removes an entity for good; its fields are recorded, so that it can be brought back.
    pub fn remove<E: Entity>(&mut self, event: &'static str, row: &Row<E>) -> Result<(), Rejection> {
        let (before, version) = self.current(row);
        self.put(
            Cow::Borrowed(event),
            Op::Delete,
            row.id,
            version + 1,
            &before,
            &E::default(),
            version,
        )?;
        Ok(())
    }

    /// The entity as it will be after the changes planned so far.
    pub fn after<E: Entity>(&self, row: &Row<E>) -> E {
        self.current(row).0
    }

    fn current<E: Entity>(&self, row: &Row<E>) -> (E, u64) {
        let working = self.working.get(&(E::KIND, row.id.to_string()));
        let entity = working.and_then(|working| working.entity.as_ref()?.downcast_ref::<E>().cloned());
        match (working, entity) {
            (Some(working), Some(entity)) => (entity, working.version),
            _ => (row.entity.clone(), row.version),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the three ways in name every one of them")]
    fn put<E: Entity>(
        &mut self,
        event: Cow<'static, str>,
        op: Op,
        id: Id<E>,
        version: u64,
        before: &E,
        after: &E,
        version_before: u64,
    ) -> Result<bool, Rejection> {
        let mut fields = E::difference(before, after).map_err(|cause| broken(&cause))?;
        if fields.is_empty() && op == Op::Update {
            return Ok(false);
        }
        for field in fields.values_mut() {
            match op {
                Op::Create => field.from = None,
                Op::Delete => field.to = None,
                Op::Update => {}
            }
        }
        let named = if op == Op::Delete { before } else { after };
        let label = Label {
            kind: E::KIND,
            id: id.to_string(),
            key: named.key(),
            label: named.label(),
            version: version_before,
        };
        let change = Change {
            entity: Cow::Borrowed(E::KIND),
            id: id.to_string(),
            org: self.home.clone(),
            version,
            op,
            fields,
        };
        self.changes.push(Planned {
            event,
            label,
            change,
            lies: named.lies_in().map_or(Lies::Nowhere, Lies::In),
            decoration: E::DECORATION,
        });
        self.working.insert(
            (E::KIND, id.to_string()),
            Working {
                version,
                entity: Some(Box::new(after.clone())),
            },
        );
        Ok(true)
    }

    /// Adds a change that was put together elsewhere (undo).
    pub fn push(&mut self, event: String, label: Label, change: Change) {
        self.changes.push(Planned {
            event: Cow::Owned(event),
            label,
            change,
            lies: Lies::Unknown,
            decoration: &[],
        });
    }

    /// Adds something that this tool's preview shows.
    pub fn detail(&mut self, name: &str, value: impl Serialize) {
        self.details
            .insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
    }

    /// Adds a fact that must still hold at the confirmation.
    pub fn require(&mut self, name: &'static str, value: impl Serialize) {
        self.requires
            .insert(name, serde_json::to_value(value).unwrap_or_default());
    }

    /// Adds a warning.
    pub fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    /// Adds a blocker.
    pub fn block(&mut self, blocker: Rejection) {
        self.blockers.push(blocker);
    }

    /// Whether it would do nothing.
    pub fn is_noop(&self) -> bool {
        self.changes.is_empty() && self.effects.is_empty()
    }

    /// The digest of what it would do: changes without decoration, effects, required facts. Versions, ranks, counters and
    /// the next free key do not count, so that unrelated work of others does not make a preview stale.
    pub fn digest(&self, tool: &str) -> Result<Digest, Rejection> {
        self.essence(tool).map(|text| Digest::of(text.as_bytes()))
    }

    /// The canonical text (RFC 8785) that the digest is of.
    pub fn essence(&self, tool: &str) -> Result<String, Rejection> {
        essence::essence(self, tool).map_err(|cause| broken(&cause))
    }

    /// The changes as events of a record.
    pub fn events(&self) -> Vec<Event> {
        let event = |planned: &Planned| Event {
            name: planned.event.clone(),
            v: TODAY.version(Shape::Entity(&planned.change.entity)),
            data: None,
            change: Some(planned.change.clone()),
        };
        self.changes.iter().map(event).collect()
    }

    /// What it would change, as `kind:id`, and the names it would give, as `kind=org:name`: while a worker is at it, neither is
    /// there for others.
    pub fn touched(&self, org: &str) -> Vec<String> {
        let mut touched: Vec<String> = self.changes.iter().flat_map(|planned| planned.touches(org)).collect();
        touched.sort();
        touched.dedup();
        touched
    }

    /// Refuses where the row is not at the expected version; for tools of the `+upd` group.
    pub fn expect<E: Entity>(
        view: &View<'_>,
        row: &Row<E>,
        expected: Option<crate::kernel::arg::Int<1, { i64::MAX }>>,
    ) -> Result<(), Rejection> {
        view.expect_version(row, expected.map(|version| version.0))
    }
}
