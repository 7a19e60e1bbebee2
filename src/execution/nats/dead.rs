//! Dead letters: an attempt that was given out as often as may be, and never answered, is nobody's to try again.
//!
//! The broker tells of it once, to whoever listens; so what is still in the stream is also looked through now and then.

use std::time::Duration;

use async_nats::jetstream::message::{PublishMessage, StreamMessage};
use async_nats::jetstream::stream::Stream;
use futures_util::StreamExt as _;
use projections::Stage;
use serde::Deserialize;

use super::streams::{DEAD, EXECUTIONS};
use super::{Line, PAUSE};
use crate::execution::hear;
use crate::execution::message::Message;
use crate::kernel::execution::{Report, Word, worker_of};
use crate::processor::Handle;

/// How often the stream is looked through.
const EVERY: Duration = Duration::from_mins(5);
/// Most messages looked at in a round.
const ROUND_MAX: usize = 1_000;

#[derive(Deserialize)]
struct Advisory {
    stream_seq: u64,
}

pub(super) async fn run(handle: &Handle, line: &Line) {
    loop {
        if let Err(why) = listen(handle, line).await {
            tracing::warn!(why, "dead letters cannot be looked for");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn listen(handle: &Handle, line: &Line) -> Result<(), String> {
    let subject = format!("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{EXECUTIONS}.*");
    let mut advisories = line
        .client
        .subscribe(subject)
        .await
        .map_err(|cause| cause.to_string())?;
    let mut round = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            said = advisories.next() => {
                let Some(said) = said else { return Err("the subscription ended".to_owned()) };
                if let Ok(advisory) = serde_json::from_slice::<Advisory>(&said.payload) {
                    let stream = stream(line).await?;
                    if let Ok(letter) = stream.get_raw_message(advisory.stream_seq).await {
                        bury(handle, line, &stream, letter, true).await?;
                    }
                }
            }
            _ = round.tick() => sweep(handle, line).await?,
        }
    }
}

async fn stream(line: &Line) -> Result<Stream, String> {
    line.context
        .get_stream(EXECUTIONS)
        .await
        .map_err(|cause| cause.to_string())
}

/// Takes out what nobody waits for any more, the oldest first; stops at the first that is younger than word of it would be.
async fn sweep(handle: &Handle, line: &Line) -> Result<(), String> {
    let stream = stream(line).await?;
    let (first, last) = (
        stream.cached_info().state.first_sequence,
        stream.cached_info().state.last_sequence,
    );
    let patience = handle.registry().terms.patience;
    let old = (handle.now() - patience.saturating_mul(2)).as_second();
    for sequence in (first..=last).take(ROUND_MAX) {
        let Ok(letter) = stream.get_raw_message(sequence).await else {
            continue;
        };
        if letter.time.unix_timestamp() > old {
            return Ok(());
        }
        bury(handle, line, &stream, letter, false).await?;
    }
    Ok(())
}

/// Moves a letter to the dead ones, and says that nobody knows. One that is still waited for is left alone, unless it was
/// given out as often as may be.
async fn bury(
    handle: &Handle,
    line: &Line,
    stream: &Stream,
    letter: StreamMessage,
    is_spent: bool,
) -> Result<(), String> {
    let message: Option<Message> = serde_json::from_slice(&letter.payload).ok();
    if let Some(message) = &message
        && is_awaited(handle, message)
    {
        if !is_spent {
            return Ok(());
        }
        lose(handle, message).await;
    }
    let subject = letter.subject.replacen("orkestra.exec.", "orkestra.dead.", 1);
    let id = message.map_or_else(|| format!("stream:{}", letter.sequence), |message| message.id());
    let copy = PublishMessage::build().payload(letter.payload.clone()).message_id(&id);
    let sent = line
        .context
        .send_publish(subject, copy)
        .await
        .map_err(|cause| cause.to_string())?;
    sent.await.map_err(|cause| cause.to_string())?;
    stream
        .delete_message(letter.sequence)
        .await
        .map_err(|cause| cause.to_string())?;
    if is_spent {
        tracing::warn!(attempt = id, to = DEAD, "a dead letter");
    } else {
        tracing::info!(
            attempt = id,
            to = DEAD,
            "an execution that nobody waits for any more was taken out"
        );
    }
    Ok(())
}

fn is_awaited(handle: &Handle, message: &Message) -> bool {
    let state = handle.snapshot();
    let action = message
        .action
        .parse()
        .ok()
        .and_then(|id| state.actions.get(id).cloned());
    action.is_some_and(|action| action.stage == Stage::Executing && action.attempt == message.attempt)
}

async fn lose(handle: &Handle, message: &Message) {
    let state = handle.snapshot();
    let Some(action) = message
        .action
        .parse()
        .ok()
        .and_then(|id| state.actions.get(id).cloned())
    else {
        return;
    };
    let report = Report {
        action: message.action.clone(),
        attempt: message.attempt,
        digest: message.digest.clone(),
        worker: worker_of(handle.registry(), &state, &action).to_owned(),
        trace: message.trace.clone(),
        word: Word::Unknown {
            reason: "it was given to workers as often as may be, and none reported".to_owned(),
        },
    };
    if let Err(no) = hear(handle, report).await {
        tracing::warn!(action = message.action, why = %no.message, "a dead letter was not told of");
    }
}
