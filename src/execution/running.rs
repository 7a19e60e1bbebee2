//! Starting and stopping: who carries out executions is configuration.

use std::sync::Arc;

use thiserror::Error;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::nats::streams::{Mode, Wanted};
use super::nats::{self, How, Line};
use super::{embedded, perform};
use crate::config::{Config, Execution};
use crate::processor::Handle;
use crate::telemetry::Telemetry;

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
    /// Hands nothing over any more. Workers outside go on with what they have; the one inside finishes it.
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
pub async fn start(
    handle: &Handle,
    config: &Config,
    apply: bool,
    telemetry: &Arc<Telemetry>,
) -> Result<Running, Unusable> {
    let stop = CancellationToken::new();
    let task = match config.execution {
        Execution::Embedded => {
            let performers = perform::built_in(&config.effects)?;
            tokio::spawn(embedded::run(handle.clone(), performers, stop.clone()))
        }
        Execution::Nats => {
            let line = Line::open(&config.nats, "orkestra server").await?;
            let how = How {
                wanted: Wanted::by(handle.registry(), &config.nats),
                mode: if apply { Mode::Apply } else { Mode::Make },
                telemetry: Arc::clone(telemetry),
            };
            tokio::spawn(nats::run(handle.clone(), line, how, stop.clone()))
        }
    };
    Ok(Running { stop, task })
}
