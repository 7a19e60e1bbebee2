//! `find_similar`: things that say nearly the same.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::found::Found;
use super::tools::SILENT;
use super::words::{Filter, LANDED, Searchable, rows};
use crate::kernel::arg::{Int, List, Str};
use crate::kernel::words::{Part, Term, tokens};
use crate::kernel::{AnyRef, Ref, Rejection, View, listing, text};
use crate::modules::projects::Project;
use crate::{args, choice};

choice! {
    /// What may be a duplicate.
    pub enum Comparable {
        /// Tasks.
        Task = "task",
        /// Wiki pages.
        Page = "page",
        /// Contacts.
        Contact = "contact",
        /// Decisions.
        Decision = "decision",
        /// Risks.
        Risk = "risk",
    }
}

args! {
    /// Arguments of `find_similar`.
    pub struct FindSimilar {
        /// Duplicates of this.
        entity: Option<AnyRef>,
        /// What you are about to create.
        text: Option<Str<3, 2000>>,
        /// Of these kinds.
        types: Option<List<Comparable, 0, 5>>,
        /// In this project.
        project: Option<Ref<Project>>,
        /// At most.
        limit: Int<1, 20> = Int(5),
    }
}

/// Words of the text that are looked up, the longest first.
const WORDS_MAX: usize = 16;
/// Rows that are looked at for each word, the newest first.
const ROWS_PER_WORD_MAX: usize = 200;
/// Rows that are compared.
const COMPARED_MAX: usize = 100;
/// Less alike than this is not shown.
const LEAST: f64 = 0.5;
/// Words with the same first letters count as the same: inflections and slips at the end.
const STEM: usize = 4;

/// A thing that says nearly the same.
pub struct Alike<'a> {
    /// The thing.
    pub found: Found<'a>,
    /// From 0 to 1.
    pub similarity: f64,
    /// The words that both say.
    pub shared: Vec<String>,
}

fn stem(word: &str) -> &str {
    word.char_indices()
        .nth(STEM)
        .and_then(|(at, _)| word.get(..at))
        .unwrap_or(word)
}

/// The words of a text that tell something; all where none does.
fn telling(text: &str) -> BTreeSet<String> {
    let all: BTreeSet<String> = tokens(text).into_iter().collect();
    let some: BTreeSet<String> = all
        .iter()
        .filter(|word| !SILENT.contains(&word.as_str()))
        .cloned()
        .collect();
    if some.is_empty() { all } else { some }
}

/// The visible things nearest to a text, the nearest first; `but` is left out.
pub fn alike<'a>(view: &View<'a>, wanted: &str, filter: &Filter, but: Option<&str>, most: usize) -> Vec<Alike<'a>> {
    let words = telling(wanted);
    let mut asked: Vec<&str> = words.iter().map(|word| stem(word)).collect();
    asked.sort_by_key(|word| (std::cmp::Reverse(word.len()), *word));
    asked.dedup();
    asked.truncate(WORDS_MAX);
    let mut pool: BTreeMap<u128, (f64, Found<'a>)> = BTreeMap::new();
    for word in asked {
        let term = [Term {
            word: word.to_owned(),
            prefix: word.chars().count() == STEM,
        }];
        for kind in filter.kinds() {
            let title = rows(view, *kind, &term, Part::Title, None);
            let found: Vec<_> = title
                .chain(rows(view, *kind, &term, Part::Rest, None))
                .take(ROWS_PER_WORD_MAX)
                .collect();
            // A word that few things say tells more.
            let size = u32::try_from(found.len()).unwrap_or(u32::MAX);
            let weight = 1.0 / (2.0 + f64::from(size)).ln();
            for one in found {
                pool.entry(one.bits()).or_insert((0.0, one)).0 += weight;
            }
        }
    }
    let mut pool: Vec<(f64, Found<'a>)> = pool.into_values().collect();
    pool.sort_by(|a, b| b.0.total_cmp(&a.0));
    let near = pool.into_iter().map(|(_, found)| found);
    let near = near.filter(|found| filter.fits(view, found) && but.is_none_or(|but| found.id() != but));
    let first = text::clip(wanted.lines().next().unwrap_or_default(), 200);
    let letters = text::Likeness::to(text::fold(&first));
    let mut alike: Vec<Alike<'a>> = near
        .take(COMPARED_MAX)
        .map(|found| compare(&letters, &words, found))
        .filter(|one| one.similarity >= LEAST)
        .collect();
    alike.sort_by(|a, b| {
        b.similarity
            .total_cmp(&a.similarity)
            .then_with(|| a.found.id().cmp(&b.found.id()))
    });
    alike.truncate(most);
    alike
}

/// Half how alike the letters are, half how many words both titles share.
fn compare<'a>(letters: &text::Likeness, words: &BTreeSet<String>, found: Found<'a>) -> Alike<'a> {
    let title = text::fold(&found.title());
    let own = telling(&title);
    let same = |word: &&String| own.iter().any(|one| stem(one) == stem(word));
    let shared: Vec<String> = words.iter().filter(same).cloned().collect();
    let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    let both = count(words.len() + own.len()).max(1.0);
    let dice = (2.0 * count(shared.len()) / both).min(1.0);
    let similarity = 0.5 * letters.of(&title) + 0.5 * dice;
    Alike {
        found,
        similarity: (similarity * 1000.0).round() / 1000.0,
        shared,
    }
}

/// `find_similar`.
pub fn find(args: FindSimilar, view: &View<'_>) -> Result<Value, Rejection> {
    let wanted: Vec<Comparable> = args.types.iter().flat_map(|list| list.iter()).copied().collect();
    if let Some(missing) = wanted.iter().find(|kind| **kind != Comparable::Task) {
        return Err(Rejection::not_yet("types", missing.word()));
    }
    let project = args.project.as_ref().map(|one| view.resolve(one)).transpose()?;
    let entity = args.entity.as_ref().map(|one| view.resolve_any(one, &[])).transpose()?;
    let text = match (&args.text, &entity) {
        (Some(text), _) => text.0.clone(),
        (None, Some(label)) => label.label.clone(),
        (None, None) => return Err(Rejection::argument("text", "is needed where `entity` is not given")),
    };
    let kinds = LANDED.into_iter().filter(|kind| *kind == Searchable::Task).collect();
    let filter = Filter::of(kinds, project.map(|row| row.id));
    let but = entity.as_ref().map(|label| label.id.as_str());
    let alike = alike(view, &text, &filter, but, args.limit.size());
    let shown = |one: &Alike<'_>| {
        let mut item = one.found.shown(view, &[], one.similarity);
        item.retain(|name, _| !matches!(name.as_str(), "snippet" | "score" | "about"));
        item.insert("similarity".to_owned(), one.similarity.into());
        item.insert("sharedWords".to_owned(), one.shared.clone().into());
        Value::Object(item)
    };
    let items: Vec<Value> = alike.iter().map(shown).collect();
    let answer = json!({"items": items, "page": {"nextCursor": null, "hasMore": false}});
    Ok(listing::finish(view, answer, Vec::new()))
}
