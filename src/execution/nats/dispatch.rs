//! The dispatcher: what is in the outbox is published, and when the broker has it, the journal says so.
//!
//! A crash between the two publishes the same attempt again under the same message id; the broker keeps one.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::message::PublishMessage;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use projections::{Action, Id};

use super::{Line, PAUSE, TRACE, streams};
use crate::execution::message::Message;
use crate::execution::{Outbox, handed_over, prepared};
use crate::kernel::Snapshot;
use crate::processor::Handle;

/// Attempts that wait for the broker at once.
const AT_ONCE: usize = 256;

pub(super) async fn run(handle: &Handle, line: &Line) {
    let mut outbox = Outbox::new(handle, |_, _, _| true);
    let mut under_way = FuturesUnordered::new();
    let mut pause = Duration::ZERO;
    loop {
        while pause.is_zero()
            && under_way.len() < AT_ONCE
            && let Some((action, state)) = outbox.take()
        {
            under_way.push(one(handle, line, action, state));
        }
        tokio::select! {
            Some((id, done)) = under_way.next(), if !under_way.is_empty() => {
                outbox.put_back(id);
                if !done {
                    pause = PAUSE;
                }
            }
            () = tokio::time::sleep(pause), if !pause.is_zero() => pause = Duration::ZERO,
            goes_on = outbox.changed(), if pause.is_zero() => if !goes_on { return },
        }
    }
}

/// Hands one attempt over; false where it has to be tried again.
async fn one(handle: &Handle, line: &Line, action: Arc<Action>, state: Snapshot) -> (Id<Action>, bool) {
    let id = action.id;
    if !line.is_up() {
        return (id, false);
    }
    let Some((message, deadline)) = prepared(handle, &state, &action).await else {
        return (id, true);
    };
    if let Err(why) = publish(line, &message).await {
        tracing::warn!(action = %id, why, "not published; it waits in the outbox");
        return (id, false);
    }
    (id, handed_over(handle, &action, deadline).await.is_ok())
}

async fn publish(line: &Line, message: &Message) -> Result<(), String> {
    let payload = serde_json::to_vec(message).map_err(|cause| cause.to_string())?;
    let mut publish = PublishMessage::build().payload(payload.into()).message_id(message.id());
    if let Some(trace) = &message.trace {
        publish = publish.header(TRACE, trace.as_str());
    }
    let subject = streams::subject(&message.module, &message.tool);
    let sent = line.context.send_publish(subject, publish).await;
    let acknowledged = sent.map_err(|cause| cause.to_string())?.await;
    acknowledged.map(drop).map_err(|cause| cause.to_string())
}
