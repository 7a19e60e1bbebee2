//! Starting and stopping: who carries out executions is configuration.

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::nats::streams::Wanted;
use super::nats::{self, Line, Wrong};
use super::{embedded, perform};
use crate::config::{Config, Execution};
use crate::processor::Handle;

/// What carries out executions, while the server runs.
pub struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    /// Hands nothing over any more. What is under way goes on where it is.
    pub async fn stop(self) {
        self.stop.cancel();
        // A panic was told already.
        drop(self.task.await);
    }
}

/// Starts what the configuration says. A broker that is away is waited for.
///
/// # Errors
/// [`Wrong`] where NATS cannot be reached with these settings, ever.
pub async fn start(handle: &Handle, config: &Config, apply: bool) -> Result<Running, Wrong> {
    let stop = CancellationToken::new();
    let task = match config.execution {
        Execution::Embedded => {
            give_up(handle).await;
            tokio::spawn(embedded::run(handle.clone(), perform::built_in(), stop.clone()))
        }
        Execution::Nats => {
            let line = Line::open(&config.nats, "orkestra server").await?;
            let wanted = Wanted::of(handle.registry(), config.nats.replicas);
            tokio::spawn(nats::run(handle.clone(), line, wanted, apply, stop.clone()))
        }
    };
    Ok(Running { stop, task })
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
