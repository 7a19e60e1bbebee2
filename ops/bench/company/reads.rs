//! What agents read: each kind with arguments that differ from call to call.

use serde_json::{Value, json};

use super::goods::{item, warehouse};
use super::make::{TASKS_PER_PROJECT, person, task};
use super::maker::{title, word};

/// What it is called, the tool, and its arguments from a number and how many tasks there are.
pub type Read = (&'static str, &'static str, fn(u64, u64) -> Value);

fn project(number: u64, tasks: u64) -> String {
    format!("P{}", number % tasks.div_ceil(TASKS_PER_PROJECT) + 1)
}

/// Every kind of read, in turn.
pub const READS: [Read; 14] = [
    (
        "get_task",
        "get_task",
        |number, tasks| json!({"task": task(number % tasks)}),
    ),
    (
        "list_tasks of a project",
        "list_tasks",
        |number, tasks| json!({"project": project(number, tasks)}),
    ),
    (
        "list_tasks of somebody, by due date",
        "list_tasks",
        |number, _| json!({"assignee": person(number), "sort": "dueDate"}),
    ),
    (
        "list_tasks, urgent, of a project",
        "list_tasks",
        |number, tasks| json!({"project": project(number, tasks), "priority": ["urgent"], "sort": "-updatedAt"}),
    ),
    (
        "list_tasks, with a count",
        "list_tasks",
        |number, tasks| json!({"project": project(number, tasks), "count": "exact"}),
    ),
    (
        "search for one word",
        "search",
        |number, _| json!({"q": word(number % 1600)}),
    ),
    (
        "search for two words",
        "search",
        |number, _| json!({"q": format!("{} {}", word(number % 1600), word((number >> 11) % 1600))}),
    ),
    (
        "search for a title",
        "search",
        |number, tasks| json!({"q": title(number % tasks), "types": ["task"]}),
    ),
    (
        "get_stock_item",
        "get_stock_item",
        |number, _| json!({"item": item(number)}),
    ),
    (
        "list_stock_items of a warehouse",
        "list_stock_items",
        |number, _| json!({"location": warehouse(number)}),
    ),
    (
        "list_stock_items that are short",
        "list_stock_items",
        |number, _| json!({"below": "min", "category": word(number % 20)}),
    ),
    (
        "get_stock_report of movements",
        "get_stock_report",
        |number, _| json!({"report": "movements", "item": item(number)}),
    ),
    (
        "get_stock_report of all value",
        "get_stock_report",
        |_, _| json!({"report": "valuation"}),
    ),
    (
        "get_stock_report, what to order",
        "get_stock_report",
        |number, _| json!({"report": "reorder", "location": warehouse(number)}),
    ),
];
