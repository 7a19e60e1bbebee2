//! Creating, changing and deleting rules.

pub(super) mod check;

use projections::Id;
use serde_json::{Value, json};

use super::entity::{Limits, OnFailure, Rule, Tally, tally};
use super::{actions, conditions, facts, foresight, strike, trigger};
use crate::args;
use crate::kernel::arg::{Clear, In, JsonObject, List, Str, UpdateArgs, WriteArgs};
use crate::kernel::identity::Member;
use crate::kernel::{Plan, Ref, Rejection, Row, View};
use crate::modules::projects::{Project, writable};

args! {
    /// Arguments of `create_automation_rule`.
    pub struct CreateRule {
        /// Its name.
        name: Str<1, 120>,
        /// Else of the whole organisation.
        project: Option<Ref<Project>>,
        /// {kind: event, eventTypes, filter} | {kind: schedule, cron} | {kind: date_reached, field, offsetDays, at}.
        trigger: JsonObject,
        /// {all|any: [...]}, {not}, {field, op, value} or {cel}.
        conditions: Option<JsonObject>,
        /// {kind, params} each; list_automation_rules catalogue: true shows them.
        actions: List<JsonObject, 1, 10>,
        /// maxRunsPerHour, maxChainDepth, maxTargetsPerRun, dedupeWindow.
        limits: Option<JsonObject>,
        /// When an action is refused.
        on_failure: OnFailure = OnFailure::Stop,
        /// Whether it runs.
        enabled: bool = true,
        write: In<WriteArgs>,
    }
}

/// `create_automation_rule`.
pub fn create(args: CreateRule, view: &View<'_>) -> Result<Plan, Rejection> {
    let project = args.project.as_ref().map(|project| view.resolve(project)).transpose()?;
    project.map_or(Ok(()), |project| writable(project))?;
    let mut rule = Rule {
        name: args.name.0,
        project: project.map(|project| project.id),
        enabled: args.enabled,
        trigger: trigger::read(&args.trigger.0, view)?,
        conditions: args.conditions.map(|tree| Value::Object(tree.0)),
        limits: check::limits(args.limits.as_ref(), Limits::default())?,
        on_failure: args.on_failure,
        owner: view.caller.member,
        saved_under: check::saved_under(view, "create_automation_rule")?,
        ..Rule::default()
    };
    let given: Vec<_> = args.actions.0.into_iter().map(|action| action.0).collect();
    rule.actions = actions::read(&given, &rule.trigger, view)?;
    let id = view.new_id::<Rule>();
    check::all(view, id, &rule)?;
    let mut plan = Plan::new(format!("Create the rule \"{}\": {}", rule.name, in_words(view, &rule)));
    describe(&mut plan, view, id, &rule)?;
    let mut counted = Tally {
        rule: id,
        ..Tally::default()
    };
    strike::begin(&rule, view.now, &mut counted);
    plan.result = json!({"id": id.to_string(), "name": rule.name, "enabled": rule.enabled, "version": 1});
    plan.create("automation.rule_created", id, rule)?;
    plan.create("automation.rule_created", view.new_id::<Tally>(), counted)?;
    Ok(plan)
}

args! {
    /// Arguments of `update_automation_rule`.
    pub struct UpdateRule {
        /// The rule.
        rule: Ref<Rule>,
        /// Its name.
        name: Option<Str<1, 120>>,
        /// Pause or resume it.
        enabled: Option<bool>,
        /// As in create_automation_rule; whole.
        trigger: Option<JsonObject>,
        /// Whole; null for none.
        conditions: Option<Clear<JsonObject>>,
        /// All of them.
        actions: Option<List<JsonObject, 1, 10>>,
        /// Those that change.
        limits: Option<JsonObject>,
        /// When an action is refused.
        on_failure: Option<OnFailure>,
        /// In whose name it runs; @me to take it over.
        owner: Option<Ref<Member>>,
        write: In<UpdateArgs>,
    }
}

