//! The tools of labels.

use std::sync::Arc;

use projections::Id;
use serde_json::{Value, json};

use super::entity::Label;
use crate::args;
use crate::kernel::arg::{In, PageArgs, Str, WriteArgs};
use crate::kernel::entity::NAMES;
use crate::kernel::listing::Listing;
use crate::kernel::tool::object;
use crate::kernel::{Plan, Ref, Rejection, Row, View, text};
use crate::modules::projects::{Project, writable};
use crate::modules::tasks::Task;

args! {
    /// Arguments of `list_labels`.
    pub struct ListLabels {
        /// With its own labels.
        project: Option<Ref<Project>>,
        /// Of this group.
        group: Option<Str<1, 50>>,
        /// Words in the name.
        q: Option<Str<1, 50>>,
        /// Those that nothing uses.
        unused: Option<bool>,
        page: In<PageArgs>,
    }
}

/// What a listed label shows.
pub const COLUMNS: [&str; 6] = ["id", "name", "color", "group", "scope", "usage"];

/// `list_labels`.
pub fn list(args: ListLabels, view: &View<'_>) -> Result<Value, Rejection> {
    let project = args
        .project
        .as_ref()
        .map(|reference| view.resolve(reference))
        .transpose()?
        .map(|row| row.id);
    let words = args.q.as_ref().map(|q| text::fold(q));
    let usage = |row: &Row<Label>| {
        view.find::<Task>("label", &row.id.to_string())
            .filter(|task| task.deleted_at.is_none())
            .count()
    };
    let fits = |row: &&Arc<Row<Label>>| {
        project.is_none_or(|project| row.project.is_none_or(|of| of == project))
            && args
                .group
                .as_ref()
                .is_none_or(|group| row.group.as_deref() == Some(group))
            && words
                .as_ref()
                .is_none_or(|words| text::fold(&row.name).contains(words.as_str()))
            && args.unused.is_none_or(|unused| unused == (usage(row) == 0))
    };
    let shown = |row: &Arc<Row<Label>>| {
        let scope = row
            .project
            .and_then(|id| view.get(id))
            .map_or_else(|| "organization".to_owned(), |project| project.key.clone());
        object(json!({
            "id": row.id.to_string(), "name": row.name, "color": row.color, "group": row.group, "exclusive": row.exclusive,
            "scope": scope, "description": row.description, "aliases": row.aliases, "usage": usage(row), "version": row.version,
        }))
    };
    let items = view.rows::<Label>().filter(fits).map(shown).collect();
    Listing::new(view, &args.page, &COLUMNS, "name").answer(items)
}

args! {
    /// Arguments of `create_label`.
    pub struct CreateLabel {
        /// Its name.
        name: Str<1, 50>,
        /// Its project; the whole organisation where left out.
        project: Option<Ref<Project>>,
        /// `#rgb` or `#rrggbb`.
        color: Option<Str<4, 7>>,
        /// The group it belongs to.
        group: Option<Str<1, 50>>,
        /// Whether a task may have only one of the group.
        exclusive: bool = false,
        /// What it is for.
        description: Option<Str<0, 300>>,
        write: In<WriteArgs>,
    }
}

/// `create_label`.
pub fn create(args: CreateLabel, view: &View<'_>) -> Result<Plan, Rejection> {
    let project = args
        .project
        .as_ref()
        .map(|reference| view.resolve(reference))
        .transpose()?;
    project.map_or(Ok(()), |project| writable(project))?;
    check_color(args.color.as_deref())?;
    if args.exclusive && args.group.is_none() {
        return Err(Rejection::argument("group", "is required where exclusive is true"));
    }
    let scope = project.map(|row| row.id);
    free_name(view, scope, &args.name, None)?;
    let known: Vec<String> = view.rows::<Label>().map(|row| row.name.clone()).collect();
    let id = view.new_id::<Label>();
    let mut plan = Plan::new(format!("Create label \"{}\"", args.name.0));
    plan.detail(
        "nearest",
        text::nearest(&args.name, known.iter().map(String::as_str), 3),
    );
    plan.result = json!({"id": id.to_string(), "name": args.name.0, "version": 1});
    plan.create(
        "label.created",
        id,
        Label {
            name: args.name.0,
            color: args.color.map(|color| color.0),
            group: args.group.map(|group| group.0),
            exclusive: args.exclusive,
            project: scope,
            description: args.description.map(|text| text.0).unwrap_or_default(),
            aliases: Vec::new(),
        },
    )?;
    Ok(plan)
}

/// Refuses a name that another label has in the scope, or in the organisation.
pub fn free_name(
    view: &View<'_>,
    scope: Option<Id<Project>>,
    name: &str,
    own: Option<Id<Label>>,
) -> Result<(), Rejection> {
    let taken = view
        .find::<Label>(NAMES, &text::fold(name))
        .find(|row| Some(row.id) != own && (row.project == scope || row.project.is_none()));
    match taken {
        Some(taken) => Err(
            Rejection::new("name_taken", format!("there is a label `{}` already", taken.name))
                .field("name")
                .current(json!({"id": taken.id.to_string(), "name": taken.name}))
                .hint("use that one, or another name"),
        ),
        None => Ok(()),
    }
}

/// Refuses what is not a colour.
pub fn check_color(color: Option<&str>) -> Result<(), Rejection> {
    match color.filter(|color| !is_color(color)) {
        Some(color) => Err(Rejection::argument(
            "color",
            format!("must be #rgb or #rrggbb, not `{color}`"),
        )),
        None => Ok(()),
    }
}

fn is_color(text: &str) -> bool {
    let digits = text.strip_prefix('#').unwrap_or_default();
    matches!(digits.len(), 3 | 6) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}
