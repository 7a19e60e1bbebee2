//! What is written to the log.

use std::io::IsTerminal as _;

use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use super::otlp::Lines;

/// The crates whose log lines are written by this house: they name neither tokens nor what callers sent.
const OURS: [&str; 3] = ["orkestra", "journal", "projections"];

/// Whether a line may be written, whatever `RUST_LOG` asks for: what other crates say below an error can hold whole requests,
/// bearer and confirm tokens included.
fn may_be_said(meta: &tracing::Metadata<'_>) -> bool {
    *meta.level() == tracing::Level::ERROR || is_ours(meta)
}

fn is_ours(meta: &tracing::Metadata<'_>) -> bool {
    let crate_name = meta.target().split("::").next().unwrap_or_default();
    OURS.contains(&crate_name)
}

/// Sends the log to standard error, and our own lines to a collector as soon as there is one; `RUST_LOG` says how much, `ORKESTRA_LOG=json` in which form.
pub fn init() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,rmcp=error"));
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let lines = match std::env::var("ORKESTRA_LOG").as_deref() {
        Ok("json") => lines.json().boxed(),
        _ => lines.with_target(false).boxed(),
    };
    let said = lines.with_filter(filter_fn(may_be_said));
    let sent = Lines.with_filter(filter_fn(is_ours));
    // A second call in one process (tests) keeps the first.
    drop(
        tracing_subscriber::registry()
            .with(filter)
            .with(said)
            .with(sent)
            .try_init(),
    );
}
