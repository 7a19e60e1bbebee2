//! The view: all that a decision may rest on — one position of the state, the hour, the caller, and the recorded past.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use projections::{Action, Id};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::kernel::authority::{self, place};
use crate::kernel::entity::Entity;
use crate::kernel::identity::{Member, Organization};
use crate::kernel::past::Past;
use crate::kernel::principal::{Caller, Rights};
use crate::kernel::state::State;
use crate::kernel::table::{Label, Row};
use crate::kernel::tool::Registry;
use crate::kernel::words::{Known, Part, Term};
use crate::kernel::{Rejection, record_view};

/// What a decision sees.
pub struct View<'a> {
    /// The state at one position.
    pub state: &'a State,
    /// Who asks.
    pub caller: &'a Caller,
    /// The hour.
    pub now: Timestamp,
    /// What there is to call.
    pub registry: &'a Registry,
    /// The recorded past.
    pub past: &'a dyn Past,
    /// What the caller may do here.
    pub rights: Rights,
    /// Whether somebody will see the plan. Where nobody does it is only compared with what was seen: what only a preview shows
    /// may be left out, and what a preview settled holds.
    pub is_shown: bool,
    seed: Option<Id<Action>>,
    made: Cell<u32>,
    pub(crate) resolved: RefCell<BTreeMap<String, Value>>,
    /// What was asked of single rows before, by kind and identifier.
    seen: RefCell<BTreeMap<(&'static str, u128), bool>>,
    /// What was asked of single places before, by module and identifier.
    pub(crate) within: RefCell<BTreeMap<(&'static str, String), bool>>,
}

impl<'a> View<'a> {
    /// A view for one call. `seed` is the action that a plan is made for; identifiers derive from it.
    pub fn new(
        state: &'a State,
        caller: &'a Caller,
        now: Timestamp,
        registry: &'a Registry,
        past: &'a dyn Past,
        seed: Option<Id<Action>>,
    ) -> Self {
        let rights = authority::rights(state, caller, now);
        Self {
            state,
            caller,
            now,
            registry,
            past,
            rights,
            is_shown: true,
            seed,
            made: Cell::new(0),
            resolved: RefCell::default(),
            seen: RefCell::default(),
            within: RefCell::default(),
        }
    }

    /// The same for a plan that nobody sees: it is decided again only to be compared.
    #[must_use]
    pub fn unseen(mut self) -> Self {
        self.is_shown = false;
        self
    }

    /// One row of the caller's organisation, if the caller may know of it.
    pub fn get<E: Entity>(&self, id: Id<E>) -> Option<&'a Arc<Row<E>>> {
        self.state
            .table::<E>()?
            .get(id)
            .filter(|row| row.org == self.caller.org && place::shows(self, row))
    }

    /// One row, or the rejection that says it is not there.
    pub fn need<E: Entity>(&self, id: Id<E>) -> Result<&'a Arc<Row<E>>, Rejection> {
        self.get(id)
            .ok_or_else(|| Rejection::not_found(E::KIND, &id.to_string()))
    }

    /// All rows of a kind in the caller's organisation that the caller may know of, oldest first.
    pub fn rows<E: Entity>(&self) -> impl DoubleEndedIterator<Item = &'a Arc<Row<E>>> {
        let table = self.state.table::<E>();
        table
            .into_iter()
            .flat_map(super::table::Table::rows)
            .filter(|row| row.org == self.caller.org && place::shows(self, row))
    }

    /// The rows, what changed last first; `after` leaves out those up to and with that place.
    pub fn newest<'s, E: Entity>(
        &'s self,
        after: Option<(Timestamp, Id<E>)>,
    ) -> impl Iterator<Item = &'a Arc<Row<E>>> + use<'s, 'a, E> {
        let table = self.state.table::<E>();
        let found = table.map(|table| table.newest(&self.caller.org, after));
        found.into_iter().flatten().filter(|row| place::shows(self, row))
    }

    /// Whether there is such a row that the caller may know of. It is found out once for each: the rows of a list ask for
    /// what they belong to over and over.
    pub fn sees<E: Entity>(&self, id: Id<E>) -> bool {
        let of = (E::KIND, id.bits());
        let known = self.seen.borrow().get(&of).copied();
        known.unwrap_or_else(|| {
            let sees = self.get(id).is_some();
            self.seen.borrow_mut().insert(of, sees);
            sees
        })
    }

    /// The rows under one key of an index.
    pub fn find<'s, E: Entity>(
        &'s self,
        index: &'static str,
        key: &str,
    ) -> impl Iterator<Item = &'a Arc<Row<E>>> + use<'s, 'a, E> {
        let found = self
            .state
            .table::<E>()
            .map(|table| table.find(&self.caller.org, index, key));
        found.into_iter().flatten().filter(|row| place::shows(self, row))
    }

    /// What the rows of the caller's organisation add up to under each key, whoever may see which of them: only for kinds
    /// that whoever may read them sees all of.
    pub fn sums<E: Entity>(&self, index: &'static str) -> impl Iterator<Item = (&'a str, Decimal)> + use<'a, E> {
        let table = self.state.table::<E>();
        let sums = table.map(|table| table.sums(&self.caller.org, index));
        sums.into_iter().flatten()
    }

    /// The keys of an index, in order, with their rows.
    pub fn keys<E: Entity>(&self, index: &'static str) -> impl Iterator<Item = (&'a str, &'a Arc<Row<E>>)> {
        let found = self.state.table::<E>().map(|table| table.keys(&self.caller.org, index));
        found.into_iter().flatten().filter(|(_, row)| place::shows(self, row))
    }

    /// The rows that say all terms in one part, newest first; `from` leaves out newer ones.
    pub fn search<'s, E: Entity>(
        &'s self,
        terms: &[Term],
        part: Part,
        from: Option<Id<E>>,
    ) -> impl Iterator<Item = &'a Arc<Row<E>>> + use<'s, 'a, E> {
        let seen = |row: &Arc<Row<E>>| place::shows(self, row);
        let found = self.state.table::<E>();
        let found = found.map(|table| table.search(&self.caller.org, terms, part, from, seen));
        found.into_iter().flatten()
    }

    /// The newest rows that say all of these words in their title, among so many places at most.
    pub fn glance<'s, E: Entity>(
        &'s self,
        words: &[Known],
        places: usize,
    ) -> impl Iterator<Item = &'a Arc<Row<E>>> + use<'s, 'a, E> {
        let found = self.state.table::<E>();
        let found = found.map(|table| table.glance(words, places));
        found.into_iter().flatten().filter(|row| row.is_visible(self))
    }

    /// Whether a beginning stands for more words than a search looks at, among what the caller may know of.
    pub fn is_broad<E: Entity>(&self, term: &Term) -> bool {
        let table = self.state.table::<E>();
        table.is_some_and(|table| table.is_broad(&self.caller.org, term, |row| place::shows(self, row)))
    }

    /// Describes a row of any kind; `None` where there is none that the caller may know of.
    pub fn describe(&self, kind: &str, id: &str) -> Option<Label> {
        self.registry
            .sees(kind, self, id)
            .then(|| self.state.any(kind)?.describe(&self.caller.org, id))
            .flatten()
    }

    /// A new identifier, the same when the same action is decided again.
    pub fn new_id<E: Entity>(&self) -> Id<E> {
        let number = self.made.get();
        self.made.set(number + 1);
        let action = self.seed.map(Id::bits).unwrap_or_default();
        Id::derive(self.now, format!("{action}|{}|{number}", E::KIND).as_bytes())
    }

    /// The action that is being planned.
    pub fn action(&self) -> Option<Id<Action>> {
        self.seed
    }

    /// The caller's organisation.
    pub fn organization(&self) -> Result<&'a Arc<Row<Organization>>, Rejection> {
        self.need(
            self.caller
                .org
                .parse()
                .map_err(|_| Rejection::not_found("organization", &self.caller.org))?,
        )
    }

    /// The caller's member.
    pub fn me(&self) -> Result<&'a Arc<Row<Member>>, Rejection> {
        self.need(self.caller.member)
    }

    /// The day it is for the caller: the member's zone, else the organisation's, else UTC.
    pub fn today(&self) -> jiff::civil::Date {
        let zone = self.me().ok().and_then(|me| me.timezone.clone());
        let zone = zone
            .or_else(|| self.organization().ok().map(|org| org.timezone.clone()))
            .unwrap_or_default();
        let zone = jiff::tz::TimeZone::get(&zone).unwrap_or(jiff::tz::TimeZone::UTC);
        zone.to_datetime(self.now).date()
    }

    /// Refuses where the caller lacks a permission.
    pub fn require(&self, permission: &str) -> Result<(), Rejection> {
        self.rights.require(permission)
    }

    /// Whether the caller holds a permission where a thing lies.
    pub fn allows_at(&self, permission: &str, id: &str) -> bool {
        let rights = &self.rights;
        rights.allow(permission) || (rights.is_scoped() && rights.allow_in(permission, &place::line(self.state, id)))
    }

    /// Refuses where a row has moved on from the version that the caller knows.
    pub fn expect_version<E: Entity>(&self, row: &Row<E>, expected: Option<i64>) -> Result<(), Rejection> {
        match expected.and_then(|version| u64::try_from(version).ok()) {
            Some(version) if version != row.version => Err(record_view::version_conflict(self, row, version)),
            _ => Ok(()),
        }
    }

    /// What was resolved from names, by argument.
    pub fn take_resolved(&self) -> BTreeMap<String, Value> {
        self.resolved.take()
    }
}
