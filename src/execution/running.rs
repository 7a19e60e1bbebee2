//! Starting and stopping: who carries out executions is configuration.

use thiserror::Error;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::nats::streams::Wanted;
use super::nats::{self, Line};
use super::{embedded, perform};
use crate::config::{Config, Execution};
use crate::processor::Handle;

/// Why executions cannot be carried out as the configuration says.
#[derive(Debug, Error)]
pub enum Unusable {
    /// NATS cannot be reached so, ever.
    #[error(transparent)]
    Nats(#[from] nats::Wrong),
    /// Effects cannot be done so.
    #[error(transparent)]
    Effects(#[from] perform::Wrong),
}

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
/// [`Unusable`] where that can never work.
pub async fn start(handle: &Handle, config: &Config, apply: bool) -> Result<Running, Unusable> {
    let stop = CancellationToken::new();
    let task = match config.execution {
        Execution::Embedded => {
            let performers = perform::built_in(&config.effects)?;
            give_up(handle).await;
            tokio::spawn(embedded::run(handle.clone(), performers, stop.clone()))
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
