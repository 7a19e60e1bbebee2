//! How far the workers are: what the broker knows of each module's consumer, for operators. And whether it still has them.

use std::time::Duration;

use futures_util::StreamExt as _;

use super::streams::{EXECUTIONS, Mode};
use super::{How, Line, prepare};

/// How often the broker is asked.
const EVERY: Duration = Duration::from_secs(10);

pub(super) async fn run(line: &Line, how: &How) {
    let telemetry = &how.telemetry;
    let mut round = tokio::time::interval(EVERY);
    loop {
        round.tick().await;
        telemetry.broker(line.is_up());
        let Ok(stream) = line.context.get_stream(EXECUTIONS).await else {
            // A broker that lost its data knows no streams any more.
            if let (true, Err(cause)) = (line.is_up(), prepare(line, &how.wanted, Mode::Make).await) {
                tracing::warn!(%cause, "the streams cannot be made again");
            }
            continue;
        };
        let mut consumers = stream.consumers();
        while let Some(Ok(consumer)) = consumers.next().await {
            let (lag, given_out) = (consumer.num_pending, consumer.num_ack_pending);
            telemetry.consumer(&consumer.name, lag, given_out, consumer.num_redelivered);
        }
    }
}
