//! The worker inside the server: no broker, the same performers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use projections::{Action, Id};
use tokio_util::sync::CancellationToken;

use super::perform::Performers;
use super::{Outbox, handed_over, hear, is_built_in, prepared};
use crate::kernel::Snapshot;
use crate::kernel::execution::{BUILT_IN, Word};
use crate::processor::Handle;

/// Executions at once.
const AT_ONCE: usize = 16;
/// The pause before something that the journal could not take is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// How long what is under way may still take when the server is to stop.
const LAST: Duration = Duration::from_secs(20);

/// Carries out what is confirmed, until stopped; then what was begun is finished, if it does not take too long. What is not
/// is `unknown` at the next start.
pub async fn run(handle: Handle, performers: Performers, stop: CancellationToken) {
    give_up(&handle).await;
    let mut outbox = Outbox::new(&handle, is_built_in);
    let mut under_way = FuturesUnordered::new();
    loop {
        while under_way.len() < AT_ONCE
            && let Some((action, state)) = outbox.take()
        {
            under_way.push(one(&handle, &performers, action, state));
        }
        tokio::select! {
            () = stop.cancelled() => break,
            Some(id) = under_way.next(), if !under_way.is_empty() => outbox.put_back(id),
            goes_on = outbox.changed() => if !goes_on { return },
        }
    }
    let rest = async { while under_way.next().await.is_some() {} };
    if tokio::time::timeout(LAST, rest).await.is_err() {
        tracing::warn!("executions are left under way; nobody will know what came of them");
    }
}

async fn one(handle: &Handle, performers: &Performers, action: Arc<Action>, state: Snapshot) -> Id<Action> {
    let id = action.id;
    let Some((message, deadline)) = prepared(handle, &state, &action).await else {
        return id;
    };
    // First the journal: should the server die in between, nobody knows, and nothing is done twice.
    match handed_over(handle, &action, deadline).await {
        Ok(true) => {}
        Ok(false) => return id,
        Err(_) => {
            tokio::time::sleep(PAUSE).await;
            return id;
        }
    }
    let patience = Duration::try_from(handle.registry().terms.patience).unwrap_or(PAUSE);
    let word = tokio::time::timeout(patience, performers.carry_out(&message, handle.now())).await;
    let word = word.unwrap_or_else(|_| Word::Unknown {
        reason: "it took longer than it may".to_owned(),
    });
    let outcome = super::message::Outcome::of(&message, &word);
    while let Err(no) = hear(handle, outcome.clone().report(BUILT_IN, message.trace.clone())).await {
        if no.code != "unavailable" || handle.closed().borrow().is_some() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    id
}

/// What a worker inside the last process was at when it ended, nobody knows.
async fn give_up(handle: &Handle) {
    let given_up = handle
        .ask(|engine, now, _| {
            let records = engine.give_up_built_in(now)?;
            let count = records.len();
            Ok((records, count))
        })
        .await;
    match given_up {
        Ok(0) => {}
        Ok(count) => tracing::warn!(
            count,
            "executions were under way when the last server ended; nobody knows"
        ),
        Err(no) => tracing::warn!(why = %no.message, "executions without an outcome could not be given up"),
    }
}
