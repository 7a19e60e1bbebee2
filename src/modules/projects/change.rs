//! Changing a project and who is in it.

use projections::Id;
use serde_json::{Value, json};

use super::create::{active, check_dates, check_key, who_sees};
use super::entity::{
    Health, Project, ProjectMember, ProjectRole, ProjectSettings, ProjectStatus, Visibility, writable,
};
use super::read::handle;
use crate::args;
use crate::choice;
use crate::kernel::arg::{Clear, Date, In, JsonObject, List, Md, Str, UpdateArgs};
use crate::kernel::identity::Member;
use crate::kernel::{Plan, Ref, Rejection, Row, View, text};
use crate::modules::projects::create::NewMember;
use crate::modules::tasks::Task;
use crate::modules::workflows::State;

choice! {
    /// What somebody may say of a project's health.
    pub enum SaidHealth {
        /// As planned.
        OnTrack = "on_track",
        /// May not make it.
        AtRisk = "at_risk",
        /// Will not make it.
        OffTrack = "off_track",
    }
}

args! {
    /// Arguments of `update_project`.
    pub struct UpdateProject {
        /// The project.
        project: Ref<Project>,
        /// Its name.
        name: Option<Str<1, 120>>,
        /// Its key; frozen once it has a task.
        key: Option<Str<2, 10>>,
        /// What it is about, Markdown.
        description: Option<Md<16384>>,
        /// Who answers for it; must be a member of it.
        lead: Option<Ref<Member>>,
        /// How far it is.
        status: Option<ProjectStatus>,
        /// How it does.
        health: Option<SaidHealth>,
        /// Why.
        health_note: Option<Md<2000>>,
        /// Who sees it.
        visibility: Option<Visibility>,
        /// First day.
        start_date: Option<Clear<Date>>,
        /// Day it should be done.
        target_date: Option<Clear<Date>>,
        /// Needs module Products.
        product: Option<Clear<Str<1, 200>>>,
        /// Needs module Stock.
        budget: Option<Clear<Str<1, 200>>>,
        /// enforceDependencies, requireEstimate, estimateUnit, defaultAssignee, wikiEnabled, timeTracking.
        settings: Option<JsonObject>,
        write: In<UpdateArgs>,
    }
}

/// `update_project`.
pub fn update(args: UpdateProject, view: &View<'_>) -> Result<Plan, Rejection> {
    if args.product.is_some() {
        return Err(Rejection::not_yet("product", "Products"));
    }
    if args.budget.is_some() {
        return Err(Rejection::not_yet("budget", "Stock"));
    }
    let row = view.resolve(&args.project)?;
    writable(row)?;
    Plan::expect(view, row, args.write.expected_version)?;
    let key = args.key.as_ref().map(|key| new_key(view, row, key)).transpose()?;
    let lead = args.lead.as_ref().map(|lead| new_lead(view, row, lead)).transpose()?;
    let settings = args.settings.map(|given| new_settings(row, given)).transpose()?;
    let mut plan = Plan::new(format!("Change project {}", row.key));
    plan.edit("project.updated", row, |project| {
        set(&mut project.name, args.name.map(|name| name.0));
        set(&mut project.description, args.description.map(|text| text.0));
        set(&mut project.status, args.status);
        set(&mut project.visibility, args.visibility);
        set(
            &mut project.start_date,
            args.start_date.map(|day| day.value().map(|day| day.0)),
        );
        set(
            &mut project.target_date,
            args.target_date.map(|day| day.value().map(|day| day.0)),
        );
        set(&mut project.settings, settings);
        if let Some(key) = key.filter(|key| *key != project.key) {
            project.old_keys.push(std::mem::replace(&mut project.key, key));
        }
        if let Some(lead) = lead {
            become_lead(project, lead);
        }
    })?;
    plan.edit("project.health_changed", row, |project| {
        set(
            &mut project.health,
            args.health.and_then(|said| Health::of(said.word())),
        );
        set(&mut project.health_note, args.health_note.map(|text| text.0));
    })?;
    let after = plan.after(row);
    check_dates(after.start_date.map(Date), after.target_date.map(Date))?;
    explain(&mut plan, view, row, &after);
    plan.result = json!({"id": row.id.to_string(), "key": after.key, "name": after.name});
    Ok(plan)
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn new_key(view: &View<'_>, row: &Row<Project>, key: &str) -> Result<String, Rejection> {
    if key != row.key && row.task_seq > 0 {
        return Err(
            Rejection::new("key_frozen", format!("{} has tasks, so its key stays", row.key))
                .field("key")
                .hint("tasks' keys such as OPS-1 are used elsewhere; change the name instead"),
        );
    }
    check_key(view, key, Some(row.id))
}

fn new_lead(view: &View<'_>, row: &Row<Project>, lead: &Ref<Member>) -> Result<Id<Member>, Rejection> {
    let lead = active(view, lead)?;
    if row.role_of(lead).is_none() {
        let who = handle(view, lead).as_str().unwrap_or_default().to_owned();
        return Err(
            Rejection::new("lead_not_member", format!("{who} is not in project {}", row.key))
                .field("lead")
                .hint("add them first")
                .next(
                    "update_project_members",
                    json!({"project": row.key, "add": [{"member": who}]}),
                ),
        );
    }
    Ok(lead)
}

fn become_lead(project: &mut Project, lead: Id<Member>) {
    for member in &mut project.members {
        if member.member == lead {
            member.role = ProjectRole::Lead;
        } else if member.role == ProjectRole::Lead {
            member.role = ProjectRole::Contributor;
        }
    }
    project.lead = lead;
}

fn new_settings(row: &Row<Project>, given: JsonObject) -> Result<ProjectSettings, Rejection> {
    let mut merged = crate::kernel::tool::object(serde_json::to_value(&row.settings).unwrap_or_default());
    merged.extend(given.0);
    serde_json::from_value(Value::Object(merged)).map_err(|cause| Rejection::argument("settings", cause.to_string()))
}

fn explain(plan: &mut Plan, view: &View<'_>, row: &Row<Project>, after: &Project) {
    if after.visibility != row.visibility {
        plan.detail(
            "visibleTo",
            json!({"before": who_sees(row.visibility), "after": who_sees(after.visibility)}),
        );
    }
    if after.key != row.key {
        plan.cascades.push(format!("the old key {} still leads here", row.key));
    }
    if after.status == ProjectStatus::Completed && row.status != ProjectStatus::Completed {
        let open = open_tasks(view, row.id, None).len();
        if open > 0 {
            plan.warn(format!("{} still open", text::count(open, "task")));
        }
    }
}

/// The open tasks of a project, of one assignee where one is given.
pub fn open_tasks<'a>(
    view: &View<'a>,
    project: Id<Project>,
    of: Option<Id<Member>>,
) -> Vec<&'a std::sync::Arc<Row<Task>>> {
    let open = |task: &&std::sync::Arc<Row<Task>>| {
        let done = view
            .get::<State>(task.state)
            .is_some_and(|state| state.category.is_final());
        task.deleted_at.is_none() && !done && of.is_none_or(|member| task.assignees.contains(&member))
    };
    view.find::<Task>("project", &project.to_string())
        .filter(open)
        .collect()
}

