//! `orkestra worker`: carries out executions that a server gives out over NATS.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use figment::value::{Dict, Value};

use super::serve::stop_signal;
use super::{Failure, Outcome, note};
use crate::config;
use crate::execution::nats::Line;
use crate::execution::nats::worker::{self, Worker};
use crate::execution::perform;
use crate::kernel::execution::BUILT_IN;
use crate::telemetry::{self, Telemetry};

#[derive(Debug, Args)]
pub(super) struct WorkerArgs {
    /// The NATS server.
    #[arg(long, value_name = "URL")]
    nats: Option<String>,
    /// The configuration file, for credentials and certificates; ./orkestra.toml where there is one.
    #[arg(long, value_name = "FILE", env = "ORKESTRA_CONFIG")]
    config: Option<PathBuf>,
    /// Only the executions of these modules; all that the server gives to the built-in worker where nothing is said.
    #[arg(long, value_name = "MODULES", value_delimiter = ',')]
    modules: Vec<String>,
    /// How many of one module at once.
    #[arg(long, value_name = "N", default_value = "16")]
    concurrency: NonZeroUsize,
}

pub(super) async fn run(args: WorkerArgs) -> Outcome {
    telemetry::init();
    let mut flags = Dict::new();
    if let Some(url) = &args.nats {
        flags.insert("execution".to_owned(), "nats".into());
        flags.insert(
            "nats".to_owned(),
            Dict::from([("url".to_owned(), Value::from(url.as_str()))]).into(),
        );
    }
    let loaded = config::load(args.config.as_deref(), flags).map_err(Failure::wrong)?;
    // Of a worker, only the log: calls and counters are the server's.
    let (_, sending) = Telemetry::started(&loaded.config.telemetry).map_err(Failure::wrong)?;
    let performers = perform::built_in(&loaded.config.effects)?;
    let settings = loaded.config.nats;
    let line = Line::open(&settings, "orkestra worker").await?;
    let stop = tokio_util::sync::CancellationToken::new();
    let signal = stop_signal();
    let stopping = stop.clone();
    tokio::spawn(async move {
        signal.await;
        stopping.cancel();
    });
    note(&format!("works for {} until stopped", settings.url));
    let worker = Worker {
        name: BUILT_IN.to_owned(),
        modules: args.modules,
        concurrency: args.concurrency.get(),
        performers,
    };
    let ended = worker::run(&line, worker, stop).await;
    sending.stop().await;
    ended.map_err(|unready| {
        Failure::from(unready)
            .hint("start the server with --nats first; it makes the streams and says whose modules are whose")
    })
}
