//! Looking at what stands below a task.

use std::sync::Arc;

use serde_json::{Value, json};

use super::entity::Task;
use super::read::shown;
use crate::args;
use crate::kernel::arg::{In, Int, List, PageArgs};
use crate::kernel::listing::{Item, Listing};
use crate::kernel::{Ref, Rejection, Row, View};
use crate::modules::workflows::{Category, State};

args! {
    /// Arguments of `list_subtasks`.
    pub struct ListSubtasks {
        /// The task.
        task: Ref<Task>,
        /// How deep.
        depth: Int<1, 5> = Int(1),
        /// In states of these categories.
        category: Option<List<Category, 0, 5>>,
        page: In<PageArgs>,
    }
}

/// `list_subtasks`.
pub fn list(args: ListSubtasks, view: &View<'_>) -> Result<Value, Rejection> {
    let row = view.resolve(&args.task)?;
    let mut items = Vec::new();
    collect(view, row, 1, args.depth.size(), &mut items);
    if let Some(wanted) = &args.category {
        items.retain(|item| {
            item.get("category")
                .and_then(Value::as_str)
                .and_then(Category::of)
                .is_some_and(|category| wanted.contains(&category))
        });
    }
    let columns = [
        "id",
        "key",
        "title",
        "state",
        "category",
        "assignees",
        "depth",
        "path",
        "progress",
    ];
    Listing::new(view, &args.page, &columns, "path").answer(items)
}

fn collect(view: &View<'_>, row: &Row<Task>, depth: usize, most: usize, items: &mut Vec<Item>) {
    if depth > most {
        return;
    }
    for child in view
        .find::<Task>("parent", &row.id.to_string())
        .filter(|task| task.deleted_at.is_none())
    {
        let mut item = shown(view, child);
        let (done, total) = progress(view, child, 0);
        item.insert("depth".to_owned(), depth.into());
        item.insert(
            "path".to_owned(),
            format!("{}{}", "  ".repeat(depth), child.human_key()).into(),
        );
        item.insert("progress".to_owned(), json!({"done": done, "total": total}));
        items.push(item);
        collect(view, child, depth + 1, most, items);
    }
}

/// Done and all tasks of a branch, the task itself included.
fn progress(view: &View<'_>, row: &Row<Task>, depth: usize) -> (usize, usize) {
    let own = usize::from(
        view.get(row.state)
            .is_some_and(|state: &Arc<Row<State>>| state.category.is_final()),
    );
    if depth > 5 {
        return (own, 1);
    }
    let children = view
        .find::<Task>("parent", &row.id.to_string())
        .filter(|task| task.deleted_at.is_none());
    children
        .map(|child| progress(view, child, depth + 1))
        .fold((own, 1), |(done, all), (more, total)| (done + more, all + total))
}
