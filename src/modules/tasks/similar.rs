//! Tasks that a new one may repeat, shown before it is made.

use std::collections::BTreeMap;
use std::sync::Arc;

use projections::Id;
use serde_json::{Value, json};

use super::entity::Task;
use crate::kernel::words::{self, Known};
use crate::kernel::{Row, View, text};
use crate::modules::projects::Project;

/// Words of a new title that are looked up, the rarest first.
const SIMILAR_WORDS_MAX: usize = 4;
/// Places of the index that are looked at for each. A word that fewer than half as many tasks say is looked up wholly.
const SIMILAR_PLACES_MAX: usize = 128;
/// Tasks that are compared with the title.
const SIMILAR_TASKS_MAX: usize = 16;
/// Titles must be more alike than this.
const SIMILAR_LEAST: f64 = 0.88;

/// The up to three tasks of a project with the most similar titles, among the newest that share a rare word: a preview must
/// not take longer because the project, or the organisation, is large.
pub(super) fn similar(view: &View<'_>, project: &Row<Project>, title: &str) -> Value {
    let wanted = text::Likeness::to(text::fold(title));
    // The key of each task of the project begins so, and keys stand in titles. A project with tasks keeps its key.
    let Some(key) = known(view, &words::tokens(&project.key))
        .into_iter()
        .collect::<Option<Vec<Known>>>()
    else {
        return Value::Array(Vec::new());
    };
    let mut near: BTreeMap<Id<Task>, (Option<f64>, &Row<Task>)> = BTreeMap::new();
    for word in rarest(view, title) {
        if near.len() == SIMILAR_TASKS_MAX {
            break;
        }
        let words: Vec<Known> = [word].into_iter().chain(key.iter().copied()).collect();
        let alive = |task: &&Arc<Row<Task>>| task.project == project.id && task.deleted_at.is_none();
        let found = view.glance::<Task>(&words, SIMILAR_PLACES_MAX).filter(alive);
        for task in found.take(SIMILAR_TASKS_MAX.saturating_sub(near.len())) {
            near.entry(task.id)
                .or_insert_with(|| (wanted.above(&text::fold(&task.title), SIMILAR_LEAST), task));
        }
    }
    let near = near.into_values().filter_map(|(score, task)| Some((score?, task)));
    let mut near: Vec<(f64, &Row<Task>)> = near.collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.number.cmp(&b.1.number)));
    near.truncate(3);
    near.into_iter()
        .map(|(_, task)| json!({"key": task.human_key(), "title": task.title}))
        .collect()
}

/// The words of a title that some task says, those that the fewest say first.
fn rarest(view: &View<'_>, title: &str) -> Vec<Known> {
    let words = words::tokens(title);
    let mut said: Vec<(Known, &String)> = known(view, &words)
        .into_iter()
        .zip(&words)
        .filter_map(|(known, word)| Some((known?, word)))
        .collect();
    said.sort_unstable_by_key(|(known, word)| (known.rows, *word));
    said.dedup_by_key(|(_, word)| *word);
    said.truncate(SIMILAR_WORDS_MAX);
    said.into_iter().map(|(known, _)| known).collect()
}

/// Which of some words tasks of the organisation say.
fn known(view: &View<'_>, words: &[String]) -> Vec<Option<Known>> {
    let table = view.state.table::<Task>();
    words.iter().map(|word| table?.known(&view.caller.org, word)).collect()
}
