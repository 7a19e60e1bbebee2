//! The desk: where readers find the rows, and why there may be none.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use projections::store::{self, Rows};

/// The rows of one server, for readers; cheap to clone.
#[derive(Clone)]
pub struct Desk {
    rows: Option<Rows>,
    dir: Arc<Path>,
    given_up: Arc<OnceLock<Arc<str>>>,
}

impl Desk {
    /// A desk with the rows of a directory, or with none.
    pub fn new(dir: PathBuf, rows: Option<Rows>) -> Self {
        Self {
            rows,
            dir: dir.into(),
            given_up: Arc::default(),
        }
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

    /// They are not written any more.
    pub fn give_up(&self, why: &str) {
        self.given_up.get_or_init(|| Arc::from(why));
    }
}
