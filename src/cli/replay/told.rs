//! A timeline, as text or a line of JSON each.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;

use journal::Log;
use projections::store::Index;

use super::super::{Failure, Outcome, note, progress};
use super::Which;
use crate::audit::position_at;
use crate::audit::timeline::{self, Filter};
use crate::audit::travel::When;
use crate::kernel::text::count;

impl Which {
    fn filter(self, log: &dyn Log) -> Result<Filter, Failure> {
        let action = self.action.map(|given| id(&given, "act_")).transpose()?;
        let entity = self.entity.map(|given| id(&given, "")).transpose()?;
        let by = [
            (Index::Action, action),
            (Index::Entity, entity),
            (Index::Tool, self.tool),
            (Index::Event, self.event),
        ];
        let by = by.into_iter().filter_map(|(index, value)| Some((index, value?)));
        let to = match self.to {
            // A timeline may end where the journal does not reach yet.
            Some(When::Position(position)) => Some(position),
            Some(When::Moment(moment)) => Some(position_at(log, moment)?),
            None => None,
        };
        Ok(Filter {
            from: self.from,
            to,
            since: self.since,
            until: self.until,
            org: None,
            member: self.member,
            on_behalf_of: self.on_behalf_of,
            token: self.token,
            by: by.collect(),
        })
    }
}

/// An identifier as records have it: a key or a name would find nothing.
fn id(given: &str, prefix: &str) -> Result<String, Failure> {
    let rest = given.split_once('_').map_or("", |(_, rest)| rest);
    if given.starts_with(prefix) && rest.len() == 26 {
        return Ok(given.to_owned());
    }
    Err(Failure {
        code: 2,
        ..Failure::new(format!(
            "`{given}` is no identifier such as {}01J9Z3K8Q4W5E6R7T8Y9A0B1C2",
            if prefix.is_empty() { "tsk_" } else { prefix }
        ))
        .hint("resolve_references, or `orkestra replay` itself, shows the identifiers of things")
    })
}

pub(super) fn told(log: &Arc<dyn Log>, which: Which, as_json: bool) -> Outcome {
    let filter = which.filter(log.as_ref())?;
    let stdout = std::io::stdout();
    // Between lines that are read as they come, a bar is only in the way.
    let bar = (!stdout.is_terminal()).then(|| filter.last(log.as_ref()).map(progress::records));
    let bar = bar.transpose()?;
    let mut out = std::io::BufWriter::new(stdout.lock());
    let mut told = 0_usize;
    for line in timeline::over(log.as_ref(), filter)? {
        let (seq, entry) = line?;
        if let Some(bar) = &bar {
            bar.set_position(seq);
        }
        let Some(entry) = entry else { continue };
        let written = if as_json {
            writeln!(out, "{}", serde_json::to_string(&entry)?)
        } else {
            writeln!(out, "{entry}\n")
        };
        match written {
            // Who reads a pipe may stop; that is no failure.
            Err(cause) if cause.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            written => written?,
        }
        told += 1;
    }
    out.flush()?;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    note(&match told {
        0 => format!(
            "none of {} fits",
            count(usize::try_from(log.durable()).unwrap_or(usize::MAX), "record")
        ),
        told => count(told, "record"),
    });
    Ok(())
}
