//! `orkestra replay`: what was done, as it can be read; every decision made again; and how things stood at any moment.

mod again;
mod past;
mod receipt;
mod told;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use journal::Log;
use serde_json::{Map, Value};

use super::{DataArg, Failure, Outcome};
use crate::audit::travel::When;
use crate::kernel::Registry;
use crate::subjects::{Ring, Sealing};

const EXAMPLES: &str = "\
Examples:
  What @scout did since nine:
    orkestra replay --member @scout --since 2026-11-26T09:00:00Z
  One action, from its proposal to its outcome:
    orkestra replay --action act_01J9Z3K8Q4W5E6R7T8Y9A0B1C2
  Decide everything again; exit 1 where it comes out otherwise:
    orkestra replay --check
  The same, and a signed receipt of it; checked with: orkestra evidence verify FILE --key TEXT
    orkestra replay --check --receipt replay.txt
  What an agent saw, proven by the recorded digest:
    orkestra replay --show 1042
  A task as it was, how things stood at noon, and what changed between two positions:
    orkestra replay --to 1000 --call get_task '{\"task\":\"OPS-1\"}'
    orkestra replay --to 2026-11-26T12:00:00Z --state
    orkestra replay --diff 1000..2000";

/// Where one replays, and what.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    data: DataArg,
    /// Make every decision again and compare.
    #[arg(long, group = "mode")]
    check: bool,
    /// With --check: have what came of it signed by the log's key, and write that there (mode 0600). It is journaled.
    #[arg(long, value_name = "FILE", requires = "check")]
    receipt: Option<PathBuf>,
    /// Answer the read of this record again.
    #[arg(long, value_name = "SEQ", group = "mode")]
    show: Option<u64>,
    /// With --to: call a reading tool on the state there; its arguments are JSON.
    #[arg(long, num_args = 1..=2, value_names = ["TOOL", "ARGUMENTS"], group = "mode", requires = "to")]
    call: Option<Vec<String>>,
    /// With --call: as whom; a handle or an identifier. The first owner, where it is not said.
    #[arg(long, value_name = "MEMBER", requires = "call")]
    r#as: Option<String>,
    /// With --to: how things stood there, and what was pending.
    #[arg(long, group = "mode", requires = "to")]
    state: bool,
    /// What changed between two positions.
    #[arg(long, value_name = "N..M", value_parser = range, group = "mode")]
    diff: Option<(u64, u64)>,
    /// Print JSON; for a timeline a line each.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    which: Which,
}

/// Which records are told.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Which records; all must fit")]
struct Which {
    /// Done by this member: a handle or an identifier.
    #[arg(long, value_name = "MEMBER")]
    member: Option<String>,
    /// Done by agents and services for this member.
    #[arg(long, value_name = "MEMBER")]
    on_behalf_of: Option<String>,
    /// Done with this token: a name or an identifier.
    #[arg(long)]
    token: Option<String>,
    /// About this action (act_…).
    #[arg(long)]
    action: Option<String>,
    /// That changed this entity, for example tsk_….
    #[arg(long, value_name = "ID")]
    entity: Option<String>,
    /// About calls of this tool, from the question to the outcome.
    #[arg(long)]
    tool: Option<String>,
    /// With an event of this name, for example action.confirmed.
    #[arg(long, value_name = "NAME")]
    event: Option<String>,
    /// At or after this moment.
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Before this moment.
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// From this position on.
    #[arg(long, value_name = "SEQ")]
    from: Option<u64>,
    /// Up to this position or moment.
    #[arg(long, value_name = "SEQ|TIME", value_parser = clap::value_parser!(When))]
    to: Option<When>,
}

fn range(text: &str) -> Result<(u64, u64), String> {
    let (from, to) = text.split_once("..").ok_or("expected two positions, as 1000..2000")?;
    let number = |text: &str| text.parse::<u64>().map_err(|_| format!("`{text}` is no position"));
    let (from, to) = (number(from)?, number(to)?);
    if from > to {
        return Err(format!("{from} comes after {to}"));
    }
    Ok((from, to))
}

pub(super) fn run(args: ReplayArgs) -> Outcome {
    args.refuse_ignored()?;
    let log = log(&args.data)?;
    let there = || Ok::<_, Failure>((&log, args.data.dir().past(&args.data.config()?.past)));
    match &args {
        ReplayArgs {
            check: true,
            receipt: Some(file),
            ..
        } => receipt::signed(&args.data, registry(&args.data)?, file, args.json),
        ReplayArgs { check: true, .. } => again::check(&log, registry(&args.data)?, args.json),
        ReplayArgs { show: Some(seq), .. } => past::show(there()?, *seq, args.json),
        ReplayArgs { call: Some(call), .. } => past::call(there()?, args.which.to, call, args.r#as.as_deref()),
        ReplayArgs { state: true, .. } => past::state(there()?, args.which.to, args.json),
        ReplayArgs { diff: Some(range), .. } => past::diff(&log, *range, args.json),
        _ => told::told(&log, args.which, args.json),
    }
}

impl ReplayArgs {
    /// What says which records are told means nothing to the rest, and nothing is ignored.
    fn refuse_ignored(&self) -> Outcome {
        let goes = self.call.is_some() || self.state;
        if !(goes || self.check || self.show.is_some() || self.diff.is_some()) {
            return Ok(());
        }
        let which = &self.which;
        let given = [
            ("--member", which.member.is_some()),
            ("--on-behalf-of", which.on_behalf_of.is_some()),
            ("--token", which.token.is_some()),
            ("--action", which.action.is_some()),
            ("--entity", which.entity.is_some()),
            ("--tool", which.tool.is_some()),
            ("--event", which.event.is_some()),
            ("--since", which.since.is_some()),
            ("--until", which.until.is_some()),
            ("--from", which.from.is_some()),
            ("--to", which.to.is_some() && !goes),
        ];
        match given.iter().find(|(_, given)| *given) {
            None => Ok(()),
            Some((flag, _)) => Err(Failure {
                code: 2,
                ..Failure::new(format!(
                    "{flag} says which records a timeline tells, and none is told here"
                ))
                .hint("leave it out, or leave out --check, --show, --call, --state or --diff")
            }),
        }
    }
}

/// What there is to call, with the routes of the configuration: whose work something is belongs to its plan.
fn registry(data: &DataArg) -> Result<Registry, Failure> {
    let mut registry = crate::data::registry();
    registry.terms = data.config()?.terms();
    Ok(registry)
}

/// The journal as it lies there, beside a running server or without one.
fn log(data: &DataArg) -> Result<Arc<dyn Log>, Failure> {
    if !data.dir().exists() {
        return Err(
            Failure::new(format!("{}: there is no journal here", data.data.display())).hint("say where with --data"),
        );
    }
    let look = data.look()?;
    Ok(Arc::new(Sealing::over(
        look,
        Arc::new(Ring::look(&data.dir().subjects())?),
    )))
}

/// Arguments of a tool as given on the command line.
fn arguments(text: Option<&String>) -> Result<Map<String, Value>, Failure> {
    let Some(text) = text else { return Ok(Map::new()) };
    serde_json::from_str(text).map_err(|cause| Failure {
        code: 2,
        ..Failure::new(format!("the arguments are not a JSON object: {cause}"))
    })
}
