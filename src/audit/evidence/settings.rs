//! Who may follow the log, and what signs it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Who may follow the log, and what signs it. The key itself is never shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Whether checkpoints and hashes at `/tlog/` need no token. Entries always need one.
    pub public_tlog: bool,
    /// A file with the key that signs the log, where that is not in the data directory.
    pub signing_key_file: Option<PathBuf>,
}
