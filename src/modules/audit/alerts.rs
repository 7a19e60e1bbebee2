//! Alerts: listing them, and saying what came of them.

use std::sync::Arc;

use projections::Id;
use serde_json::{Value, json};

use super::detectors::detector;
use super::entity::{Alert, AlertKind, AlertStatus, Severity};
use super::seeing;
use super::veil::BROWSER;
use crate::args;
use crate::kernel::arg::{In, PageArgs, Str, UpdateArgs};
use crate::kernel::authority::rights_of;
use crate::kernel::identity::{Member, MemberStatus};
use crate::kernel::listing::{Item, Listing};
use crate::kernel::tool::object;
use crate::kernel::{Plan, Ref, Rejection, Row, Undo, View};
use crate::modules::workflows::moves::who;

args! {
    /// Arguments of `list_audit_alerts`.
    pub struct ListAlerts {
        /// Those that stand so.
        status: Option<AlertStatus>,
        /// Of this severity.
        severity: Option<Severity>,
        /// Such as mass_delete.
        kind: Option<Str<1, 40>>,
        page: In<PageArgs>,
    }
}

args! {
    /// Arguments of `resolve_audit_alert`.
    pub struct ResolveAlert {
        /// The alert.
        alert: Ref<Alert>,
        /// Where it stands now.
        status: AlertStatus,
        /// What was found, in words.
        note: Str<3, 2000>,
        /// Who looks at it.
        assignee: Option<Ref<Member>>,
        write: In<UpdateArgs>,
    }
}

/// What a listed alert shows.
pub const COLUMNS: [&str; 12] = [
    "id",
    "kind",
    "severity",
    "status",
    "summary",
    "evidenceCount",
    "nextStep",
    "about",
    "assignee",
    "note",
    "lastAt",
    "untrusted",
];

/// Records of the evidence that a preview shows.
const SHOWN_MAX: usize = 10;

/// `list_audit_alerts`.
pub fn list(args: ListAlerts, view: &View<'_>) -> Result<Value, Rejection> {
    let kind = args.kind.as_ref().map(|word| known(word)).transpose()?;
    let fits = |row: &&Arc<Row<Alert>>| {
        args.status.is_none_or(|status| row.status == status)
            && args.severity.is_none_or(|severity| row.severity == severity)
            && kind.is_none_or(|kind| row.kind == kind)
    };
    let items = listed(view).filter(fits).map(|row| shown(view, row)).collect();
    let mut listing = Listing::new(view, &args.page, &COLUMNS, "-lastAt");
    if let Some(kind) = kind.filter(|kind| detector(*kind).is_none()) {
        listing = listing.notice(format!("nothing raises {kind} yet: its module is not here"));
    }
    listing.answer(items)
}

/// The organisation's alerts; who browses sees that they are there, and not what was noted.
fn listed<'a>(view: &View<'a>) -> impl Iterator<Item = &'a Arc<Row<Alert>>> {
    let (org, browses) = (view.caller.org.clone(), view.rights.allow(BROWSER));
    let seen = (!browses).then(|| view.rows::<Alert>());
    let all = view.state.table::<Alert>().filter(|_| browses);
    let all = all.into_iter().flat_map(crate::kernel::table::Table::rows);
    seen.into_iter().flatten().chain(all.filter(move |row| row.org == org))
}

fn known(word: &str) -> Result<AlertKind, Rejection> {
    AlertKind::of(word).ok_or_else(|| {
        let rule = format!("must be a kind of alert, not `{word}`");
        Rejection::argument("kind", rule).allowed(AlertKind::WORDS.to_vec())
    })
}

fn shown(view: &View<'_>, row: &Row<Alert>) -> Item {
    let about: Vec<String> = row.about.iter().map(|member| who(view, *member)).collect();
    let next = match row.status {
        AlertStatus::Open | AlertStatus::Acknowledged => detector(row.kind).map(|detector| detector.next_step),
        AlertStatus::Resolved | AlertStatus::FalsePositive => None,
    };
    let is_open = view.rights.allow(seeing::AUDITOR) || row.assignee == Some(view.caller.member);
    object(json!({
        "id": row.id.to_string(),
        "kind": row.kind,
        "severity": row.severity,
        "status": row.status,
        "summary": row.summary,
        "evidenceCount": row.events,
        "evidence": row.evidence,
        "nextStep": next,
        "rule": detector(row.kind).map(|detector| detector.rule),
        "about": about,
        "assignee": row.assignee.map(|member| who(view, member)),
        "note": row.note.as_ref().filter(|_| is_open),
        "times": row.times,
        "firstAt": row.first_at,
        "lastAt": row.last_at,
        "version": row.version,
        // The note, and what a summary names.
        "untrusted": true,
    }))
}

