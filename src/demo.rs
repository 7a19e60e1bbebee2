//! `--demo`: a believable organisation, made through the same tools that agents use.

mod data;

use jiff::ToSpan as _;
use projections::ActorKind;
use serde_json::{Value, json};

use crate::kernel::identity::{Member, MemberStatus};
use crate::kernel::table::Table;
use crate::kernel::{Caller, Rejection};
use crate::processor::Handle;
use data::{COMMENTS, LABELS, PEOPLE, PROJECTS, TASKS, WAYS};

/// Makes the demo organisation in the owner's name. `progress` hears of every step; there are about 160.
///
/// # Errors
/// What a tool refused; what was made before stays.
pub async fn fill(handle: &Handle, owner: &Caller, progress: &dyn Fn()) -> Result<(), Rejection> {
    let does = async |tool: &str, args: Value| {
        progress();
        carry_out(handle, owner, tool, args).await
    };
    let mut invites: Vec<Value> = PEOPLE
        .iter()
        .map(|(email, role)| json!({"email": email, "role": role}))
        .collect();
    invites.push(json!({"email": "scout", "kind": "agent", "sponsor": "@owner"}));
    does(
        "manage_organization",
        json!({"op": "invite_members", "invites": invites}),
    )
    .await?;
    let asked = handle.snapshot();
    let members = asked.table::<Member>().into_iter().flat_map(Table::rows);
    for row in members.filter(|row| row.status == MemberStatus::Invited) {
        handle.join(owner, row.id).await?;
    }
    for (name, color, group) in LABELS {
        does("create_label", json!({"name": name, "color": color, "group": group})).await?;
    }
    for (key, name, description, lead) in PROJECTS {
        let members = json!([{"member": "@ben"}, {"member": "@dora"}, {"member": "@carla"}, {"member": "@scout"}]);
        let args = json!({"key": key, "name": name, "description": description, "lead": lead, "members": members});
        does("create_project", args).await?;
    }
    let today = jiff::tz::TimeZone::UTC.to_datetime(handle.now()).date();
    for (number, (project, title, who, label, priority, _)) in (0_i64..).zip(TASKS) {
        let mut args = json!({"project": project, "title": title, "labels": [label], "priority": priority});
        if let (Some(args), false) = (args.as_object_mut(), who.is_empty()) {
            args.insert("assignees".to_owned(), json!([format!("@{who}")]));
            let due = today.checked_add((number % 25 - 3).days()).unwrap_or(today);
            args.insert("dueDate".to_owned(), json!(due));
        }
        does("create_task", args).await?;
    }
    stand(&does).await?;
    for (task, body) in COMMENTS {
        does("add_task_comment", json!({"task": task, "body": body})).await?;
    }
    let parts = json!([{"title": "Small pictures for lists"}, {"title": "Large ones only when asked for"}]);
    does("create_subtasks", json!({"parent": "WEB-11", "items": parts})).await?;
    Ok(())
}

/// Moves every task to where it stands.
async fn stand(does: &impl AsyncFn(&str, Value) -> Result<(), Rejection>) -> Result<(), Rejection> {
    let mut counts = [("WEB", 0), ("WHM", 0)];
    for (project, .., state) in TASKS {
        let number = counts
            .iter_mut()
            .find(|(key, _)| *key == project)
            .map_or(0, |(_, count)| {
                *count += 1;
                *count
            });
        let way = WAYS.iter().find(|(to, _)| *to == state).map_or(&[][..], |(_, way)| way);
        for to in way {
            does("move_task", json!({"task": format!("{project}-{number}"), "to": to})).await?;
        }
    }
    Ok(())
}

/// Proposes and confirms.
async fn carry_out(handle: &Handle, owner: &Caller, tool: &str, args: Value) -> Result<(), Rejection> {
    let args = args.as_object().cloned().unwrap_or_default();
    let pending = handle.call(owner.clone(), tool, args).await?;
    let mut confirm = serde_json::Map::new();
    for name in ["actionId", "confirmToken"] {
        confirm.insert(name.to_owned(), pending.get(name).cloned().unwrap_or_default());
    }
    handle.call(owner.clone(), "confirm_action", confirm).await.map(drop)
}

/// The owner as the demo's author.
pub fn author(org: String, member: projections::Id<Member>) -> Caller {
    Caller {
        org,
        member,
        kind: ActorKind::Human,
        sponsor: None,
        token: None,
        client: Some("demo".to_owned()),
        via: "cli",
        trace: None,
    }
}
