//! Tasks that a new one may repeat, shown before it is made.

use std::collections::BTreeMap;
use std::sync::Arc;

use projections::Id;
use serde_json::{Value, json};

use super::entity::Task;
use crate::kernel::words::{self, Part, Term};
use crate::kernel::{Row, View, text};
use crate::modules::projects::Project;

/// Words of a new title that are looked up, the rarest first, and tasks that are compared with it.
const SIMILAR_WORDS_MAX: usize = 4;
const SIMILAR_TASKS_MAX: usize = 16;

/// The up to three tasks of a project with the most similar titles, among the newest that share a rare word: a preview must
/// not take longer because the project is large.
pub(super) fn similar(view: &View<'_>, project: &Row<Project>, title: &str) -> Value {
    let wanted = text::fold(title);
    let table = view.state.table::<Task>();
    let mut asked: Vec<(usize, String)> = words::tokens(title)
        .into_iter()
        .map(|word| (table.map_or(0, |table| table.rows_with(&view.caller.org, &word)), word))
        .filter(|(rows, _)| *rows > 0)
        .collect();
    asked.sort_unstable();
    asked.dedup();
    let mut near: BTreeMap<Id<Task>, (f64, &Row<Task>)> = BTreeMap::new();
    for (_, word) in asked.into_iter().take(SIMILAR_WORDS_MAX) {
        let term = [Term { word, prefix: false }];
        let alive = |task: &&Arc<Row<Task>>| task.project == project.id && task.deleted_at.is_none();
        let found = view.search::<Task>(&term, Part::Title, None).filter(alive);
        for task in found.take(SIMILAR_TASKS_MAX.saturating_sub(near.len())) {
            near.entry(task.id)
                .or_insert_with(|| (text::likeness(&wanted, &text::fold(&task.title)), task));
        }
    }
    let mut near: Vec<(f64, &Row<Task>)> = near.into_values().filter(|(score, _)| *score > 0.88).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.number.cmp(&b.1.number)));
    near.truncate(3);
    near.into_iter()
        .map(|(_, task)| json!({"key": task.human_key(), "title": task.title}))
        .collect()
}
