//! NATS, in the doctor's eyes.

use super::Finding;
use crate::config::{Config, Execution};
use crate::execution::nats::Line;
use crate::execution::nats::streams::Wanted;

/// Whether the broker is there, and has what executions need.
pub(super) async fn stand(config: &Config) -> Finding {
    const WHAT: &str = "nats";
    if config.execution == Execution::Embedded {
        return Finding::good(WHAT, "not configured: the server carries out everything itself");
    }
    let line = match Line::open(&config.nats, "orkestra doctor").await {
        Ok(line) => line,
        Err(wrong) => return Finding::bad(WHAT, wrong.to_string(), "correct the [nats] part of the configuration"),
    };
    let mut registry = crate::data::registry();
    registry.terms = config.terms();
    let url = &config.nats.url;
    match line.look(&Wanted::by(&registry, &config.nats)).await {
        Err(cause) => Finding::bad(
            WHAT,
            format!("{url} does not answer: {cause}"),
            "start it, or see ops/runbook/nats-down.md; until then executions wait in the outbox",
        ),
        Ok(differences) if differences.is_empty() => Finding::good(WHAT, format!("{url} has streams and consumers")),
        Ok(differences) => {
            let all: Vec<String> = differences.iter().map(ToString::to_string).collect();
            let fix = "what is missing is made at the next start; what differs is changed by `orkestra serve --nats URL --apply`";
            Finding::bad(WHAT, all.join("; "), fix)
        }
    }
}
