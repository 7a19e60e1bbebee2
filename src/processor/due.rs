//! What is due without a call: offers and attempts that end, hours that were waited for, reactions that are owed.

use jiff::Timestamp;

use super::Outcome;
use crate::kernel::state::Unfit;
use crate::kernel::{Engine, Past};

/// Most records of one turn of what is due; those who call come in between.
const TURN_RECORDS_MAX: usize = 64;

/// Ends the offers and gives up the attempts whose time has passed.
pub(super) fn expire(engine: &mut Engine, now: Timestamp, _: &dyn Past) -> Result<Outcome, Unfit> {
    let mut records = engine.expire(now)?;
    let lost = engine.give_up(now)?;
    if !lost.is_empty() {
        tracing::warn!(
            count = lost.len(),
            "no word of executions in time: nobody knows what came of them"
        );
    }
    records.extend(lost);
    Ok(Outcome {
        records,
        then: Box::new(|_| ()),
    })
}

/// Strikes the hours that have come and pays what is owed, a bounded part of it.
pub(super) fn work(engine: &mut Engine, now: Timestamp, past: &dyn Past) -> Result<Outcome, Unfit> {
    let worked = engine.work(now, past, TURN_RECORDS_MAX)?;
    for fault in &worked.faults {
        tracing::error!(fault, "a module does not do what is due");
    }
    Ok(Outcome {
        records: worked.records,
        then: Box::new(|_| ()),
    })
}
