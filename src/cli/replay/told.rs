//! A timeline, as text or a line of JSON each.

use std::io::{IsTerminal as _, Write as _};

use journal::Look;
use projections::store::Index;

use super::super::{Failure, Outcome, note, progress};
use super::Which;
use crate::audit::Source as _;
use crate::audit::timeline::{Filter, Timeline};
use crate::audit::travel::When;
use crate::kernel::text::count;

impl Which {
    fn filter(self, look: &Look) -> Result<Filter, Failure> {
        let by = [
            (Index::Action, self.action),
            (Index::Entity, self.entity),
            (Index::Tool, self.tool),
            (Index::Event, self.event),
        ];
        let to = self.to.map(|to| match to {
            // A timeline may end where the journal does not reach yet.
            When::Position(position) => Ok(position),
            When::Moment(moment) => look.at(moment),
        });
        Ok(Filter {
            from: self.from,
            to: to.transpose()?,
            since: self.since,
            until: self.until,
            org: None,
            member: self.member,
            on_behalf_of: self.on_behalf_of,
            token: self.token,
            by: by
                .into_iter()
                .filter_map(|(index, value)| Some((index, value?)))
                .collect(),
        })
    }
}

pub(super) fn timeline(look: &Look, which: Which, as_json: bool) -> Outcome {
    let filter = which.filter(look)?;
    let stdout = std::io::stdout();
    // Between lines that are read as they come, a bar is only in the way.
    let bar = (!stdout.is_terminal()).then(|| progress::records(filter.to.unwrap_or(u64::MAX).min(look.last_seq())));
    let mut out = std::io::BufWriter::new(stdout.lock());
    let mut timeline = Timeline::new(filter.clone());
    let (mut reader, mut told) = (look.reader(1), 0_usize);
    while let Some(line) = reader.next_ref()? {
        let Some(entry) = timeline.take(line.seq, line.text)? else {
            if filter.is_past(line.seq, None) {
                break;
            }
            continue;
        };
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
        if let Some(bar) = &bar {
            bar.set_position(line.seq);
        }
    }
    out.flush()?;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    note(&match told {
        0 => format!(
            "none of {} fits",
            count(usize::try_from(look.last_seq()).unwrap_or(usize::MAX), "record")
        ),
        told => count(told, "record"),
    });
    Ok(())
}
