//! One hit of any kind: what it shows, whether it still counts, and where its words are.

use std::sync::Arc;

use projections::Id;
use serde_json::{Value, json};

use crate::kernel::identity::Member;
use crate::kernel::listing::Item;
use crate::kernel::tool::object;
use crate::kernel::{Row, View, text, words};
use crate::modules::comments::Comment;
use crate::modules::live::{in_use, target};
use crate::modules::projects::Project;
use crate::modules::tasks::Task;
use crate::modules::workflows::moves::who;

/// Characters of a snippet before and after the word.
const AROUND: usize = 70;

/// A row that was found.
#[derive(Clone)]
pub enum Found<'a> {
    /// Somebody.
    Member(&'a Arc<Row<Member>>),
    /// A project.
    Project(&'a Arc<Row<Project>>),
    /// A task.
    Task(&'a Arc<Row<Task>>),
    /// A comment.
    Comment(&'a Arc<Row<Comment>>),
}

impl Found<'_> {
    /// Whether it belongs to something that is still in use.
    pub fn is_live(&self, view: &View<'_>) -> bool {
        match self {
            Self::Member(_) | Self::Project(_) => true,
            Self::Task(row) => in_use(view, row.project),
            Self::Comment(row) => target(view, row).is_some(),
        }
    }

    /// Its project.
    pub fn project(&self, view: &View<'_>) -> Option<Id<Project>> {
        match self {
            Self::Member(_) => None,
            Self::Project(row) => Some(row.id),
            Self::Task(row) => Some(row.project),
            Self::Comment(row) => target(view, row).flatten(),
        }
    }

    /// Who wrote it.
    pub fn author(&self) -> Id<Member> {
        match self {
            Self::Member(row) => row.id,
            Self::Project(row) => row.lead,
            Self::Task(row) => row.reporter,
            Self::Comment(row) => row.author,
        }
    }

    /// Its identifier.
    pub fn id(&self) -> String {
        match self {
            Self::Member(row) => row.id.to_string(),
            Self::Project(row) => row.id.to_string(),
            Self::Task(row) => row.id.to_string(),
            Self::Comment(row) => row.id.to_string(),
        }
    }

    /// Its identifier as a number.
    pub fn bits(&self) -> u128 {
        match self {
            Self::Member(row) => row.id.bits(),
            Self::Project(row) => row.id.bits(),
            Self::Task(row) => row.id.bits(),
            Self::Comment(row) => row.id.bits(),
        }
    }

    /// When it last changed.
    pub fn updated_at(&self) -> jiff::Timestamp {
        match self {
            Self::Member(row) => row.updated_at,
            Self::Project(row) => row.updated_at,
            Self::Task(row) => row.updated_at,
            Self::Comment(row) => row.updated_at,
        }
    }

    /// What it is called; a comment by its beginning.
    pub fn title(&self) -> String {
        match self {
            Self::Member(row) => row.display_name.clone(),
            Self::Project(row) => row.name.clone(),
            Self::Task(row) => row.title.clone(),
            Self::Comment(row) => text::clip(&row.body, 60),
        }
    }

    fn body(&self) -> &str {
        match self {
            Self::Member(_) => "",
            Self::Project(row) => &row.description,
            Self::Task(row) => &row.description,
            Self::Comment(row) => &row.body,
        }
    }

    fn kind(&self) -> (&'static str, Value, String) {
        match self {
            Self::Member(row) => (
                "member",
                format!("@{}", row.handle).into(),
                format!("/members/@{}", row.handle),
            ),
            Self::Project(row) => ("project", row.key.clone().into(), format!("/projects/{}", row.key)),
            Self::Task(row) => ("task", row.human_key().into(), format!("/tasks/{}", row.human_key())),
            Self::Comment(row) => ("comment", Value::Null, format!("/comments/{}", row.id)),
        }
    }

    /// As an item of a list. What people wrote in it is marked, with its author.
    pub fn shown(&self, view: &View<'_>, terms: &[words::Term], score: f64) -> Item {
        let (kind, key, url) = self.kind();
        let about = match self {
            Self::Comment(row) => view.describe(&row.target_kind, &row.target),
            _ => None,
        };
        object(json!({
            "id": self.id(), "type": kind, "key": key, "title": self.title(), "snippet": snippet(self.body(), terms),
            "untrusted": true, "author": who(view, self.author()), "score": score, "url": url,
            "about": about.map(|label| json!({"id": label.id, "key": label.key, "type": label.kind})),
            "updatedAt": self.updated_at(),
        }))
    }
}

/// The surroundings of the first word that was looked for; the beginning where none is in the text.
fn snippet(body: &str, terms: &[words::Term]) -> String {
    let meant = |word: &str| {
        let said = words::tokens(word);
        let fits = |said: &String, term: &words::Term| {
            if term.prefix {
                said.starts_with(&term.word)
            } else {
                *said == term.word
            }
        };
        said.iter().any(|said| terms.iter().any(|term| fits(said, term)))
    };
    let found = body.split_whitespace().find(|word| meant(word));
    let at = found.map_or(0, |word| word.as_ptr() as usize - body.as_ptr() as usize);
    let before = body.get(..at).unwrap_or_default();
    let from = before.char_indices().rev().take(AROUND).last().map_or(0, |(at, _)| at);
    let clipped = text::clip(body.get(from..).unwrap_or_default(), 2 * AROUND);
    if from > 0 { format!("…{clipped}") } else { clipped }
}
