//! How far the workers are: what the broker knows of each module's consumer, for operators.

use std::time::Duration;

use futures_util::StreamExt as _;

use super::Line;
use super::streams::EXECUTIONS;
use crate::telemetry::Telemetry;

/// How often the broker is asked.
const EVERY: Duration = Duration::from_secs(10);

pub(super) async fn run(line: &Line, telemetry: &Telemetry) {
    let mut round = tokio::time::interval(EVERY);
    loop {
        round.tick().await;
        telemetry.broker(line.is_up());
        let Ok(stream) = line.context.get_stream(EXECUTIONS).await else {
            continue;
        };
        let mut consumers = stream.consumers();
        while let Some(Ok(consumer)) = consumers.next().await {
            let (lag, given_out) = (consumer.num_pending, consumer.num_ack_pending);
            telemetry.consumer(&consumer.name, lag, given_out, consumer.num_redelivered);
        }
    }
}
