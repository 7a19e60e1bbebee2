//! Which tasks: named or found at the preview, and from then on frozen.

use std::sync::Arc;

use projections::{Digest, Id};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::kernel::arg::{Int, List, Str};
use crate::kernel::{Ref, Rejection, Row, View, json as canonical, proposal};
use crate::modules::tasks::{Task, filtered};

/// Most tasks of one operation.
pub const TASKS_MAX: usize = 500;

/// The arguments that name the tasks.
pub struct Selection<'s> {
    /// By name.
    pub tasks: Option<&'s List<Ref<Task>, 1, 500>>,
    /// By what they are like.
    pub query: Option<&'s Str<1, 1000>>,
    /// How many there must be.
    pub expected: Option<Int<1, 500>>,
}

/// One task as the preview found it: its version, and the digest of what was to be done to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Frozen {
    /// The task.
    pub task: Id<Task>,
    /// Its version then.
    pub version: u64,
    /// What was to be done.
    pub digest: Option<Digest>,
}

/// The tasks of an operation. At the confirmation they are those of the preview, whatever the query would find today.
pub fn frozen(view: &View<'_>, selection: &Selection<'_>) -> Result<Vec<Frozen>, Rejection> {
    if let Some(known) = previewed(view)? {
        return Ok(known);
    }
    let rows = match (selection.tasks, selection.query) {
        (Some(tasks), None) => named(view, tasks)?,
        (None, Some(query)) => found(view, query)?,
        _ => {
            return Err(Rejection::argument(
                "tasks",
                "or query must be given: exactly one of the two",
            ));
        }
    };
    if let Some(Int(expected)) = selection.expected
        && usize::try_from(expected).ok() != Some(rows.len())
    {
        return Err(Rejection::new(
            "count_mismatch",
            format!("{} tasks match now, and {expected} were expected", rows.len()),
        )
        .field("expectedCount")
        .current(json!({"count": rows.len()}))
        .hint("look at what matches with list_tasks, then call with the right number"));
    }
    let freeze = |row: &Arc<Row<Task>>| Frozen {
        task: row.id,
        version: row.version,
        digest: None,
    };
    Ok(rows.into_iter().map(freeze).collect())
}

/// What the preview of this action froze; `None` while it is being made.
fn previewed(view: &View<'_>) -> Result<Option<Vec<Frozen>>, Rejection> {
    let Some(action) = view.action().and_then(|id| view.state.actions.get(id)) else {
        return Ok(None);
    };
    let plan = proposal::plan(view.past, action)?;
    let frozen = plan.pointer("/details/frozen").cloned().unwrap_or_default();
    Ok(canonical::typed(&frozen).ok())
}

fn named<'a>(view: &View<'a>, tasks: &[Ref<Task>]) -> Result<Vec<&'a Arc<Row<Task>>>, Rejection> {
    let mut rows: Vec<&Arc<Row<Task>>> = Vec::with_capacity(tasks.len());
    let mut seen = std::collections::BTreeSet::new();
    for task in tasks {
        let row = view.resolve(task)?;
        if seen.insert(row.id) {
            rows.push(row);
        }
    }
    Ok(rows)
}

fn found<'a>(view: &View<'a>, query: &str) -> Result<Vec<&'a Arc<Row<Task>>>, Rejection> {
    let unreadable = |no: Rejection| match no.code.as_ref() {
        "validation_failed" | "unknown_argument" => bad_query(&no.message),
        _ => no.field("query"),
    };
    let mut rows = filtered(terms(query)?, view).map_err(unreadable)?;
    rows.sort_by_key(|row| (row.project, row.number));
    if rows.len() > TASKS_MAX {
        return Err(Rejection::new(
            "too_many",
            format!("{} tasks match, and one operation takes {TASKS_MAX}", rows.len()),
        )
        .field("query")
        .current(json!({"count": rows.len(), "limit": TASKS_MAX}))
        .hint("narrow the query, and do it in several operations"));
    }
    Ok(rows)
}

/// What a query may say: the filters of `list_tasks`.
const FIELDS: [(&str, &str, bool); 14] = [
    ("project", "project", false),
    ("state", "state", true),
    ("category", "category", true),
    ("assignee", "assignee", false),
    ("reporter", "reporter", false),
    ("type", "type", true),
    ("priority", "priority", true),
    ("label", "labels", true),
    ("parent", "parent", false),
    ("dueFrom", "dueFrom", false),
    ("dueTo", "dueTo", false),
    ("overdue", "overdue", false),
    ("updatedSince", "updatedSince", false),
    ("q", "q", false),
];

fn bad_query(why: &str) -> Rejection {
    Rejection::new("bad_query", format!("the query cannot be read: {why}"))
        .field("query")
        .allowed(FIELDS.map(|(name, ..)| name))
        .hint("write field:value terms, for example project:OPS state:\"To do\" label:bug, and words to find in titles")
}

/// `project:OPS state:"To do" door` as arguments of `list_tasks`.
fn terms(query: &str) -> Result<Map<String, Value>, Rejection> {
    let (mut args, mut words) = (Map::new(), Vec::new());
    for (field, value) in split(query)? {
        let Some(field) = field else {
            words.push(value);
            continue;
        };
        let known = FIELDS.iter().find(|(name, ..)| *name == field);
        let (_, name, many) = known.ok_or_else(|| bad_query(&format!("there is no field `{field}`")))?;
        if *many {
            let list = args.entry(*name).or_insert_with(|| json!([]));
            if let Value::Array(list) = list {
                list.push(value.into());
            }
        } else if args.insert((*name).to_owned(), value.into()).is_some() {
            return Err(bad_query(&format!("`{field}` stands twice")));
        }
    }
    if !words.is_empty() {
        args.insert("q".to_owned(), words.join(" ").into());
    }
    Ok(args)
}

type Term = (Option<String>, String);

fn split(query: &str) -> Result<Vec<Term>, Rejection> {
    let (mut terms, mut field, mut word, mut quoted) = (Vec::new(), None, String::new(), false);
    for letter in query.chars().chain([' ']) {
        match letter {
            '"' => quoted = !quoted,
            ':' if !quoted && field.is_none() && !word.is_empty() => field = Some(std::mem::take(&mut word)),
            letter if letter.is_whitespace() && !quoted => {
                if field.is_some() && word.is_empty() {
                    return Err(bad_query(&format!("`{}` has no value", field.unwrap_or_default())));
                }
                if !word.is_empty() {
                    terms.push((field.take(), std::mem::take(&mut word)));
                }
            }
            letter => word.push(letter),
        }
    }
    if quoted {
        return Err(bad_query("a quotation mark is not closed"));
    }
    Ok(terms)
}
