//! The intake: outcomes come as requests, are journaled, and only then answered.
//!
//! Who reports is the last word of the subject, `orkestra.outcome.<partition>.<worker>`: the broker lets each worker's user
//! publish to its own alone (`ops/nats.conf`).

use std::sync::Arc;

use async_nats::Message as Request;
use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::{Line, PAUSE, TRACE};
use crate::execution::hear;
use crate::execution::message::{Outcome, Receipt};
use crate::kernel::Rejection;
use crate::processor::Handle;

/// This server's partition; there is one until there is a cluster.
pub(super) const PARTITION: u32 = 0;
/// Outcomes that wait for the journal at once.
const AT_ONCE: usize = 512;
/// A trace context of version 00 has 55 bytes (W3C Trace Context, section 3.2).
const TRACE_BYTES_MAX: usize = 64;
/// The largest outcome.
const BYTES_MAX: usize = 256 << 10;

/// Where a worker reports.
pub(super) fn subject(worker: &str) -> String {
    format!("orkestra.outcome.{PARTITION}.{worker}")
}

pub(super) async fn run(handle: &Handle, line: &Line) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        match line.client.subscribe(subject("*")).await {
            Ok(mut requests) => {
                while let Some(request) = requests.next().await {
                    let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                        return;
                    };
                    let (handle, line) = (handle.clone(), line.clone());
                    tokio::spawn(async move {
                        take(&handle, &line, request).await;
                        drop(place);
                    });
                }
            }
            Err(cause) => tracing::warn!(%cause, "outcomes cannot be taken"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn take(handle: &Handle, line: &Line, request: Request) {
    let worker = request.subject.rsplit('.').next().unwrap_or_default().to_owned();
    let receipt = match read(&request.payload) {
        Ok(outcome) => {
            let action = outcome.action.clone();
            let answer = hear(handle, outcome.report(&worker, trace(&request))).await;
            if let Err(no) = &answer {
                tracing::warn!(worker, action, code = %no.code, "an outcome does not count");
            }
            Receipt::of(answer)
        }
        Err(no) => {
            tracing::warn!(worker, why = %no.message, "an outcome was not understood");
            Receipt::of(not_understood(handle, &worker, no).await)
        }
    };
    if let (Some(reply), Ok(text)) = (request.reply, serde_json::to_vec(&receipt)) {
        // A worker that does not hear says it again.
        drop(line.client.publish(reply, text.into()).await);
    }
}

async fn not_understood(handle: &Handle, worker: &str, no: Rejection) -> Result<Value, Rejection> {
    let (worker, why) = (worker.to_owned(), no.clone());
    handle
        .ask(move |engine, now, _| Ok((vec![engine.refuse_outcome(&worker, &why, now)?], ())))
        .await?;
    Err(no)
}

/// The trace context that came with a request, if it is one.
fn trace(request: &Request) -> Option<String> {
    let text = request.headers.as_ref()?.get(TRACE)?.as_str();
    let fits = |letter: char| letter.is_ascii_hexdigit() || letter == '-';
    (text.len() <= TRACE_BYTES_MAX && text.chars().all(fits)).then(|| text.to_owned())
}

fn read(payload: &[u8]) -> Result<Outcome, Rejection> {
    let no = |why: String| {
        Rejection::new("invalid_outcome", why).hint("ops/workers/outcome.schema.json says what it must be")
    };
    if payload.len() > BYTES_MAX {
        return Err(no(format!("it has more than {BYTES_MAX} bytes")));
    }
    serde_json::from_slice(payload).map_err(|cause| no(cause.to_string()))
}
