//! Looking at a workflow.

use serde_json::{Value, json};

use super::entity::{states_of, workflow_of};
use super::guards;
use crate::args;
use crate::kernel::arg::{In, ReadArgs};
use crate::kernel::listing;
use crate::kernel::tool::object;
use crate::kernel::{Ref, Rejection, View};
use crate::modules::projects::Project;
use crate::modules::tasks::Task;

args! {
    /// Arguments of `get_workflow`.
    pub struct GetWorkflow {
        /// Else the default.
        project: Option<Ref<Project>>,
        read: In<ReadArgs>,
    }
}

/// `get_workflow`.
pub fn get(args: GetWorkflow, view: &View<'_>) -> Result<Value, Rejection> {
    let project = args
        .project
        .as_ref()
        .map(|reference| view.resolve(reference))
        .transpose()?;
    let workflow = workflow_of(view, project.map(AsRef::as_ref))?;
    let states = states_of(view, workflow.id);
    let name = |id: projections::Id<super::State>| {
        states
            .iter()
            .find(|state| state.id == id)
            .map_or_else(|| id.to_string(), |state| state.name.clone())
    };
    let counted = |id: &str| {
        view.find::<Task>("state", id)
            .filter(|task| task.deleted_at.is_none() && project.is_none_or(|row| row.id == task.project))
            .count()
    };
    let shown: Vec<Value> = states
        .iter()
        .map(|state| {
            let id = state.id.to_string();
            json!({
                "id": id, "name": state.name, "category": state.category, "color": state.color, "initial": state.initial,
                "wipLimit": state.wip_limit, "tasks": counted(&id), "description": state.description,
            })
        })
        .collect();
    let transitions: Vec<Value> = workflow
        .transitions
        .iter()
        .map(|one| {
            let from: Vec<String> = one.from.iter().map(|id| name(*id)).collect();
            let posts: Vec<String> = one.post.iter().map(|post| guards::post_in_words(view, post)).collect();
            json!({
                "name": one.name, "from": if from.is_empty() { vec!["any".to_owned()] } else { from }, "to": name(one.to),
                "guards": one.guards.iter().map(|guard| guards::in_words(view, guard)).collect::<Vec<_>>(),
                "requiredFields": one.required_fields, "roles": guards::role_names(view, &one.roles), "post": posts,
            })
        })
        .collect();
    let item = object(json!({
        "id": workflow.id.to_string(), "name": workflow.name, "inherited": workflow.project.is_none(), "version": workflow.version,
        "states": shown, "transitions": transitions,
    }));
    listing::item(view, &args.read, item, &["catalogue"], |part| {
        Ok((part == "catalogue")
            .then(|| json!({"guards": guards::catalogue(&guards::GUARDS), "posts": guards::catalogue(&guards::POSTS)})))
    })
}