/// `resolve_audit_alert`.
pub fn resolve(args: ResolveAlert, view: &View<'_>) -> Result<Plan, Rejection> {
    let row = view.resolve(&args.alert)?;
    Plan::expect(view, row, args.write.expected_version)?;
    let closes = matches!(args.status, AlertStatus::Resolved | AlertStatus::FalsePositive);
    if closes {
        others_actions(view, row)?;
    }
    if args.note.chars().filter(|letter| letter.is_alphanumeric()).count() < 3 {
        return Err(Rejection::new("note_required", "a note must say what was found")
            .field("note")
            .hint("say in a sentence what happened and what was done about it"));
    }
    let assignee = args.assignee.as_ref().map(|member| auditor(view, member)).transpose()?;
    let event = if closes {
        "audit.alert_resolved"
    } else if args.status == AlertStatus::Acknowledged {
        "audit.alert_acknowledged"
    } else {
        "audit.alert_raised"
    };
    let mut plan = Plan::new(format!("{} the alert \"{}\"", verb(args.status), row.summary));
    let changed = plan.edit(event, row, |alert| {
        alert.status = args.status;
        alert.note = Some(args.note.0);
        alert.assignee = assignee.or(alert.assignee);
    })?;
    plan.undo = Undo::Never("an alert is evidence; resolve_audit_alert reopens it");
    // Raising it again must make the offer stale, even where the version is not looked at: nobody has seen that evidence.
    plan.require("times", row.times);
    plan.detail("evidence", evidence(view, row)?);
    plan.detail("earlier", earlier(view, row));
    if args.status == AlertStatus::FalsePositive {
        let rule = detector(row.kind).map_or("nothing raises this kind yet", |detector| detector.rule);
        plan.detail("threshold", format!("stays as it is: {rule}"));
    }
    plan.result = json!({
        "id": row.id.to_string(),
        "kind": row.kind,
        "status": args.status,
        "assignee": plan.after(row).assignee.map(|member| who(view, member)),
        "version": row.version + u64::from(changed),
    });
    Ok(plan)
}

const fn verb(status: AlertStatus) -> &'static str {
    match status {
        AlertStatus::Open => "Reopen",
        AlertStatus::Acknowledged => "Acknowledge",
        AlertStatus::Resolved => "Resolve",
        AlertStatus::FalsePositive => "Dismiss as a false positive",
    }
}

/// Refuses an agent that would close an alert about itself or about the member it acts for.
fn others_actions(view: &View<'_>, row: &Row<Alert>) -> Result<(), Rejection> {
    let own = |member: &Id<Member>| *member == view.caller.member || Some(*member) == view.caller.sponsor;
    if view.caller.is_human() || !row.about.iter().any(own) {
        return Ok(());
    }
    Err(Rejection::new(
        "own_actions",
        "an agent cannot close an alert about itself or its sponsor",
    )
    .hint("acknowledge it with what you know, and ask a human to close it"))
}

/// Somebody who may look at alerts.
fn auditor(view: &View<'_>, reference: &Ref<Member>) -> Result<Id<Member>, Rejection> {
    let row = view.resolve(reference)?;
    let may = rights_of(view.state, row, view.now).allow(seeing::AUDITOR);
    if row.status == MemberStatus::Active && may {
        return Ok(row.id);
    }
    let rule = format!(
        "must be active and may read the log, and @{} is not or may not",
        row.handle
    );
    Err(Rejection::argument("assignee", rule))
}

/// The newest records of the evidence: when, who, what.
fn evidence(view: &View<'_>, row: &Row<Alert>) -> Result<Value, Rejection> {
    let mut first = Vec::new();
    for seq in row.evidence.iter().rev().take(SHOWN_MAX) {
        let Some(text) = view.past.record(*seq)? else { continue };
        first.push(seeing::read(*seq, &text, |record| {
            let mut types: Vec<&str> = record.events.iter().map(|entry| entry.name.as_ref()).collect();
            types.dedup();
            types.truncate(SHOWN_MAX);
            let who = seeing::actor(view, &record.actor);
            Ok(json!({"record": seq, "at": record.at, "actor": who, "types": types}))
        })?);
    }
    Ok(json!({"summary": row.summary, "events": row.events, "records": row.evidence.len(), "newest": first}))
}

/// Other alerts of the kind: how many, how they ended, the newest.
fn earlier(view: &View<'_>, row: &Row<Alert>) -> Value {
    let same: Vec<&Arc<Row<Alert>>> = view
        .rows::<Alert>()
        .filter(|other| other.kind == row.kind && other.id < row.id)
        .collect();
    let ended = |status: AlertStatus| same.iter().filter(|other| other.status == status).count();
    let newest: Vec<&str> = same.iter().rev().take(3).map(|other| other.summary.as_str()).collect();
    json!({
        "count": same.len(),
        "resolved": ended(AlertStatus::Resolved),
        "falsePositive": ended(AlertStatus::FalsePositive),
        "newest": newest,
    })
}
