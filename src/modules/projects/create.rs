//! Creating a project.

use projections::Id;
use serde_json::json;

use super::entity::{Project, ProjectMember, ProjectRole, Visibility};
use crate::args;
use crate::kernel::arg::{Date, In, List, Md, Str, WriteArgs};
use crate::kernel::entity::NAMES;
use crate::kernel::identity::{Member, MemberStatus};
use crate::kernel::{Plan, Ref, Rejection, View, text};
use crate::modules::workflows::{State, Transition, Workflow, states_of, workflow_of};

args! {
    /// One member of a new project.
    pub struct NewMember {
        /// Who.
        member: Ref<Member>,
        /// lead, contributor or viewer.
        role: Option<ProjectRole>,
    }
}

args! {
    /// Arguments of `create_project`.
    pub struct CreateProject {
        /// Its name.
        name: Str<1, 120>,
        /// 2 to 10 capital letters and digits; derived from the name where left out.
        key: Option<Str<2, 10>>,
        /// What it is about, Markdown.
        description: Option<Md<16384>>,
        /// Who answers for it; you, where left out.
        lead: Option<Ref<Member>>,
        /// Who sees it.
        visibility: Visibility = Visibility::Organization,
        /// First day.
        start_date: Option<Date>,
        /// Day it should be done.
        target_date: Option<Date>,
        /// Copy the workflow of this project.
        workflow_from: Option<Ref<Project>>,
        /// Needs module Templates.
        template: Option<Str<1, 200>>,
        /// Needs module Products.
        product: Option<Str<1, 200>>,
        /// Needs module Stock.
        budget: Option<Str<1, 200>>,
        /// Who is in it.
        members: Option<List<NewMember, 0, 100>>,
        write: In<WriteArgs>,
    }
}

/// `create_project`.
pub fn create(args: CreateProject, view: &View<'_>) -> Result<Plan, Rejection> {
    for (given, field, module) in [
        (&args.template, "template", "Templates"),
        (&args.product, "product", "Products"),
        (&args.budget, "budget", "Stock"),
    ] {
        if given.is_some() {
            return Err(Rejection::not_yet(field, module));
        }
    }
    check_dates(args.start_date, args.target_date)?;
    let key = match &args.key {
        Some(key) => check_key(view, key, None)?,
        None => derive_key(view, &args.name),
    };
    let lead = match &args.lead {
        Some(lead) => active(view, lead)?,
        None => view.caller.sponsor.unwrap_or(view.caller.member),
    };
    let id = view.new_id::<Project>();
    let mut project = Project {
        key: key.clone(),
        name: args.name.0.clone(),
        description: args.description.map(|text| text.0).unwrap_or_default(),
        lead,
        visibility: args.visibility,
        start_date: args.start_date.map(|day| day.0),
        target_date: args.target_date.map(|day| day.0),
        ..Project::default()
    };
    project.members = members(view, lead, args.members.as_deref().unwrap_or_default())?;
    let mut plan = Plan::new(format!("Create project {key} \"{}\"", project.name));
    let seen = project.visibility;
    plan.create("project.created", id, project)?;
    let source = args
        .workflow_from
        .as_ref()
        .map(|reference| view.resolve(reference))
        .transpose()?;
    let workflow = workflow_of(view, source.map(AsRef::as_ref))?;
    let states: Vec<String> = states_of(view, workflow.id)
        .iter()
        .map(|state| state.name.clone())
        .collect();
    if source.is_some() {
        copy_workflow(&mut plan, view, workflow, id)?;
    }
    plan.detail("key", &key);
    plan.detail("workflowStates", states);
    plan.detail("visibleTo", who_sees(seen));
    plan.result = json!({"id": id.to_string(), "key": key, "name": args.name.0, "version": 1});
    Ok(plan)
}

/// Who sees a project, in words.
pub fn who_sees(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Organization => "everybody in the organisation but guests",
        Visibility::Members | Visibility::Private => "its members, and auditors",
    }
}

/// Start before end.
pub fn check_dates(start: Option<Date>, end: Option<Date>) -> Result<(), Rejection> {
    match (start, end) {
        (Some(start), Some(end)) if start > end => {
            let message = format!("the first day {} is after the last day {}", start.0, end.0);
            Err(Rejection::new("dates_inverted", message)
                .field("startDate")
                .hint("give a start that is not after the end"))
        }
        _ => Ok(()),
    }
}

