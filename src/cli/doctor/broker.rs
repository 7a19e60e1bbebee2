//! NATS, in the doctor's eyes.

use super::Finding;
use crate::config::{Config, Execution};
use crate::execution::nats::streams::{Error, Wanted};
use crate::execution::nats::{Line, Settings};

const WHAT: &str = "nats";

/// Whether the broker is there, and has what executions need.
pub(super) async fn stand(config: &Config) -> Finding {
    if config.execution == Execution::Embedded {
        return Finding::good(WHAT, "not configured: the server carries out everything itself");
    }
    let mut registry = crate::data::registry();
    registry.terms = config.terms();
    let wanted = Wanted::by(&registry, &config.nats);
    let line = match Line::once(&config.nats, "orkestra doctor").await {
        Ok(line) => line,
        Err(wrong) => {
            let fix = "start it (ops/runbook/nats-down.md), or correct the [nats] part of the configuration; until then \
                       executions wait in the outbox";
            return Finding::bad(WHAT, format!("{}: {wrong}", config.nats.url), fix);
        }
    };
    looked(&line, &config.nats, &wanted).await.unwrap_or_else(|cause| {
        let said = format!("{} answers, and refuses: {cause}", config.nats.url);
        Finding::bad(
            WHAT,
            said,
            "compare the user's rights with ops/nats.conf, and see whether JetStream is on",
        )
    })
}

async fn looked(line: &Line, settings: &Settings, wanted: &Wanted) -> Result<Finding, Error> {
    let differences = line.look(wanted).await?;
    if !differences.is_empty() {
        let all: Vec<String> = differences.iter().map(ToString::to_string).collect();
        let fix =
            "what is missing is made at the next start; what differs is changed by `orkestra serve --nats URL --apply`";
        return Ok(Finding::bad(WHAT, all.join("; "), fix));
    }
    let full = line.full(wanted).await?;
    if !full.is_empty() {
        return Ok(Finding::bad(WHAT, full.join("; "), "see ops/runbook/stream-full.md"));
    }
    Ok(Finding::good(
        WHAT,
        format!("{} has streams and consumers", settings.url),
    ))
}
