//! How things stood: a read, the state as a whole, what was seen, what changed.

use std::sync::Arc;

use journal::Log;
use serde_json::{Value, json};

use super::super::{Failure, Outcome, print, progress, token::people};
use crate::audit::Behind;
use crate::audit::travel::{self, Difference, Machine, Stretches, When};
use crate::kernel::engine::Call;
use crate::kernel::sealed;
use crate::kernel::text::count;
use crate::kernel::{Caller, Registry, Snapshot};

struct There {
    registry: Arc<Registry>,
    machine: Machine,
}

impl There {
    fn new(kept: Stretches) -> Self {
        let registry = Arc::new(crate::data::registry());
        let machine = Machine::new(&registry).keeping(kept);
        Self { registry, machine }
    }

    fn state(&self, log: &Arc<dyn Log>, when: Option<When>) -> Result<Snapshot, Failure> {
        if when.is_some_and(|when| when.is_ahead(crate::data::now())) {
            return Err(Failure {
                code: 2,
                ..Failure::new("that hour has not come yet")
            });
        }
        let position = when.unwrap_or(When::Position(log.durable())).position(log.as_ref())?;
        let bar = progress::records(position);
        let state = self.machine.at(log.as_ref(), position, &mut |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        })?;
        bar.finish_and_clear();
        Ok(state)
    }
}

pub(super) fn call(
    (log, kept): (&Arc<dyn Log>, Stretches),
    when: Option<When>,
    call: &[String],
    member: Option<&str>,
) -> Outcome {
    let there = There::new(kept);
    let state = there.state(log, when)?;
    let args = super::arguments(call.get(1))?;
    let tool = call.first().map(String::as_str).unwrap_or_default();
    let caller = caller(&state, member)?;
    let now = when.map_or(state.at, |when| when.hour(&state));
    let call = Call {
        caller,
        tool: tool.to_owned(),
        args,
    };
    let said = travel::call_then(&there.registry, &Behind::new(log), &state, &call, now);
    let said = said.map_err(|no| Failure {
        hint: no.hint.clone(),
        ..Failure::new(format!("{}: {}", no.code, no.message))
    })?;
    print(&serde_json::to_string_pretty(&said)?);
    Ok(())
}

/// A member of that time; the first owner, where none is named.
fn caller(state: &Snapshot, member: Option<&str>) -> Result<Caller, Failure> {
    let Some(member) = member else {
        let (org, member) = people::owner(state, None)?;
        return Ok(super::super::operator::caller(org, member));
    };
    let row = people::member(state, member)?;
    Ok(Caller {
        kind: row.actor_kind(),
        sponsor: row.sponsor,
        ..super::super::operator::caller(row.org.clone(), row.id)
    })
}

pub(super) fn show((log, kept): (&Arc<dyn Log>, Stretches), seq: u64, as_json: bool) -> Outcome {
    let there = There::new(kept);
    let bar = progress::records(seq);
    let shown = travel::show(&there.registry, log, &there.machine, seq, &mut |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    if as_json {
        print(&serde_json::to_string(&shown)?);
    } else {
        print(&serde_json::to_string_pretty(&shown.answer)?);
    }
    if shown.proven {
        super::super::note(&format!(
            "this is what was seen: its digest is the recorded one, {}",
            shown.recorded
        ));
        return Ok(());
    }
    if sealed::is_in(&shown.answer.to_string()) {
        return Err(Failure::new(
            "somebody in this was erased since: what was seen held what is sealed here",
        ));
    }
    Err(
        Failure::new("this is not what was seen: the recorded digest is another one")
            .hint("`orkestra replay --check` tells whether the rules have changed since, or something else is wrong"),
    )
}

pub(super) fn state((log, kept): (&Arc<dyn Log>, Stretches), when: Option<When>, as_json: bool) -> Outcome {
    let state = There::new(kept).state(log, when)?;
    let kinds: serde_json::Map<String, Value> = state
        .kinds()
        .map(|(kind, table)| (kind.to_owned(), json!(table.keep_all().count())))
        .collect();
    let pending: Vec<Value> = state
        .actions
        .pending()
        .map(|action| {
            json!({"id": action.id.to_string(), "tool": action.tool, "proposer": action.proposer, "proposedAt": action.proposed_at,
                "expiresAt": action.expires_at, "risk": action.risk, "policy": action.policy})
        })
        .collect();
    let digest = state.digest()?;
    if as_json {
        let all = json!({"position": state.position, "at": state.at, "digest": digest, "entities": kinds, "pending": pending});
        print(&all.to_string());
        return Ok(());
    }
    print(&format!("position {} at {}\nstate {digest}", state.position, state.at));
    for (kind, number) in &kinds {
        print(&format!("  {number:>8} {kind}"));
    }
    print(&format!("{} pending", count(pending.len(), "action")));
    for action in state.actions.pending() {
        let by = action.proposer.principal_id.as_deref().unwrap_or("the system");
        print(&format!(
            "  {}  {:<22} until {}  by {by}",
            action.id, action.tool, action.expires_at
        ));
    }
    Ok(())
}

pub(super) fn diff(log: &Arc<dyn Log>, (from, to): (u64, u64), as_json: bool) -> Outcome {
    let found = travel::difference(log.as_ref(), from, to)?;
    if as_json {
        print(&serde_json::to_string(&found)?);
        return Ok(());
    }
    let Difference { entities, .. } = &found;
    print(&format!(
        "from {from} to {to}: {} otherwise",
        count(entities.len(), "thing")
    ));
    for entity in entities {
        print(&format!("{} {} {}", entity.what, entity.entity, entity.id));
        for (name, side) in &entity.fields {
            let text = |side: Option<&serde_json::value::RawValue>| side.map_or("–", |text| text.get()).to_owned();
            print(&format!(
                "  {name}: {} → {}",
                crate::kernel::text::clip(&text(side.from.as_deref()), 80),
                crate::kernel::text::clip(&text(side.to.as_deref()), 80)
            ));
        }
    }
    Ok(())
}
