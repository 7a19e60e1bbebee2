//! The state: what the journal says up to one position. Cloning shares structure; readers hold a clone.

mod foreseen;
mod kept;

pub use kept::{Kept, Loose, Spoilt};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imbl::OrdMap;
use jiff::Timestamp;
use projections::event::names;
use projections::{Actions, ActorKind, Digest, Record, Unread};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::kernel::entity::Entity;
use crate::kernel::reaction::{Debts, REACTS};
use crate::kernel::schedule::Due;
use crate::kernel::table::{AnyTable, Misfit, Place, Table};

/// The kinds of entity that there are.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The word in records.
    pub name: &'static str,
    /// What its identifiers begin with.
    pub prefix: &'static str,
    make: fn() -> Box<dyn AnyTable>,
    /// Whether its things react to events.
    reacts: bool,
}

impl Kind {
    /// The kind of a type.
    pub fn of<E: Entity>() -> Self {
        Self {
            name: E::KIND,
            prefix: E::PREFIX,
            make: || Box::new(Table::<E>::default()),
            reacts: false,
        }
    }

    /// Says that its things react to events.
    #[must_use]
    pub const fn reacting(mut self) -> Self {
        self.reacts = true;
        self
    }
}

/// Why a record cannot be folded into the state.
#[derive(Debug, Error)]
pub enum Unfit {
    /// It cannot be read: it is no record, or of a version that this program does not know or has no step from.
    #[error(transparent)]
    Unread(#[from] Unread),
    /// It does not follow the one before.
    #[error("record {found} does not follow position {position}")]
    Gap {
        /// The state's position.
        position: u64,
        /// The record's.
        found: u64,
    },
    /// A change of a kind that no module has.
    #[error("record {seq} changes a {kind}, which no module of this program knows")]
    UnknownKind {
        /// The position.
        seq: u64,
        /// The kind.
        kind: String,
    },
    /// A change that does not fit.
    #[error(transparent)]
    Change(#[from] Misfit),
    /// A step of an action that does not fit.
    #[error("record {seq}: {cause}")]
    Action {
        /// The position.
        seq: u64,
        /// Why.
        cause: projections::actions::Misfit,
    },
}

/// Everything that can be decided on and read, at one position.
#[derive(Clone, Debug)]
pub struct State {
    tables: Arc<Tables>,
    prefixes: Arc<BTreeMap<&'static str, &'static str>>,
    /// The kinds whose things react to events.
    reacting: Arc<[&'static str]>,
    is_indexed: bool,
    /// Every action.
    pub actions: Actions,
    /// The reactions that are owed.
    pub debts: Debts,
    /// When each token was last used.
    pub used: OrdMap<String, Timestamp>,
    /// The newest record that is in here; 0 for none.
    pub position: u64,
    /// The hour of the newest record.
    pub at: Timestamp,
}

/// Every table by the word of its kind. Most records change none, so a state shares all of them until one does.
#[derive(Debug)]
struct Tables(BTreeMap<&'static str, Box<dyn AnyTable>>);

impl Clone for Tables {
    fn clone(&self) -> Self {
        Self(self.0.iter().map(|(name, table)| (*name, table.share())).collect())
    }
}

impl State {
    /// The empty state.
    pub fn new(kinds: &[Kind]) -> Self {
        Self {
            tables: Arc::new(Tables(kinds.iter().map(|kind| (kind.name, (kind.make)())).collect())),
            prefixes: Arc::new(kinds.iter().map(|kind| (kind.prefix, kind.name)).collect()),
            reacting: kinds.iter().filter(|kind| kind.reacts).map(|kind| kind.name).collect(),
            is_indexed: true,
            actions: Actions::default(),
            debts: Debts::default(),
            used: OrdMap::new(),
            position: 0,
            at: Timestamp::UNIX_EPOCH,
        }
    }

    /// An empty state for a start: changes cost less until [`State::index`], and the first search more.
    pub fn unindexed(kinds: &[Kind]) -> Self {
        let mut state = Self::new(kinds);
        state.is_indexed = false;
        for table in Arc::make_mut(&mut state.tables).0.values_mut() {
            table.defer_words();
        }
        state
    }

    /// Puts rows that were put back into as little room as they need, once all are there.
    pub fn settle(&mut self) {
        let (tables, actions) = (Arc::make_mut(&mut self.tables), &mut self.actions);
        std::thread::scope(|scope| {
            scope.spawn(|| actions.settle());
            for table in tables.0.values_mut() {
                table.settle();
            }
        });
    }

    /// Indexes what the rows say, if that was left for later.
    pub fn index(&mut self) {
        if self.is_indexed {
            return;
        }
        let tables = &self.tables.0;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for table in tables.values() {
                    table.make_keys();
                }
            });
            for table in tables.values() {
                table.make_words();
            }
        });
        for table in Arc::make_mut(&mut self.tables).0.values_mut() {
            table.index_words();
        }
        self.is_indexed = true;
    }

    /// The table of a type; `None` where no module has it.
    pub fn table<E: Entity>(&self) -> Option<&Table<E>> {
        self.tables.0.get(E::KIND)?.as_any().downcast_ref()
    }

    /// The table of a kind by its word.
    pub fn any(&self, kind: &str) -> Option<&dyn AnyTable> {
        self.tables.0.get(kind).map(AsRef::as_ref)
    }

