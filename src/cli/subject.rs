//! `orkestra subject`: the people whose mail addresses stand in the journal, and erasing one of them.

use std::sync::Arc;

use clap::Subcommand;
use jiff::Timestamp;
use journal::Log as _;
use projections::{Actor, Event, Id};
use serde_json::json;

use super::operator::operator_of;
use super::{DataArg, Failure, Outcome, note, print};
use crate::data::{DataDir, Opened};
use crate::kernel::engine::Refused;
use crate::kernel::identity::Member;
use crate::kernel::state::Unfit;
use crate::kernel::{Engine, Past, Plan, Row, State, View, sealed, table};
use crate::modules::organizations;
use crate::subjects::{Erased, Ring, erased};

#[derive(Debug, Subcommand)]
pub(super) enum SubjectCommand {
    /// Erase a person: the key to everything that is sealed of them is destroyed. It cannot be taken back.
    Erase(EraseArgs),
    /// Destroy the keys of everybody who was erased once more, after keys were restored from a backup.
    Recheck(RecheckArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct EraseArgs {
    #[command(flatten)]
    data: DataArg,
    /// The member's handle, or a mail address.
    who: String,
    /// Do it; without this it is only said what would be done.
    #[arg(long)]
    yes: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct RecheckArgs {
    #[command(flatten)]
    data: DataArg,
}

pub(super) async fn run(command: SubjectCommand) -> Outcome {
    match command {
        SubjectCommand::Erase(args) => erase(args).await,
        SubjectCommand::Recheck(args) => recheck(&args.data),
    }
}

/// Opens the directory itself: a running server has the address in its memory, so it must have ended.
fn open(args: &DataArg) -> Result<(DataDir, Opened), Failure> {
    let dir = args.dir();
    if !dir.exists() {
        return Err(
            Failure::new(format!("{}: there is no journal here", dir.0.display())).hint("say where with --data")
        );
    }
    if std::os::unix::net::UnixStream::connect(dir.socket()).is_ok() {
        return Err(Failure::new("a server is running on this directory")
            .hint("stop it first: it has the address in its memory, and would go on with it"));
    }
    let opened = super::serve::open(&dir, &args.config()?)?;
    Ok((dir, opened))
}

async fn erase(args: EraseArgs) -> Outcome {
    let (dir, opened) = open(&args.data)?;
    let done = erase_in(&dir, &opened, &args).await;
    let ring = Arc::clone(&opened.ring);
    opened.close()?;
    let Some((erasure, plain)) = done? else { return Ok(()) };
    erasure.complete(&ring, &dir.projections())?;
    if args.json {
        print(&json!({"subject": erasure.subject, "key": erasure.key, "plainRecords": plain}).to_string());
    } else {
        note(&format!("erased: subject {}, key {}", erasure.subject, erasure.key));
    }
    if plain > 0 {
        note(&format!(
            "{plain} records of an earlier version hold the address unsealed, and still do: see ops/runbook/erasure.md"
        ));
    }
    Ok(())
}

/// Journals the erasure. Gives what is to be destroyed now, and how many records hold the address in plain text.
async fn erase_in(dir: &DataDir, opened: &Opened, args: &EraseArgs) -> Result<Option<(Erased, u64)>, Failure> {
    let snapshot = opened.handle.snapshot();
    let address = address(&snapshot, &args.who)?;
    let members = members(&snapshot, &address);
    let handles: Vec<String> = members.iter().map(|(_, row)| format!("@{}", row.handle)).collect();
    if !args.yes {
        note(&format!(
            "this would erase {address} ({}) in {} for ever: nobody can read it in any record after that",
            if handles.is_empty() {
                "no member".to_owned()
            } else {
                handles.join(", ")
            },
            dir.0.display(),
        ));
        note("say --yes to do it; ops/runbook/erasure.md says what is not erased");
        return Ok(None);
    }
    let plain = plain(&opened.journal, &address)?;
    let (subject, key) = opened.ring.subject(&address)?;
    let erasure = Erased::of(subject, key);
    erasure.begin(&opened.ring)?;
    let event = erasure.event()?;
    let journaled = opened
        .handle
        .ask(move |engine, now, past| match planned(engine, &members, now, past) {
            Ok(plans) => carried_out(engine, plans, event, now).map(|records| (records, Ok(()))),
            Err(failure) => Ok((Vec::new(), Err(failure.message))),
        });
    journaled
        .await
        .map_err(|no| Failure::new(no.message))?
        .map_err(Failure::new)?;
    Ok(Some((erasure, plain)))
}

/// The plans for all memberships of a person. All are made before one is carried out, so that all are or none is.
fn planned(
    engine: &Engine,
    members: &[(String, Row<Member>)],
    now: Timestamp,
    past: &dyn Past,
) -> Result<Vec<(String, Plan)>, Failure> {
    let state = engine.state();
    let plan = |(org, row): &(String, Row<Member>)| {
        let caller = operator_of(state, org)?;
        let seed = Id::derive(now, format!("erase|{}|{}", row.id, state.position).as_bytes());
        let view = View::new(state, &caller, now, engine.registry(), past, Some(seed));
        let mut plan = Plan::new("Erase a person");
        organizations::erase(&mut plan, &view, row).map_err(|no| Failure::new(no.message))?;
        Ok((org.clone(), plan))
    };
    members.iter().map(plan).collect()
}

fn carried_out(
    engine: &mut Engine,
    plans: Vec<(String, Plan)>,
    event: Event,
    now: Timestamp,
) -> Result<Vec<String>, Unfit> {
    let actor = Actor {
        via: "cli".into(),
        ..Actor::system()
    };
    let mut records = Vec::new();
    for (org, plan) in plans {
        match engine.operate(actor.clone(), org, &plan, now) {
            Ok(text) => records.push(text),
            Err(Refused::Unfit(unfit)) => return Err(unfit),
            // An operator's plan is folded as it is; nobody is asked.
            Err(Refused::No(_)) => {}
        }
    }
    records.push(engine.system(now, None, vec![event])?);
    Ok(records)
}

/// The address that is meant: given as such, or of the member with a handle.
fn address(state: &State, who: &str) -> Result<String, Failure> {
    if sealed::is_address(who) {
        return Ok(who.to_lowercase());
    }
    let handle = who.trim_start_matches('@');
    let rows = state.table::<Member>().into_iter().flat_map(table::Table::rows);
    let mut found: Vec<&String> = rows
        .filter(|row| row.handle == handle)
        .filter_map(|row| row.email.as_ref())
        .collect();
    found.sort_unstable();
    found.dedup();
    match found.as_slice() {
        [one] => Ok(one.to_lowercase()),
        [] => Err(Failure::new(format!("no member `{who}` has a mail address")).hint("name the address itself")),
        _ => Err(
            Failure::new(format!("`{who}` is in several organisations, with several addresses"))
                .hint("name the address itself"),
        ),
    }
}

fn members(state: &State, address: &str) -> Vec<(String, Row<Member>)> {
    let rows = state.table::<Member>().into_iter().flat_map(table::Table::rows);
    let theirs = rows.filter(|row| row.email.as_ref().is_some_and(|email| email.to_lowercase() == address));
    theirs.map(|row| (row.org.clone(), Row::clone(row))).collect()
}

/// How many records hold an address as earlier versions wrote it.
fn plain(journal: &journal::Journal, address: &str) -> Result<u64, Failure> {
    let mut count = 0;
    for line in journal.read(1)? {
        count += u64::from(line?.text.to_lowercase().contains(address));
    }
    Ok(count)
}

fn recheck(args: &DataArg) -> Outcome {
    let (dir, opened) = open(args)?;
    let all = erased(&opened.journal)?;
    opened.close()?;
    let ring = Ring::open(&dir.subjects())?;
    let mut again = 0;
    for erasure in all {
        if erasure.destroy(&ring)? {
            erasure.complete(&ring, &dir.projections())?;
            again += 1;
        }
    }
    note(&format!(
        "{again} keys of erased people were there again, and are destroyed"
    ));
    Ok(())
}
