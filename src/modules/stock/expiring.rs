//! Hours that come over goods: a lot is over its date, a promise ends. Both count from that very moment; this says so in the
//! journal, and sets off what waits for it.

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::ledger::{Lot, LotStatus};
use super::reservations::{Reservation, ReservationStatus};
use crate::kernel::entity::Entity;
use crate::kernel::reaction::Struck;
use crate::kernel::schedule::Due;
use crate::kernel::{Plan, Rejection, Row, View};

/// When a day is over where the organisation is.
pub fn over(view: &View<'_>, day: Date) -> Option<jiff::Timestamp> {
    let zone = view.organization().ok().map(|org| org.timezone.clone());
    let zone = jiff::tz::TimeZone::get(&zone.unwrap_or_default()).unwrap_or(jiff::tz::TimeZone::UTC);
    let next = day.checked_add(1.day()).ok()?;
    zone.to_timestamp(next.at(0, 0, 0, 0)).ok()
}

fn row<'a, E: Entity>(view: &View<'a>, due: &Due) -> Result<&'a Row<E>, Rejection> {
    let none = || Rejection::not_found(E::KIND, &due.id);
    let id = due.id.parse().map_err(|_| none())?;
    let table = view.state.table::<E>();
    let found = table.and_then(|table| table.get(id));
    found.map(AsRef::as_ref).ok_or_else(none)
}

/// A lot is over its date.
pub fn lot(view: &View<'_>, due: &Due) -> Result<Struck, Rejection> {
    let mut plan = Plan::new("A lot is over its date");
    plan.edit("stock.lot_expired", row::<Lot>(view, due)?, |lot| {
        lot.status = LotStatus::Expired;
    })?;
    Ok(Struck { plan, owes: Vec::new() })
}

/// A promise ends.
pub fn reservation(view: &View<'_>, due: &Due) -> Result<Struck, Rejection> {
    let mut plan = Plan::new("A reservation ends");
    plan.edit(
        "stock.reservation_expired",
        row::<Reservation>(view, due)?,
        |reservation| {
            reservation.status = ReservationStatus::Expired;
        },
    )?;
    Ok(Struck { plan, owes: Vec::new() })
}