/// A member who may take part.
pub fn active(view: &View<'_>, reference: &Ref<Member>) -> Result<Id<Member>, Rejection> {
    let row = view.resolve(reference)?;
    if row.status == MemberStatus::Active {
        return Ok(row.id);
    }
    Err(
        Rejection::new("member_inactive", format!("@{} is {}", row.handle, row.status))
            .field(reference.path.clone())
            .hint("choose an active member, or reactivate this one"),
    )
}

/// Whether a key has the form and is free; `own` is the project that may have it already.
pub fn check_key(view: &View<'_>, key: &str, own: Option<Id<Project>>) -> Result<String, Rejection> {
    let good = key.starts_with(|c: char| c.is_ascii_uppercase())
        && key.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if !good || !(2..=10).contains(&key.len()) {
        return Err(Rejection::argument(
            "key",
            "must be 2 to 10 capital letters and digits, a letter first, for example OPS",
        ));
    }
    if holder(view, key).is_none_or(|id| Some(id) == own) {
        Ok(key.to_owned())
    } else {
        let free: Vec<String> = (2..)
            .map(|n| suffixed(key, n))
            .filter(|key| holder(view, key).is_none())
            .take(3)
            .collect();
        Err(Rejection::new("key_taken", format!("the key {key} is taken"))
            .field("key")
            .allowed(free)
            .hint("use one of the allowed keys, or another"))
    }
}

/// Keys are unique in the organisation, whether one may see the project or not.
fn holder(view: &View<'_>, key: &str) -> Option<Id<Project>> {
    let table = view.state.table::<Project>()?;
    let mut named = table.find(&view.caller.org, NAMES, &text::fold(key));
    named
        .find(|row| row.key == key || row.old_keys.iter().any(|old| old == key))
        .map(|row| row.id)
}

fn suffixed(key: &str, number: usize) -> String {
    let number = number.to_string();
    let room = 10 - number.len();
    format!("{}{number}", key.chars().take(room).collect::<String>())
}

fn derive_key(view: &View<'_>, name: &str) -> String {
    let plain = text::fold(name).to_ascii_uppercase();
    let letters: String = plain.chars().filter(char::is_ascii_alphanumeric).collect();
    let initials: String = plain
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter_map(|word| word.chars().next())
        .collect();
    let base: String = if initials.len() >= 2 { initials } else { letters }
        .trim_start_matches(|c: char| c.is_ascii_digit())
        .chars()
        .take(4)
        .collect();
    let base = if base.len() < 2 { "PRJ".to_owned() } else { base };
    let mut tries = (2..).map(|n| suffixed(&base, n));
    if holder(view, &base).is_none() {
        base
    } else {
        tries.find(|key| holder(view, key).is_none()).unwrap_or_default()
    }
}

fn members(view: &View<'_>, lead: Id<Member>, given: &[NewMember]) -> Result<Vec<ProjectMember>, Rejection> {
    let mut all = vec![ProjectMember {
        member: lead,
        role: ProjectRole::Lead,
    }];
    let own = view.caller.member;
    if own != lead {
        all.push(ProjectMember {
            member: own,
            role: ProjectRole::Contributor,
        });
    }
    for one in given {
        let member = active(view, &one.member)?;
        let role = one.role.unwrap_or_default();
        match all.iter_mut().find(|known| known.member == member) {
            Some(known) if known.role != ProjectRole::Lead => known.role = role,
            Some(_) => {}
            None => all.push(ProjectMember { member, role }),
        }
    }
    Ok(all)
}

fn copy_workflow(
    plan: &mut Plan,
    view: &View<'_>,
    from: &crate::kernel::Row<Workflow>,
    project: Id<Project>,
) -> Result<(), Rejection> {
    let id = view.new_id::<Workflow>();
    let states = states_of(view, from.id);
    let pairs: Vec<(Id<State>, Id<State>)> = states.iter().map(|state| (state.id, view.new_id::<State>())).collect();
    let new = |old: Id<State>| {
        pairs
            .iter()
            .find(|(known, _)| *known == old)
            .map_or(old, |(_, new)| *new)
    };
    let moved = |one: &Transition| Transition {
        from: one.from.iter().map(|state| new(*state)).collect(),
        to: new(one.to),
        ..one.clone()
    };
    let transitions = from.transitions.iter().map(moved).collect();
    plan.create(
        "workflow.created",
        id,
        Workflow {
            project: Some(project),
            name: from.name.clone(),
            transitions,
            ..Workflow::default()
        },
    )?;
    for state in states {
        plan.create(
            "workflow.state_saved",
            new(state.id),
            State {
                workflow: id,
                ..state.entity.clone()
            },
        )?;
    }
    Ok(())
}
