//! Five hundred tasks at once: what a preview and a confirmation are waited for, and the same for undoing it.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use super::make::TASKS_PER_PROJECT;
use super::wire::{Server, Wire};

/// Rounds, each with tasks of another project.
const ROUNDS: u64 = 5;

/// What it is called, the tool, and its arguments for half of the tasks of a project.
type Bulk = (&'static str, &'static str, fn(&str) -> Value);

const BULKS: [Bulk; 4] = [
    (
        "move, by query",
        "bulk_move_tasks",
        |project| json!({"query": format!("project = {project} and priority in (urgent, high)"), "toState": "To do"}),
    ),
    ("move, by key", "bulk_move_tasks", |project| {
        let keys: Vec<String> = (1..=500).map(|number| format!("{project}-{number}")).collect();
        json!({"tasks": keys, "toState": "In progress", "mode": "best_effort"})
    }),
    ("assign, to who has least", "bulk_assign_tasks", |project| {
        let people: Vec<String> = (0..40).map(|number| format!("@p{number}")).collect();
        json!({"query": format!("project = {project} and priority in (urgent, low)"), "distribute": "least_loaded", "among": people})
    }),
    (
        "delete, by query",
        "bulk_delete_tasks",
        |project| json!({"query": format!("project = {project} and priority in (medium, low)"), "expectedCount": 500}),
    ),
];

/// Milliseconds that a call is waited for, and what it says.
async fn asked(wire: &mut Wire, tool: &str, args: &Value) -> (f64, Value) {
    let begun = Instant::now();
    wire.call(tool, args).await;
    (begun.elapsed().as_secs_f64() * 1e3, wire.said())
}

/// Proposes and confirms; milliseconds of both, and the action.
async fn done(wire: &mut Wire, tool: &str, args: &Value) -> ([f64; 2], Value) {
    let (preview, pending) = asked(wire, tool, args).await;
    let action = pending["actionId"].clone();
    let confirm = json!({"actionId": action, "confirmToken": pending["confirmToken"]});
    let (confirmed, receipt) = asked(wire, "confirm_action", &confirm).await;
    assert_eq!(receipt["status"], "succeeded", "{tool}: {pending} {receipt}");
    ([preview, confirmed], action)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Every tool, with undoing what it did.
pub async fn bulk(server: &Arc<Server>, tasks: u64) {
    let mut wire = Wire::open(server, 0).await;
    let projects = tasks.div_ceil(TASKS_PER_PROJECT);
    for (what, tool, args) in BULKS {
        let mut times = [const { Vec::new() }; 4];
        for round in 0..ROUNDS {
            let project = format!("P{}", (projects - 1 - round % (projects - 1)).max(1));
            let (there, action) = done(&mut wire, tool, &args(&project)).await;
            let (back, _) = done(&mut wire, "undo_action", &json!({"actionId": action})).await;
            for (times, time) in times.iter_mut().zip(there.into_iter().chain(back)) {
                times.push(time);
            }
        }
        let [preview, confirm, undo, undone] = times.map(median);
        println!(
            "500 tasks: {what:<26} preview {preview:>6.1} ms  confirm {confirm:>6.1} ms (bar 300 each)  undo {undo:>6.1} and {undone:>6.1} ms"
        );
    }
}