/// `update_automation_rule`.
pub fn update(args: UpdateRule, view: &View<'_>) -> Result<Plan, Rejection> {
    let row = view.resolve(&args.rule)?;
    Plan::expect(view, row, args.write.expected_version)?;
    let mut rule = row.entity.clone();
    if let Some(owner) = &args.owner {
        rule.owner = view.resolve(owner)?.id;
    }
    check::may_change(
        view,
        row,
        &rule,
        args.trigger.is_some() || args.conditions.is_some() || args.actions.is_some(),
    )?;
    if let Some(name) = args.name {
        rule.name = name.0;
    }
    if let Some(given) = &args.trigger {
        rule.trigger = trigger::read(&given.0, view)?;
    }
    if let Some(tree) = &args.conditions {
        rule.conditions = tree.as_value().map(|tree| Value::Object(tree.0.clone()));
    }
    if let Some(given) = args.actions {
        let given: Vec<_> = given.0.into_iter().map(|action| action.0).collect();
        rule.actions = actions::read(&given, &rule.trigger, view)?;
    } else if args.trigger.is_some() {
        check::actions_again(view, &rule)?;
    }
    rule.limits = check::limits(args.limits.as_ref(), rule.limits)?;
    rule.on_failure = args.on_failure.unwrap_or(rule.on_failure);
    rule.saved_under = check::saved_under(view, "update_automation_rule")?;
    let enabled = args.enabled.unwrap_or(row.enabled);
    let id = row.id;
    check::all(
        view,
        id,
        &Rule {
            enabled,
            ..rule.clone()
        },
    )?;
    let mut plan = Plan::new(format!("Change the rule \"{}\": {}", row.name, in_words(view, &rule)));
    plan.edit("automation.rule_updated", row, |edited| *edited = rule.clone())?;
    let event = if enabled {
        "automation.rule_enabled"
    } else {
        "automation.rule_disabled"
    };
    plan.edit(event, row, |edited| {
        edited.enabled = enabled;
        edited.disabled_why = edited.disabled_why.take().filter(|_| !enabled);
    })?;
    if plan.is_noop() {
        return Ok(plan);
    }
    let after = plan.after(row);
    if let Some(tally) = tally(view.state, &row.org, id)
        && (after.trigger != row.trigger || after.enabled != row.enabled)
    {
        // Starting anew: what came while it was paused is not made up for, nor does it count what it was paused for.
        let resumes = after.enabled && !row.enabled;
        plan.edit("automation.rule_updated", &tally, |tally| {
            strike::begin(&after, view.now, tally);
            if resumes {
                tally.throttled.clear();
                tally.failing = false;
            }
        })?;
    }
    describe(&mut plan, view, id, &after)?;
    if view.is_shown {
        plan.detail(
            "before",
            json!({"rule": in_words(view, row), "last30Days": foresight::replay(view, row)?}),
        );
    }
    if enabled && !row.enabled {
        plan.cascades
            .push("what happened while it was paused is not made up for".to_owned());
    }
    plan.result = json!({"id": id.to_string(), "name": after.name, "enabled": after.enabled});
    Ok(plan)
}

args! {
    /// Arguments of `delete_automation_rule`.
    pub struct DeleteRule {
        /// The rule.
        rule: Ref<Rule>,
        write: In<UpdateArgs>,
    }
}

/// `delete_automation_rule`.
pub fn delete(args: DeleteRule, view: &View<'_>) -> Result<Plan, Rejection> {
    let row = view.resolve(&args.rule)?;
    Plan::expect(view, row, args.write.expected_version)?;
    let mut plan = Plan::new(format!("Delete the rule \"{}\"", row.name));
    let counted = tally(view.state, &row.org, row.id);
    let (runs, failures) = counted
        .as_ref()
        .map_or((0, 0), |tally| super::read::week(tally, view.now));
    let owed = view
        .state
        .debts
        .iter()
        .filter(|debt| debt.by == row.id.to_string())
        .count();
    plan.detail("stops", in_words(view, row));
    plan.detail("lastWeek", json!({"runs": runs, "failures": failures}));
    plan.detail("inFlight", owed);
    plan.detail("history", "its runs stay in the journal and in the audit log");
    // Its tally and runs stay, out of sight: a rule that runs all the time could not be deleted if they were part of the plan.
    plan.remove("automation.rule_deleted", row)?;
    plan.result = json!({"id": row.id.to_string(), "name": row.name});
    Ok(plan)
}

/// What the previews of both ways to save a rule show.
fn describe(plan: &mut Plan, view: &View<'_>, id: Id<Rule>, rule: &Rule) -> Result<(), Rejection> {
    for cycle in check::cycles(view, id, rule) {
        plan.warn(format!("these rules set each other off: {}; a chain is stopped where a rule meets the same thing again, and after five reactions", cycle.in_words()));
    }
    if !view.is_shown {
        return Ok(());
    }
    plan.detail("rule", in_words(view, rule));
    plan.detail("last30Days", foresight::replay(view, rule)?);
    plan.detail("rights", check::rights_used(view, rule));
    plan.detail("notifiedPerWeek", 0);
    Ok(())
}

/// A rule in one sentence.
pub fn in_words(view: &View<'_>, rule: &Rule) -> String {
    let variables = facts::variables(view, &rule.trigger);
    let tree = rule
        .conditions
        .as_ref()
        .and_then(|tree| conditions::read(tree, &variables).ok());
    let conditions = tree.map(|tree| format!(", if {}", tree.in_words())).unwrap_or_default();
    let does: Vec<String> = rule.actions.iter().map(actions::in_words).collect();
    let place = rule
        .project
        .and_then(|id| view.get(id))
        .map(|row: &std::sync::Arc<Row<Project>>| format!(" in {}", row.key));
    format!(
        "{}{}{conditions}: {}",
        rule.trigger.in_words(),
        place.unwrap_or_default(),
        does.join(", then ")
    )
}
