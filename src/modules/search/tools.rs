//! `find_tools` and `resolve_references`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::kernel::arg::{Int, List, Str};
use crate::kernel::reference::candidate;
use crate::kernel::{AnyRef, Ref, Rejection, Tool, ToolKind, View, listing, text};
use crate::modules::projects::Project;
use crate::{args, choice};

choice! {
    /// Kinds of tools.
    pub enum FindableKind {
        /// Answers.
        Read = "read",
        /// Proposes a change.
        Write = "write",
        /// Proposes a light change.
        Light = "light",
        /// Authority, secrets, outside reach.
        Sensitive = "sensitive",
        /// Hides or removes.
        Destructive = "destructive",
        /// Many at once.
        Bulk = "bulk",
    }
}

args! {
    /// Arguments of `find_tools`.
    pub struct FindTools {
        /// What you want to do.
        intent: Str<3, 300>,
        /// Of this module.
        module: Option<Str<1, 64>>,
        /// Of this kind.
        kind: Option<FindableKind>,
        /// At most.
        limit: Int<1, 20> = Int(8),
        /// With full input schemas.
        schemas: bool = true,
    }
}

/// Words that say nothing about what is meant.
pub const SILENT: [&str; 24] = [
    "a", "an", "the", "to", "of", "in", "on", "for", "and", "or", "with", "i", "want", "my", "me", "all", "this",
    "that", "it", "is", "how", "do", "can", "please",
];

fn words(given: &str) -> BTreeSet<String> {
    let folded = text::fold(given);
    let parts = folded
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| word.len() > 1 && !SILENT.contains(word));
    parts
        .map(|word| {
            word.strip_suffix('s')
                .filter(|stem| stem.len() > 2)
                .unwrap_or(word)
                .to_owned()
        })
        .collect()
}

/// How well a tool fits: its name counts most, then what it says of itself, its module, its arguments.
fn score(tool: &Tool, wanted: &BTreeSet<String>) -> u32 {
    let name = words(&tool.name.replace('_', " "));
    let (doc, module) = (words(tool.doc), words(tool.module));
    let arguments = tool.input.get("properties").and_then(Value::as_object);
    let named: BTreeSet<String> = arguments
        .into_iter()
        .flat_map(|all| all.keys().flat_map(|key| words(key)))
        .collect();
    let points = |word: &String| {
        u32::from(name.contains(word)) * 8
            + u32::from(doc.contains(word)) * 4
            + u32::from(module.contains(word)) * 2
            + u32::from(named.contains(word))
    };
    wanted.iter().map(points).sum()
}

/// `find_tools`.
pub fn find(args: FindTools, view: &View<'_>) -> Result<Value, Rejection> {
    let modules: Vec<&str> = view.registry.modules().iter().map(|(name, ..)| *name).collect();
    if let Some(module) = args.module.as_deref().filter(|module| !modules.contains(module)) {
        return Err(Rejection::not_found("module", module).field("module").allowed(modules));
    }
    let wanted = words(&args.intent);
    let fits = |tool: &&Tool| {
        args.module.as_ref().is_none_or(|module| tool.module == module.0)
            && args
                .kind
                .is_none_or(|kind| ToolKind::of(kind.word()) == Some(tool.kind))
    };
    let mut found: Vec<(u32, usize, &Tool)> = view
        .registry
        .tools()
        .iter()
        .filter(fits)
        .enumerate()
        .map(|(place, tool)| (score(tool, &wanted), place, tool))
        .collect();
    found.retain(|(score, ..)| *score > 0);
    found.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    found.truncate(args.limit.size());
    let items: Vec<Value> = found
        .iter()
        .map(|(_, _, tool)| shown(view, tool, args.schemas))
        .collect();
    let notices = if items.is_empty() {
        vec!["nothing fits; try other words, or GET /v1/tools".to_owned()]
    } else {
        Vec::new()
    };
    Ok(listing::finish(
        view,
        json!({"items": items, "page": {"nextCursor": null, "hasMore": false}}),
        notices,
    ))
}

