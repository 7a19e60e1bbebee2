//! Deciding everything again.

use std::sync::Arc;

use journal::{Line, Log};

use super::super::{Failure, Outcome, print, progress};
use crate::audit::Behind;
use crate::audit::check::{Divergence, Report, check as decide_again};
use crate::kernel::Registry;
use crate::kernel::text::count;

pub(super) fn check(log: &Arc<dyn Log>, registry: Registry, as_json: bool) -> Outcome {
    told(&decided(log, registry, log.durable())?, as_json)
}

/// Decides the first records again.
pub(super) fn decided(log: &Arc<dyn Log>, registry: Registry, size: u64) -> Result<Report, Failure> {
    let past = Behind::new(log);
    let bar = progress::records(size);
    let within = |line: &Result<Line, journal::Error>| line.as_ref().map_or(true, |line| line.seq <= size);
    let lines = past.lines()?.take_while(within);
    let report = decide_again(Arc::new(registry), lines, &past, &mut |seq| bar.set_position(seq))?;
    bar.finish_and_clear();
    Ok(report)
}

/// Prints what came of it; a failure where anything came out otherwise.
pub(super) fn told(report: &Report, as_json: bool) -> Outcome {
    if as_json {
        print(&serde_json::to_string(report)?);
    } else {
        tell(report);
    }
    match report.first.first() {
        None => Ok(()),
        Some(first) => Err(Failure::new(format!(
            "record {}: {} comes out differently",
            first.seq, first.tool
        ))
        .hint(
            "`orkestra journal verify` tells whether bytes were altered; a rule that changed without a new version of its \
             decider shows like this too",
        )),
    }
}

fn tell(report: &Report) {
    let number = |number: u64, noun: &str| count(usize::try_from(number).unwrap_or(usize::MAX), noun);
    print(&format!(
        "{}, {} made again: {} the same, {} by other versions of their rules, {} differently",
        number(report.records, "record"),
        number(report.decisions, "decision"),
        report.same,
        report.other_version,
        report.divergences
    ));
    if report.erased > 0 {
        print(&format!(
            "{} differently, because somebody in them was erased since",
            report.erased
        ));
    }
    if report.not_decided + report.late > 0 {
        print(&format!(
            "not made again: {} with tokens that are recorded nowhere, {} journaled too long after what they read",
            report.not_decided, report.late
        ));
    }
    print(&format!(
        "state {}\nnewest records by orkestra {}",
        report.state, report.program
    ));
    for Divergence {
        seq,
        tool,
        what,
        lines,
        program,
    } in &report.first
    {
        print(&format!(
            "\nrecord {seq}, {what} of {tool}, written by orkestra {program}: then → today"
        ));
        for line in lines {
            print(&format!("  {line}"));
        }
    }
}
