//! Executions on their way: the outbox is emptied to workers, and what they report comes back. The journal decides; whatever
//! happens here can be lost and is done again from it.

pub mod embedded;
pub mod message;
pub mod nats;
mod outbox;
pub mod perform;
mod running;

pub use outbox::Outbox;
pub use running::{Running, Unusable, start};

use std::sync::Arc;

use jiff::Timestamp;
use projections::{Action, Actor};
use serde_json::Value;

use crate::kernel::engine::Order;
use crate::kernel::execution::{BUILT_IN, Report, Word, worker_of};
use crate::kernel::{Rejection, State};
use crate::processor::Handle;
use message::Message;

/// What a worker hears of its report: a receipt, or why it does not count. `unavailable` alone may be said again.
pub(crate) async fn hear(handle: &Handle, report: Report) -> Result<Value, Rejection> {
    handle
        .ask(move |engine, now, past| {
            let step = engine.hear(&report, now, past)?;
            Ok((step.records, step.answer))
        })
        .await?
}

/// Carries out an operator's order.
///
/// # Errors
/// Why it cannot be carried out; that is journaled too.
pub async fn settle(handle: &Handle, actor: Actor, org: String, id: String, order: Order) -> Result<Value, Rejection> {
    handle
        .ask(move |engine, now, past| {
            let step = engine.settle((actor, &org), &id, &order, now, past)?;
            Ok((step.records, step.answer))
        })
        .await?
}

/// Journals that an attempt was handed over; false where nobody waits for it any more.
pub(crate) async fn handed_over(handle: &Handle, action: &Action, deadline: Timestamp) -> Result<bool, Rejection> {
    let (id, attempt) = (action.id, action.attempt);
    handle
        .ask(move |engine, now, _| {
            let text = engine.handed_over(id, attempt, deadline, now)?;
            let is_waited_for = text.is_some();
            Ok((text.into_iter().collect(), is_waited_for))
        })
        .await
}

/// An attempt as its worker gets it, and by when word of it must come. Work that cannot be read is told of as failed.
pub(crate) async fn prepared(handle: &Handle, state: &State, action: &Action) -> Option<(Message, Timestamp)> {
    let deadline = handle.now() + handle.registry().terms.patience;
    match Message::of(handle.registry(), state, action, deadline, handle.past()) {
        Ok(message) => Some((message, deadline)),
        Err(no) => {
            tracing::warn!(action = %action.id, why = %no.message, "an execution cannot be handed over");
            let report = Report {
                action: action.id.to_string(),
                attempt: action.attempt,
                digest: action.digest.to_string(),
                worker: worker_of(handle.registry(), state, action).to_owned(),
                trace: None,
                word: Word::Failed {
                    reason: format!("it cannot be handed over: {}", no.message),
                    may_retry: false,
                },
            };
            drop(hear(handle, report).await);
            None
        }
    }
}

/// Whether an action is for the worker inside the server.
pub(crate) fn is_built_in(handle: &Handle, state: &State, action: &Arc<Action>) -> bool {
    worker_of(handle.registry(), state, action) == BUILT_IN
}