fn shown(view: &View<'_>, tool: &Tool, schemas: bool) -> Value {
    let mut item = json!({
        "name": tool.name, "module": tool.module, "kind": tool.kind, "description": tool.doc,
        "callable": crate::kernel::engine::admit(view.state, view.caller, tool, view.now).is_ok(),
        "address": format!("/mcp/x/{}", tool.module),
    });
    if let (true, Value::Object(members)) = (schemas, &mut item) {
        members.insert("inputSchema".to_owned(), Value::Object((*tool.input).clone()));
    }
    item
}

choice! {
    /// Kinds of things that names may mean.
    pub enum ResolvableType {
        /// A task.
        Task = "task",
        /// A wiki page.
        Page = "page",
        /// A project.
        Project = "project",
        /// A member.
        Member = "member",
        /// A team.
        Team = "team",
        /// A label.
        Label = "label",
        /// A state.
        State = "state",
        /// A sprint.
        Sprint = "sprint",
        /// A milestone.
        Milestone = "milestone",
        /// A goal.
        Goal = "goal",
        /// A product.
        Product = "product",
        /// A stock item.
        Item = "item",
        /// A stock location.
        Location = "location",
        /// A contact.
        Contact = "contact",
        /// A role.
        Role = "role",
        /// A custom field.
        Field = "field",
        /// A channel.
        Channel = "channel",
    }
}

args! {
    /// Arguments of `resolve_references`.
    pub struct ResolveReferences {
        /// What people call them.
        names: List<Str<1, 200>, 1, 100>,
        /// Of these kinds.
        types: Option<List<ResolvableType, 0, 17>>,
        /// In this project.
        project: Option<Ref<Project>>,
    }
}

/// `resolve_references`.
pub fn resolve(args: ResolveReferences, view: &View<'_>) -> Result<Value, Rejection> {
    let project = args
        .project
        .as_ref()
        .map(|reference| view.resolve(reference))
        .transpose()?
        .map(|row| row.id.to_string());
    let types: Vec<&str> = args
        .types
        .iter()
        .flat_map(|list| list.iter())
        .map(|one| one.word())
        .collect();
    if let Some(missing) = types.iter().find(|kind| view.state.any(kind).is_none()) {
        return Err(Rejection::not_yet("types", missing));
    }
    let belongs = |kind: &str, id: &str| {
        project.as_ref().is_none_or(|project| {
            id == project
                || view
                    .state
                    .any(kind)
                    .is_some_and(|table| table.owned(&view.caller.org, project).iter().any(|one| one.id == id))
        })
    };
    let one = |name: &Str<1, 200>| {
        let found = view.resolve_any(
            &AnyRef {
                text: name.0.clone(),
                path: "names".to_owned(),
            },
            &types,
        );
        match found {
            Ok(label) if belongs(label.kind, &label.id) => {
                json!({"name": name.0, "id": label.id, "type": label.kind, "key": label.key, "label": label.label})
            }
            Ok(_) => json!({"name": name.0, "id": null, "nearest": []}),
            Err(no) if no.code == "ambiguous_reference" => {
                json!({"name": name.0, "id": null, "candidates": no.candidates})
            }
            Err(_) => json!({"name": name.0, "id": null, "nearest": nearest(view, &name.0, &types)}),
        }
    };
    let items: Vec<Value> = args.names.iter().map(one).collect();
    view.take_resolved();
    Ok(listing::finish(
        view,
        json!({"items": items, "page": {"nextCursor": null, "hasMore": false}}),
        Vec::new(),
    ))
}

fn nearest(view: &View<'_>, name: &str, types: &[&str]) -> Value {
    let mut known = Vec::new();
    for (kind, table) in view.state.kinds().filter(|(kind, _)| {
        if types.is_empty() {
            *kind != "token"
        } else {
            types.contains(kind)
        }
    }) {
        let visible = |label: &crate::kernel::Label| view.describe(kind, &label.id).is_some();
        known.extend(
            table
                .names(&view.caller.org, 2_000)
                .into_iter()
                .filter(|(_, label)| visible(label)),
        );
    }
    let near = text::nearest(name, known.iter().map(|(name, _)| name.as_str()), 3);
    let labels = near
        .iter()
        .filter_map(|name| known.iter().find(|(known, _)| known == name));
    labels.map(|(_, label)| json!(candidate(label.clone()))).collect()
}
