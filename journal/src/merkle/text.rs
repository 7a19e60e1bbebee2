//! Proofs as texts that others can read: C2SP tlog-proof, and the request of C2SP tlog-witness for consistency.

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::{Consistency, Inclusion};
use crate::Checkpoint;

fn lines(path: &[[u8; 32]]) -> String {
    path.iter().map(|hash| BASE64_STANDARD.encode(hash) + "\n").collect()
}

impl Inclusion {
    /// With the checkpoint of its root (C2SP tlog-proof, version 1): the index of the leaf, the audit path, the checkpoint.
    pub fn text(&self, checkpoint: &Checkpoint) -> String {
        let (index, path) = (self.seq.saturating_sub(1), lines(&self.path));
        format!("c2sp.org/tlog-proof@v1\nindex {index}\n{path}\n{}", checkpoint.note)
    }
}

impl Consistency {
    /// With the newer checkpoint (C2SP tlog-witness, the body of `add-checkpoint`): the older size, the proof, the checkpoint.
    pub fn text(&self, checkpoint: &Checkpoint) -> String {
        format!("old {}\n{}\n{}", self.old, lines(&self.path), checkpoint.note)
    }
}
