//! Raising an alert: a new one, an open one that goes on, or a resolved one that opens again.

use std::sync::Arc;

use projections::{Actor, Id};

use super::entity::{Alert, AlertStatus, SUBJECT, subject};
use super::watch::Alarm;
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
    let Some(who) = alarm.about.first() else {
        return Ok(plan);
    };
    let key = subject(alarm.kind, *who);
    let known: Vec<&Arc<Row<Alert>>> = state
        .table::<Alert>()
        .into_iter()
        .flat_map(|table| table.find(&alarm.org, SUBJECT, &key))
        .collect();
    let spent = known.iter().filter_map(|alert| alert.evidence.last()).max();
    if alarm.evidence.last() <= spent {
        return Ok(plan);
    }
    // What was found to be nothing stays so; when it happens again, somebody looks again.
    let again = known
        .iter()
        .rev()
        .find(|alert| alert.status != AlertStatus::FalsePositive);
    if let Some(alert) = again {
        plan.edit("audit.alert_raised", alert, |row| raised_again(row, alarm))?;
    } else {
        let seed = format!("{key}|{}", alarm.evidence.last().copied().unwrap_or_default());
        let id = Id::derive(alarm.last_at, seed.as_bytes());
        plan.create("audit.alert_raised", id, raised(alarm))?;
    }
    Ok(plan)
}

fn raised(alarm: &Alarm) -> Alert {
    Alert {
        kind: alarm.kind,
        severity: alarm.severity,
        status: AlertStatus::Open,
        summary: alarm.summary.clone(),
        about: alarm.about.clone(),
        evidence: newest(alarm.evidence.clone()),
        events: alarm.events,
        times: 1,
        first_at: Some(alarm.first_at),
        last_at: Some(alarm.last_at),
        assignee: None,
        note: None,
    }
}

fn raised_again(row: &mut Alert, alarm: &Alarm) {
    if row.is_closed() {
        row.status = AlertStatus::Open;
    }
    row.summary.clone_from(&alarm.summary);
    for member in &alarm.about {
        if !row.about.contains(member) {
            row.about.push(*member);
        }
    }
    let mut evidence = std::mem::take(&mut row.evidence);
    evidence.extend(&alarm.evidence);
    row.evidence = newest(evidence);
    row.events += alarm.events;
    row.times += 1;
    row.last_at = Some(alarm.last_at);
}

fn newest(mut evidence: Vec<u64>) -> Vec<u64> {
    let surplus = evidence.len().saturating_sub(EVIDENCE_MAX);
    evidence.drain(..surplus);
    evidence
}
