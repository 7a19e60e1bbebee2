//! Reservations: goods that are promised to something until an hour.

use jiff::Timestamp;
use projections::Id;
use rust_decimal::Decimal;

use super::entity::{StockItem, StockLocation};
use super::ledger::Lot;
use crate::kernel::identity::Member;
use crate::kernel::schedule::Timers;
use crate::kernel::{Describe, Keys, Row, View};
use crate::{choice, entity};

choice! {
    /// Where a reservation stands.
    #[derive(Default)]
    pub enum ReservationStatus {
        /// It holds.
        #[default]
        Active = "active",
        /// Its goods were issued.
        Fulfilled = "fulfilled",
        /// It was given up.
        Released = "released",
        /// Its hour has passed.
        Expired = "expired",
    }
}

entity! {
    /// Goods that are promised.
    pub struct Reservation("reservation", "rsv") {
        /// The item.
        item: Id<StockItem>,
        /// How much was promised.
        qty: Decimal,
        /// How much of that was issued.
        fulfilled: Decimal,
        /// Where; anywhere where it is not said.
        location: Option<Id<StockLocation>>,
        /// Of which lot.
        lot: Option<Id<Lot>>,
        /// What for.
        for_ref: Option<String>,
        /// Who promised it.
        owner: Id<Member>,
        /// Until when. The hour alone decides; a recorded expiry only says that it was noticed.
        expires_at: Option<Timestamp>,
        /// Where it stands.
        status: ReservationStatus,
    }
}

impl Describe for Reservation {
    fn keys(&self, keys: &mut Keys) {
        keys.key("item", self.item);
        if self.status == ReservationStatus::Active {
            keys.key("open", self.item);
        }
        if let Some(subject) = &self.for_ref {
            keys.key("for", subject);
        }
        keys.of(self.item);
    }
    fn label(&self) -> String {
        format!("reservation of {}", self.remaining())
    }
    fn timers(&self, timers: &mut Timers) {
        if let (ReservationStatus::Active, Some(end)) = (self.status, self.expires_at) {
            timers.at(end, "expiry");
        }
    }
}

impl Reservation {
    /// What is still to be issued.
    pub fn remaining(&self) -> Decimal {
        self.qty - self.fulfilled
    }

    /// Where it stands at an hour.
    pub fn status_at(&self, now: Timestamp) -> ReservationStatus {
        match self.status {
            ReservationStatus::Active if self.expires_at.is_some_and(|end| end <= now) => ReservationStatus::Expired,
            status => status,
        }
    }

    /// What it holds at an hour.
    pub fn held_at(&self, now: Timestamp) -> Decimal {
        if self.status_at(now) == ReservationStatus::Active {
            self.remaining()
        } else {
            Decimal::ZERO
        }
    }
}

/// The reservations of an item that hold now.
pub fn holding<'v, 'a>(
    view: &'v View<'a>,
    item: Id<StockItem>,
) -> impl Iterator<Item = &'a std::sync::Arc<Row<Reservation>>> + use<'v, 'a> {
    let now = view.now;
    view.find::<Reservation>("open", &item.to_string())
        .filter(move |row| row.status_at(now) == ReservationStatus::Active)
}