args! {
    /// A member's new role.
    pub struct SetRole {
        /// Who.
        member: Ref<Member>,
        /// lead, contributor or viewer.
        role: ProjectRole,
    }
}

args! {
    /// Arguments of `update_project_members`.
    pub struct UpdateProjectMembers {
        /// The project.
        project: Ref<Project>,
        /// Who comes in.
        add: Option<List<NewMember, 0, 100>>,
        /// Who leaves.
        remove: Option<List<Ref<Member>, 0, 100>>,
        /// Who gets another role.
        set_role: Option<List<SetRole, 0, 100>>,
        /// Who takes over the open tasks of those who leave.
        reassign_to: Option<Ref<Member>>,
        write: In<UpdateArgs>,
    }
}

/// `update_project_members`.
pub fn members(args: UpdateProjectMembers, view: &View<'_>) -> Result<Plan, Rejection> {
    let row = view.resolve(&args.project)?;
    writable(row)?;
    Plan::expect(view, row, args.write.expected_version)?;
    let heir = args.reassign_to.as_ref().map(|heir| active(view, heir)).transpose()?;
    let mut plan = Plan::new(format!("Change who is in project {}", row.key));
    for one in args.add.iter().flat_map(|list| list.iter()) {
        let (member, role) = (active(view, &one.member)?, one.role.unwrap_or_default());
        plan.edit("project.member_added", row, |project| {
            if project.role_of(member).is_none() {
                project.members.push(ProjectMember {
                    member,
                    role: ProjectRole::Contributor,
                });
                assign_role(project, member, role);
            }
        })?;
    }
    for one in args.set_role.iter().flat_map(|list| list.iter()) {
        let (member, role) = (view.resolve(&one.member)?.id, one.role);
        plan.edit("project.member_role_changed", row, |project| {
            assign_role(project, member, role);
        })?;
    }
    for one in args.remove.iter().flat_map(|list| list.iter()) {
        remove(&mut plan, view, row, view.resolve(one)?, heir)?;
    }
    let after = plan.after(row);
    if !after.members.iter().any(|member| member.role == ProjectRole::Lead) {
        return Err(
            Rejection::new("last_lead", format!("project {} would have no lead", row.key))
                .hint("name another lead in setRole in the same call"),
        );
    }
    let people = |project: &Project| -> Vec<Value> {
        project
            .members
            .iter()
            .map(|one| json!({"member": handle(view, one.member), "role": one.role}))
            .collect()
    };
    plan.detail(
        "members",
        json!({"before": people(&row.entity), "after": people(&after)}),
    );
    plan.result = json!({"id": row.id.to_string(), "members": people(&after)});
    Ok(plan)
}

fn assign_role(project: &mut Project, member: Id<Member>, role: ProjectRole) {
    if role == ProjectRole::Lead {
        return become_lead(project, member);
    }
    for known in &mut project.members {
        if known.member == member {
            known.role = role;
        }
    }
}

fn remove(
    plan: &mut Plan,
    view: &View<'_>,
    row: &Row<Project>,
    who: &Row<Member>,
    heir: Option<Id<Member>>,
) -> Result<(), Rejection> {
    let open = open_tasks(view, row.id, Some(who.id));
    if !open.is_empty() && heir.is_none() {
        let keys: Vec<String> = open.iter().take(20).map(|task| task.human_key()).collect();
        return Err(Rejection::new(
            "reassignment_required",
            format!("@{} has {} here", who.handle, text::count(open.len(), "open task")),
        )
        .field("reassignTo")
        .hint("say in reassignTo who takes them over")
        .current(json!({"tasks": keys})));
    }
    for task in open {
        plan.edit("task.assigned", task, |task| {
            task.assignees.retain(|member| *member != who.id);
            if let Some(heir) = heir.filter(|heir| !task.assignees.contains(heir)) {
                task.assignees.push(heir);
            }
        })?;
    }
    plan.edit("project.member_removed", row, |project| {
        project.members.retain(|member| member.member != who.id);
    })?;
    Ok(())
}
