//! Who may follow the log, what signs it, and who witnesses that.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Who may follow the log, what signs it, and who witnesses that. The key itself is never shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Whether checkpoints and hashes at `/tlog/` need no token. Entries always need one.
    pub public_tlog: bool,
    /// A file with the key that signs the log, where that is not in the data directory.
    pub signing_key_file: Option<PathBuf>,
    /// Who is asked to cosign checkpoints.
    pub witness: Vec<Witness>,
}

/// A witness (C2SP tlog-witness).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    /// Its submission prefix: `/add-checkpoint` is added to it.
    pub url: String,
    /// Its public key.
    pub key: String,
}