    /// The word of the kind that an identifier belongs to, by its prefix.
    pub fn kind_of(&self, id: &str) -> Option<&'static str> {
        self.prefixes.get(id.split_once('_')?.0).copied()
    }

    /// Every kind with its table, in order.
    pub fn kinds(&self) -> impl Iterator<Item = (&'static str, &dyn AnyTable)> {
        self.tables.0.iter().map(|(name, table)| (*name, table.as_ref()))
    }

    /// Folds one record in. The text is the record's JSON; `seq` its position.
    pub fn apply(&mut self, seq: u64, text: &str) -> Result<(), Unfit> {
        let mut room = String::new();
        self.fold(seq, Record::parse(seq, text, &mut room)?)
    }

    /// Folds in a record that was read.
    pub fn fold(&mut self, seq: u64, record: Record<'_>) -> Result<(), Unfit> {
        if seq != self.position + 1 {
            return Err(Unfit::Gap {
                position: self.position,
                found: seq,
            });
        }
        let org = record.org.as_deref().unwrap_or_default();
        let place = Place {
            seq,
            at: record.at,
            org,
        };
        for change in record.events.iter().filter_map(|entry| entry.change.as_ref()) {
            let unknown = || Unfit::UnknownKind {
                seq,
                kind: change.entity.to_string(),
            };
            Arc::make_mut(&mut self.tables)
                .0
                .get_mut(change.entity.as_ref())
                .ok_or_else(unknown)?
                .apply(place, change)?;
        }
        self.actions
            .apply(seq, &record)
            .map_err(|cause| Unfit::Action { seq, cause })?;
        let (tables, reacting) = (&self.tables.0, &self.reacting);
        let reactors = |org: &str, event: &str| {
            let of = |kind: &&'static str| tables.get(kind).map(|table| table.under(org, REACTS, event));
            reacting.iter().filter_map(of).flatten().collect()
        };
        let echo = self.is_echo(&record);
        let reactors = |org: &str, event: &str| if echo { Vec::new() } else { reactors(org, event) };
        self.debts
            .apply(seq, &record, reactors)
            .map_err(|cause| Unread::Text { seq, cause })?;
        if let Some(token) = record.actor.token_id {
            self.used.insert(token, record.at);
        }
        self.position = seq;
        self.at = record.at;
        Ok(())
    }

    /// Whether a record holds what a worker reports of an action that a reaction was: the chain is not known there any more,
    /// so nothing reacts to it.
    fn is_echo(&self, record: &Record<'_>) -> bool {
        #[derive(serde::Deserialize)]
        struct Named<'a> {
            #[serde(borrow)]
            action: std::borrow::Cow<'a, str>,
        }
        let has = |name: &str| record.events.iter().any(|entry| entry.name == name);
        if record.cause.is_some() || has(names::CONFIRMED) || !record.events.iter().any(|entry| entry.change.is_some())
        {
            return false;
        }
        let data = record
            .events
            .iter()
            .filter(|entry| entry.name.starts_with("execution."));
        let named = data.filter_map(|entry| serde_json::from_str::<Named<'_>>(entry.data?.get()).ok());
        let mut actions = named.filter_map(|named| self.actions.get(named.action.parse().ok()?));
        actions.any(|action| matches!(action.proposer.kind, ActorKind::Automation | ActorKind::Process))
    }

    /// The hours that things wait for, the next first, but for those in `stuck`.
    pub fn next_timers<'a>(&'a self, stuck: &'a BTreeSet<Due>) -> impl Iterator<Item = Due> + use<'a> {
        let mut tables: Vec<_> = self.tables.0.values().map(|table| table.timers().peekable()).collect();
        let all = std::iter::from_fn(move || {
            let heads = tables.iter_mut().enumerate();
            let next = heads
                .filter_map(|(place, table)| Some((table.peek()?.clone(), place)))
                .min()?;
            tables.get_mut(next.1)?.next()
        });
        all.filter(|due| !stuck.contains(due))
    }

    /// The hours that have come, at most so many, in order.
    pub fn due(&self, now: Timestamp, most: usize, stuck: &BTreeSet<Due>) -> Vec<Due> {
        self.next_timers(stuck)
            .take_while(|due| due.at <= now)
            .take(most)
            .collect()
    }

    /// Whether a thing still waits for an hour.
    pub fn waits(&self, due: &Due) -> bool {
        let timers = self.any(due.kind).into_iter().flat_map(AnyTable::timers);
        timers.take_while(|other| other.at <= due.at).any(|other| other == *due)
    }

    /// A digest of everything in here; equal for equal histories.
    pub fn digest(&self) -> Result<Digest, serde_json::Error> {
        let mut hash = Sha256::new();
        for (name, table) in &self.tables.0 {
            hash.update(name.as_bytes());
            table.digest(&mut hash)?;
        }
        for action in self.actions.iter() {
            hash.update(serde_json::to_string(action.as_ref())?.as_bytes());
        }
        for (token, at) in &self.used {
            hash.update(format!("{token} {at}").as_bytes());
        }
        if let Some(owed) = self.debts.keep() {
            hash.update(owed?.as_bytes());
        }
        hash.update(self.position.to_be_bytes());
        Ok(Digest::from(<[u8; 32]>::from(hash.finalize())))
    }
}

/// A state that many may read while newer ones are made.
pub type Snapshot = Arc<State>;
