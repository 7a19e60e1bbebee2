//! The record feed: every record, in order and once, on `orkestra.journal.<org>.<event>` for others to follow.
//!
//! The message id is the record's position. Where the feed goes on is read from the stream itself, and each message expects the
//! one before it, so nothing is left out or said twice, whoever dies when.

use std::sync::Arc;
use std::time::Duration;

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::Stream;
use jiff::Timestamp;
use journal::{Line as Text, Log};
use projections::Record;

use super::streams::JOURNAL;
use super::{Line, PAUSE};
use crate::processor::Handle;

/// Records on their way at once.
const TOGETHER: usize = 256;
/// The organisation of records that concern none.
const NO_ORG: &str = "system";

/// Where the feed stands: the next record, and the stream's last message.
struct At {
    next: u64,
    last: u64,
}

pub(super) async fn run(handle: &Handle, line: &Line) {
    let mut durable = handle.durable();
    let mut said = String::new();
    loop {
        match follow(handle, line, &mut durable).await {
            Ok(()) => return,
            // Once, not every second.
            Err(why) if why != said => {
                tracing::warn!(why, "the feed waits");
                said = why;
            }
            Err(_) => {}
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn follow(handle: &Handle, line: &Line, durable: &mut tokio::sync::watch::Receiver<u64>) -> Result<(), String> {
    let stream = line.context.get_stream(JOURNAL).await.map_err(told)?;
    let mut at = found(handle, &stream).await?;
    loop {
        let lines = read(handle.log(), at.next).await?;
        if lines.is_empty() {
            if durable.wait_for(|position| *position >= at.next).await.is_err() {
                return Ok(());
            }
            continue;
        }
        publish(line, &mut at, lines).await?;
    }
}

fn told(cause: impl std::fmt::Display) -> String {
    cause.to_string()
}

/// After the stream's last message; where all are too old to be there, after the records that are too old as well.
async fn found(handle: &Handle, stream: &Stream) -> Result<At, String> {
    let info = stream.cached_info();
    let last = info.state.last_sequence;
    if last == 0 {
        return Ok(At { next: 1, last });
    }
    if info.state.messages == 0 {
        let oldest = handle.now() - jiff::SignedDuration::try_from(info.config.max_age).unwrap_or_default();
        let log = Arc::clone(handle.log());
        let next = tokio::task::spawn_blocking(move || first_since(log.as_ref(), oldest)).await;
        return next.map_err(told)?.map(|next| At { next, last });
    }
    let message = stream.get_raw_message(last).await.map_err(told)?;
    let position = message
        .headers
        .get(NATS_MESSAGE_ID)
        .and_then(|id| id.as_str().parse::<u64>().ok());
    let position = position.ok_or_else(|| format!("the last message of {JOURNAL} is not the feed's"))?;
    let known = read(handle.log(), position).await?.into_iter().next();
    if known.is_none_or(|known| known.text.as_bytes() != message.payload.as_ref()) {
        return Err(format!(
            "record {position} of {JOURNAL} is of another journal, or of this one before it was restored: delete that stream, and \
             the feed begins anew"
        ));
    }
    Ok(At {
        next: position + 1,
        last,
    })
}

fn first_since(log: &dyn Log, oldest: Timestamp) -> Result<u64, String> {
    for line in log.read(1).map_err(told)? {
        let line = line.map_err(told)?;
        let mut room = String::new();
        if Record::parse(line.seq, &line.text, &mut room).map_err(told)?.at >= oldest {
            return Ok(line.seq);
        }
    }
    Ok(log.durable() + 1)
}

async fn read(log: &Arc<dyn Log>, from: u64) -> Result<Vec<Text>, String> {
    let log = Arc::clone(log);
    let some = tokio::task::spawn_blocking(move || {
        let lines = log.read_written(from)?.take(TOGETHER);
        lines.collect::<Result<Vec<_>, _>>()
    });
    some.await.map_err(told)?.map_err(told)
}

/// Publishes records in order; where one fails, those after it fail as well, because each expects the one before it.
async fn publish(line: &Line, at: &mut At, lines: Vec<Text>) -> Result<(), String> {
    let mut sent = Vec::with_capacity(lines.len());
    for (number, text) in (at.last..).zip(&lines) {
        let message = PublishMessage::build()
            .payload(text.text.clone().into())
            .message_id(text.seq.to_string())
            .expected_last_sequence(number);
        sent.push(line.context.send_publish(subject(text)?, message).await.map_err(told)?);
    }
    for acknowledged in sent {
        at.last = tokio::time::timeout(Duration::from_secs(10), acknowledged)
            .await
            .map_err(told)?
            .map_err(told)?
            .sequence;
        at.next += 1;
    }
    Ok(())
}

/// The first change tells what a record is about; where there is none, its first event.
fn subject(line: &Text) -> Result<String, String> {
    let mut room = String::new();
    let record = Record::parse(line.seq, &line.text, &mut room).map_err(told)?;
    let changes = record.events.iter().find(|entry| entry.change.is_some());
    let event = changes
        .or(record.events.first())
        .map_or("none", |entry| entry.name.as_ref());
    Ok(format!(
        "orkestra.journal.{}.{event}",
        record.org.as_deref().unwrap_or(NO_ORG)
    ))
}
