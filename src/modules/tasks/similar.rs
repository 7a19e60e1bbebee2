//! Tasks that a new one may repeat, shown before it is made.

use std::collections::BTreeMap;
use std::sync::Arc;

use projections::Id;
use serde_json::{Value, json};

use super::entity::Task;
use crate::kernel::words::{self, Term};
use crate::kernel::{Row, View, text};
use crate::modules::projects::Project;

/// Words of a new title that are looked up, the rarest first.
const SIMILAR_WORDS_MAX: usize = 4;
/// Places of the index that are looked at for each. A word that fewer than half as many tasks say is looked up wholly.
const SIMILAR_PLACES_MAX: usize = 128;
/// Tasks that are compared with the title.
const SIMILAR_TASKS_MAX: usize = 16;

/// The up to three tasks of a project with the most similar titles, among the newest that share a rare word: a preview must
/// not take longer because the project, or the organisation, is large.
pub(super) fn similar(view: &View<'_>, project: &Row<Project>, title: &str) -> Value {
    let wanted = text::Likeness::to(text::fold(title));
    let whole = |word| Term { word, prefix: false };
    // The key of each task of the project begins so, and keys stand in titles. A project with tasks keeps its key.
    let key: Vec<Term> = words::tokens(&project.key).into_iter().map(whole).collect();
    let mut near: BTreeMap<Id<Task>, (f64, &Row<Task>)> = BTreeMap::new();
    for word in rarest(view, title) {
        let terms: Vec<Term> = [whole(word)].into_iter().chain(key.iter().cloned()).collect();
        let alive = |task: &&Arc<Row<Task>>| task.project == project.id && task.deleted_at.is_none();
        let found = view.glance::<Task>(&terms, SIMILAR_PLACES_MAX).filter(alive);
        for task in found.take(SIMILAR_TASKS_MAX.saturating_sub(near.len())) {
            near.entry(task.id)
                .or_insert_with(|| (wanted.of(&text::fold(&task.title)), task));
        }
    }
    let mut near: Vec<(f64, &Row<Task>)> = near.into_values().filter(|(score, _)| *score > 0.88).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.number.cmp(&b.1.number)));
    near.truncate(3);
    near.into_iter()
        .map(|(_, task)| json!({"key": task.human_key(), "title": task.title}))
        .collect()
}

/// The words of a title that some task says, those that the fewest say first.
fn rarest(view: &View<'_>, title: &str) -> Vec<String> {
    let table = view.state.table::<Task>();
    let rows = |word: &String| table.map_or(0, |table| table.rows_with(&view.caller.org, word));
    let mut asked: Vec<(usize, String)> = words::tokens(title)
        .into_iter()
        .map(|word| (rows(&word), word))
        .filter(|(rows, _)| *rows > 0)
        .collect();
    asked.sort_unstable();
    asked.dedup();
    asked.truncate(SIMILAR_WORDS_MAX);
    asked.into_iter().map(|(_, word)| word).collect()
}
