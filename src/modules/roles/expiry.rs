//! The hour comes at which a grant ends by itself. It counts no more from that very moment; this says so in the journal.

use projections::Id;

use crate::kernel::identity::Grant;
use crate::kernel::reaction::Struck;
use crate::kernel::schedule::Due;
use crate::kernel::{Plan, Rejection, View};

/// Takes the grant away.
pub fn strike(view: &View<'_>, due: &Due) -> Result<Struck, Rejection> {
    let none = || Rejection::not_found("grant", &due.id);
    let id: Id<Grant> = due.id.parse().map_err(|_| none())?;
    let grant = view
        .state
        .table::<Grant>()
        .and_then(|table| table.get(id))
        .ok_or_else(none)?;
    let mut plan = Plan::new("A grant ends");
    plan.remove("role.grant_expired", grant)?;
    Ok(Struck { plan, owes: Vec::new() })
}
