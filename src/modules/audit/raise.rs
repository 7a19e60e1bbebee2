//! Raising an alert: a new one, an open one that goes on, or one that somebody has looked at and that opens again.

use std::sync::Arc;

use projections::{Actor, Id};

use super::alarm::{Alarm, add_to, spent};
use super::entity::{Alert, AlertStatus, SUBJECT, subject};
use crate::kernel::engine::Refused;
use crate::kernel::{Engine, Plan, Rejection, Row, State};
use jiff::Timestamp;

/// Records that an alert keeps as its evidence, the newest.
const EVIDENCE_MAX: usize = 200;

/// Raises an alert in the name of the system; the text of its record. `None` where all of the evidence is another alert's
/// already.
///
/// # Errors
/// [`Refused`] where the state does not take it.
pub fn raise(engine: &mut Engine, alarm: &Alarm, now: Timestamp) -> Result<Option<String>, Refused> {
    let plan = planned(engine.state(), alarm)?;
    if plan.is_noop() {
        return Ok(None);
    }
    engine.operate(Actor::system(), alarm.org.clone(), &plan, now).map(Some)
}

fn planned(state: &State, alarm: &Alarm) -> Result<Plan, Rejection> {
    let mut plan = Plan::new("Raise an alert");
    raise_in(&mut plan, state, alarm)?;
    Ok(plan)
}

/// Raises an alert together with what a plan does.
///
/// # Errors
/// `unavailable` where it cannot be written.
pub fn raise_in(plan: &mut Plan, state: &State, alarm: &Alarm) -> Result<(), Rejection> {
    let Some(who) = alarm.about.first() else {
        return Ok(());
    };
    let key = subject(alarm.kind, *who);
    let known: Vec<&Arc<Row<Alert>>> = state
        .table::<Alert>()
        .into_iter()
        .flat_map(|table| table.find(&alarm.org, SUBJECT, &key))
        .collect();
    let spent = spent(&alarm.org, alarm.kind, *who, state);
    let mut fresh = alarm.clone();
    fresh.evidence.retain(|seq, _| *seq > spent);
    let Some((newest, _)) = fresh.evidence.last_key_value() else {
        return Ok(());
    };
    // What was found to be nothing stays so; when it happens again, somebody looks again.
    let again = known
        .iter()
        .rev()
        .find(|alert| alert.status != AlertStatus::FalsePositive);
    if let Some(alert) = again {
        plan.edit("audit.alert_raised", alert, |row| raised_again(row, &fresh))?;
    } else {
        let seed = format!("{key}|{newest}");
        let id = Id::derive(alarm.last_at, seed.as_bytes());
        plan.create("audit.alert_raised", id, raised(&fresh))?;
    }
    Ok(())
}

fn raised(alarm: &Alarm) -> Alert {
    Alert {
        kind: alarm.kind,
        severity: alarm.severity,
        status: AlertStatus::Open,
        summary: alarm.summary.clone(),
        about: alarm.about.clone(),
        evidence: newest(alarm.evidence.keys().copied().collect()),
        events: alarm.evidence.values().sum(),
        times: 1,
        first_at: Some(alarm.first_at),
        last_at: Some(alarm.last_at),
        assignee: None,
        note: None,
    }
}

fn raised_again(row: &mut Alert, alarm: &Alarm) {
    // Also an acknowledged one: somebody it is about may have acknowledged it, and nobody has seen what is new.
    row.status = AlertStatus::Open;
    row.summary.clone_from(&alarm.summary);
    add_to(&mut row.about, alarm.about.iter().copied());
    let mut evidence = std::mem::take(&mut row.evidence);
    evidence.extend(alarm.evidence.keys());
    row.evidence = newest(evidence);
    row.events += alarm.evidence.values().sum::<u64>();
    row.times += 1;
    row.last_at = Some(alarm.last_at);
}

fn newest(mut evidence: Vec<u64>) -> Vec<u64> {
    let surplus = evidence.len().saturating_sub(EVIDENCE_MAX);
    evidence.drain(..surplus);
    evidence
}
