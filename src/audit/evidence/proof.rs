//! Single proofs as texts that others can read: C2SP tlog-proof, and the request of C2SP tlog-witness for consistency.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use journal::{Checkpoint, Consistency, Inclusion};

fn lines(path: &[[u8; 32]]) -> String {
    path.iter().map(|hash| BASE64_STANDARD.encode(hash) + "\n").collect()
}

/// The hash of a record's leaf (RFC 6962, section 2.1), in hexadecimal.
pub fn leaf(text: &str) -> String {
    let bytes: Vec<u8> = std::iter::once(0).chain(text.bytes()).collect();
    projections::Digest::of(&bytes).to_string()
}

/// An inclusion proof (C2SP tlog-proof, version 1): the index of the leaf, the audit path, the checkpoint.
pub fn inclusion(proof: &Inclusion, checkpoint: &Checkpoint) -> String {
    let (index, path) = (proof.seq - 1, lines(&proof.path));
    format!("c2sp.org/tlog-proof@v1\nindex {index}\n{path}\n{}", checkpoint.note)
}

/// A consistency proof (C2SP tlog-witness, the body of `add-checkpoint`): the older size, the proof, the newer checkpoint.
pub fn consistency(proof: &Consistency, checkpoint: &Checkpoint) -> String {
    format!("old {}\n{}\n{}", proof.old, lines(&proof.path), checkpoint.note)
}
