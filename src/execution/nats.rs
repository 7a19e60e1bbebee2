//! Executions over NATS `JetStream`: the only place that knows `async-nats`.

mod dead;
mod dispatch;
mod feed;
mod intake;
mod lag;
mod settings;
pub mod streams;
pub mod worker;

pub use settings::{Settings, Wrong};

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::context::{Context, ContextBuilder};
use async_nats::{Client, ConnectOptions, Event};
use tokio_util::sync::CancellationToken;

use crate::processor::Handle;
use crate::telemetry::Telemetry;
use streams::{Difference, Mode, Wanted};

/// The header of the W3C trace context.
const TRACE: &str = "traceparent";
/// How long the broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause before the broker is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// A connection to the broker; it comes back by itself.
#[derive(Clone, Debug)]
pub struct Line {
    client: Client,
    context: Context,
}

impl Line {
    /// Connects, now or when the broker is there. `name` is shown by the broker.
    ///
    /// # Errors
    /// [`Wrong`] where credentials or certificates cannot be used, or the address means nothing.
    pub async fn open(settings: &Settings, name: &str) -> Result<Self, Wrong> {
        let is_away = Arc::new(AtomicBool::new(false));
        let options = settings.options().await?.name(name).retry_on_initial_connect();
        let options = options.event_callback(move |event| {
            tell(&event, &is_away);
            std::future::ready(())
        });
        Self::over(settings, options).await
    }

    /// Connects now, or says why that cannot be: who only looks need not wait for a broker.
    ///
    /// # Errors
    /// [`Wrong`] as for [`Line::open`], and where the broker is away or knows the user not.
    pub async fn once(settings: &Settings, name: &str) -> Result<Self, Wrong> {
        let options = settings.options().await?.name(name);
        Self::over(settings, options).await
    }

    async fn over(settings: &Settings, options: ConnectOptions) -> Result<Self, Wrong> {
        let addresses: Vec<&str> = settings.url.split(',').map(str::trim).collect();
        let client = options.connect(addresses).await.map_err(|cause| Wrong::of(&cause))?;
        let context = ContextBuilder::new()
            .timeout(PATIENCE)
            .ack_timeout(PATIENCE)
            .build(client.clone());
        Ok(Self { client, context })
    }

    /// Streams that are full, or nearly: what there is of how much.
    ///
    /// # Errors
    /// [`streams::Error`] where the broker refuses.
    pub async fn full(&self, wanted: &Wanted) -> Result<Vec<String>, streams::Error> {
        streams::full(&self.context, wanted).await
    }

    /// What is missing at the broker or differs from what is wanted; nothing is changed. Waits a moment for the broker.
    ///
    /// # Errors
    /// [`streams::Error`] where it is away or refuses.
    pub async fn look(&self, wanted: &Wanted) -> Result<Vec<Difference>, streams::Error> {
        streams::check(&self.context, wanted, Mode::Look).await
    }

    /// Whether the broker is there now.
    pub fn is_up(&self) -> bool {
        self.client.connection_state() == State::Connected
    }
}

/// Says it once, not at every attempt to connect again.
fn tell(event: &Event, is_away: &AtomicBool) {
    match event {
        Event::Connected => {
            is_away.store(false, Ordering::Relaxed);
            tracing::info!("the broker is there");
        }
        Event::Disconnected | Event::ClientError(_) if is_away.swap(true, Ordering::Relaxed) => {}
        Event::Disconnected | Event::ClientError(_) => {
            tracing::warn!(cause = %event, "the broker is away; executions wait in the outbox");
        }
        other => tracing::warn!(what = %other, "the broker says something"),
    }
}

/// How the server's side runs.
#[derive(Clone)]
pub struct How {
    /// The streams and consumers that must be there.
    pub wanted: Wanted,
    /// What is done about those that are missing or differ.
    pub mode: Mode,
    /// Where it is told how the broker is.
    pub telemetry: Arc<Telemetry>,
}

/// The server's side: the outbox is published, outcomes are taken, dead letters are told of. Until stopped.
pub async fn run(handle: Handle, line: Line, how: How, stop: CancellationToken) {
    let prepared = async {
        while let Err(cause) = prepare(&line, &how.wanted, how.mode).await {
            tracing::debug!(%cause, "the streams cannot be looked at yet");
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => return,
        () = prepared => {}
    }
    let feed = async {
        if how.wanted.feed {
            feed::run(&handle, &line).await;
        }
    };
    let all = async {
        tokio::join!(
            dispatch::run(&handle, &line),
            intake::run(&handle, &line),
            dead::run(&handle, &line),
            lag::run(&line, &how),
            feed,
        )
    };
    tokio::select! {
        () = stop.cancelled() => {}
        _ = all => {}
    }
}

async fn prepare(line: &Line, wanted: &Wanted, mode: Mode) -> Result<(), streams::Error> {
    let found = streams::check(&line.context, wanted, mode).await?;
    for difference in &found {
        if difference.changed {
            tracing::info!(%difference, "changed at the broker");
        } else {
            tracing::warn!(%difference, "the broker has it otherwise; `--apply` changes it");
        }
    }
    Ok(())
}
