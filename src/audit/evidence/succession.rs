//! The keys of a bundle: the records in which each named the next are in it, with their proofs, so that whoever holds an older key can
//! follow them to the one that signed.

use journal::{Log, Look, Prover, VerifyingKey};

use super::bundle::{Bundle, Entry};
use super::gather::{Unproven, prove};
use crate::audit::keys::Chain;

/// The records of the first `size` that lead to the key that signs, with their proofs; `progress` hears how many were read.
pub fn gather(
    look: &Look,
    prover: &Prover,
    (size, key): (u64, &str),
    progress: &mut dyn FnMut(u64),
) -> Result<Vec<Entry>, Unproven> {
    let chain = Chain::read(&mut look.reader(1), progress)?;
    let mut named = Vec::new();
    let keys = chain.keys(VerifyingKey::parse(key)?);
    for seq in keys.leading().filter(|seq| *seq <= size) {
        if let Some(line) = look.get(seq)? {
            named.push(prove(prover, size, seq, line.text)?);
        }
    }
    Ok(named)
}

/// Whether the key that signed a bundle is the one that the given key leads to, and the last that its records name.
///
/// # Errors
/// Why it is not.
pub fn check(bundle: &Bundle, signed: &VerifyingKey, given: Option<&VerifyingKey>) -> Result<(), String> {
    let mut chain = Chain::default();
    for entry in &bundle.rotations {
        chain.hear(entry.seq, &entry.text);
    }
    let keys = chain.keys(signed.clone());
    if chain.len() != bundle.rotations.len() || !keys.leading().eq(bundle.rotations.iter().map(|entry| entry.seq)) {
        return Err("the records that name keys do not lead, one by one, to the one that signed".to_owned());
    }
    let mut inside = Chain::default();
    for entry in &bundle.records {
        inside.hear(entry.seq, &entry.text);
    }
    if let Some((seq, _)) = inside.replaced(signed) {
        return Err(format!("record {seq} names another key to sign from there on"));
    }
    match given {
        Some(given) if !keys.leads_from(given) => Err(format!(
            "the file names {}, given was {}, and no record in it leads from that one there",
            bundle.key,
            given.encode()
        )),
        _ => Ok(()),
    }
}
