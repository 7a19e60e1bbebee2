//! One task of an operation: how the preview found it, and what comes of it.

use projections::{Digest, Id};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::choice;
use crate::kernel::tool::object;
use crate::kernel::{Plan, Rejection, Row};
use crate::modules::tasks::Task;

choice! {
    /// What comes of one item.
    pub enum Outcome {
        /// It is done.
        Applied = "applied",
        /// It is so already.
        Noop = "noop",
        /// It changed in between and is left alone.
        Skipped = "skipped",
        /// A rule says no.
        Refused = "refused",
    }
}

/// One task as the preview found it. The confirmation acts on exactly these.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Frozen {
    /// The task.
    pub task: Id<Task>,
    /// Its version then.
    pub version: u64,
    /// Who was chosen for it, where somebody was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<String>,
    /// What was to be done to it.
    pub digest: Option<Digest>,
}

/// One task, once it was decided on.
pub struct Done {
    /// What stands in the result.
    pub result: Value,
    /// What stands in the preview.
    pub shown: Map<String, Value>,
    /// What comes of it.
    pub outcome: Outcome,
    /// What counts in the digest of the whole.
    pub frozen: Frozen,
}

impl Done {
    /// From what the single tool decided; `None` where nothing was asked of it.
    pub fn decided(
        single: &'static str,
        row: &Row<Task>,
        frozen: Frozen,
        decided: Result<Option<&Plan>, &Rejection>,
    ) -> Result<Self, Rejection> {
        let (outcome, digest) = match decided {
            Ok(Some(made)) if !made.is_noop() => (Outcome::Applied, made.digest(single)?),
            Ok(_) => (Outcome::Noop, Digest::of(b"noop")),
            Err(no) => (Outcome::Refused, Digest::of(no.code.as_bytes())),
        };
        let mut shown = object(json!({"task": row.human_key(), "title": row.title, "outcome": outcome}));
        let mut result = object(json!({"task": row.human_key(), "outcome": outcome}));
        if let Err(no) = decided {
            shown.insert("message".to_owned(), no.message.clone().into());
            for said in [&mut shown, &mut result] {
                said.insert("code".to_owned(), no.code.clone().into());
                said.extend(no.hint.clone().map(|hint| ("hint".to_owned(), hint.into())));
            }
        }
        Ok(Self {
            result: result.into(),
            shown,
            outcome,
            frozen: Frozen {
                digest: Some(digest),
                ..frozen
            },
        })
    }

    /// A task that is no longer as the preview found it, and is left alone. It counts as it was.
    pub fn skipped(known: Option<&Row<Task>>, frozen: Frozen) -> Self {
        let key = known.map_or_else(|| frozen.task.to_string(), |row| row.human_key());
        let shown = object(json!({"task": key, "outcome": Outcome::Skipped, "code": "changed_since"}));
        Self {
            result: shown.clone().into(),
            shown,
            outcome: Outcome::Skipped,
            frozen,
        }
    }
}
