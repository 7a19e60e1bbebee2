//! Spending: against a commitment or straight from a line.

use rust_decimal::Decimal;

use super::entity::BudgetEntry;
use crate::kernel::{Plan, Ref, Rejection, View};

/// Plans that a receipt of goods is paid from a commitment.
pub fn received(
    _plan: &mut Plan,
    view: &View<'_>,
    commitment: &Ref<BudgetEntry>,
    _worth: Decimal,
    _reference: Option<String>,
) -> Result<(), Rejection> {
    view.resolve(commitment).map(|_| ())
}
