//! The desk: where readers find the rows, and why there may be none.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use projections::store::{self, Rows};
use serde::{Deserialize, Serialize};

use super::Marks;
use crate::audit::travel::Stretches;
use crate::processor::Handle;

/// How the rows of a running server stand.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// The newest record that is in them; `None` where there are none.
    pub position: Option<u64>,
    /// Whether they hold the whole state as of that record.
    pub whole: bool,
    /// The newest record of the server.
    pub records: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Actions marked as pending.
    pub pending: usize,
    /// Actions marked as executing.
    pub executing: usize,
    /// Actions whose mark is not what the state says.
    pub wrong: usize,
    /// Why they are not written or cannot be read.
    pub trouble: Option<String>,
}

/// The rows of one server, for readers; cheap to clone.
#[derive(Clone)]
pub struct Desk {
    rows: Option<Rows>,
    dir: Arc<Path>,
    given_up: Arc<OnceLock<Arc<str>>>,
    past: Option<Stretches>,
}

impl Desk {
    /// A desk with the rows of a directory, or with none.
    pub fn new(dir: PathBuf, rows: Option<Rows>) -> Self {
        Self {
            rows,
            dir: dir.into(),
            given_up: Arc::default(),
            past: None,
        }
    }

    /// With a place for states of the past.
    #[must_use]
    pub fn keeping(mut self, past: Stretches) -> Self {
        self.past = Some(past);
        self
    }

    /// Where states of the past are kept, if anywhere.
    pub fn past(&self) -> Option<&Stretches> {
        self.past.as_ref()
    }

    /// The rows as far as they were written; whoever reads them must do without them too.
    pub fn rows(&self) -> Option<&Rows> {
        self.rows.as_ref()
    }

    /// How many bytes they take on disk.
    pub fn bytes(&self) -> u64 {
        store::bytes(&self.dir)
    }

    /// Why they are not written any more, until the next start.
    pub fn given_up(&self) -> Option<&str> {
        self.given_up.get().map(AsRef::as_ref)
    }

    /// How they stand beside a running server.
    pub fn standing(&self, handle: &Handle) -> Standing {
        let mut standing = Standing {
            records: handle.snapshot().position,
            bytes: self.bytes(),
            trouble: self.given_up().map(ToOwned::to_owned),
            ..Standing::default()
        };
        let Some(rows) = &self.rows else { return standing };
        (standing.position, standing.whole) = (Some(rows.position()), rows.is_whole());
        match Marks::following(rows, handle) {
            Ok(marks) => {
                (standing.pending, standing.executing) = (marks.pending, marks.executing);
                standing.wrong = marks.wrong.len();
            }
            Err(cause) => {
                standing.trouble.get_or_insert(cause.to_string());
            }
        }
        standing
    }

    /// They are not written any more.
    pub fn give_up(&self, why: &str) {
        self.given_up.get_or_init(|| Arc::from(why));
    }
}
