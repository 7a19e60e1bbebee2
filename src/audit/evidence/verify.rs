//! Checks a bundle. All it needs is the file and, to be worth anything, the public key from somewhere else: it opens no
//! network, no data directory and no configuration.

use std::fmt;

use journal::{Checkpoint, Inclusion, Root, Statement, VerifyingKey, WitnessKey};
use projections::Record;
use serde::Serialize;

use super::bundle::{Bundle, Entry, FORMAT, SEAL, What};
use super::gather::concerns;
use super::{page, succession};
use crate::kernel::text::hides;

/// What a bundle proves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Proven {
    /// The journal's identifier.
    pub journal: String,
    /// What was asked for.
    pub what: What,
    /// How many records.
    pub records: usize,
    /// The first and the last of them.
    pub first: u64,
    /// The last of them.
    pub last: u64,
    /// The hour of the first.
    pub from: String,
    /// The hour of the last.
    pub to: String,
    /// How many records the checkpoint vouches for.
    pub size: u64,
    /// Its root, in hexadecimal.
    pub root: String,
    /// The key that all of it was checked with.
    pub key: String,
    /// The key that was given, and leads to that one; that one where none was given.
    pub trusted: String,
    /// Whether that key was taken from the file itself.
    pub key_trusted_from_file: bool,
    /// Who else signed the checkpoint, of the witnesses that were asked about.
    pub witnesses: Vec<Witnessed>,
    /// The record of the export.
    pub export_record: u64,
    /// Its hour.
    pub exported_at: String,
    /// Who exported it.
    pub exported_by: String,
    /// The digest that the record of the export holds.
    pub digest: String,
    /// The page.
    #[serde(skip)]
    pub page: Vec<String>,
}

/// A witness's word that it saw the checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Witnessed {
    /// The witness.
    pub name: String,
    /// When, by its clock.
    pub at: String,
}

/// What is wrong with a bundle: the part, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// `form`, `key`, `seal`, `checkpoint`, `record N`, `page`, `selection`, `rotations` or `records`.
    pub part: String,
    /// Why.
    pub why: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.part, self.why)
    }
}

fn fault(part: &str, why: impl ToString) -> Fault {
    let why = why.to_string().chars().fold(String::new(), |mut shown, letter| {
        match letter {
            hidden if hides(hidden) => shown.extend(hidden.escape_unicode()),
            plain => shown.push(plain),
        }
        shown
    });
    let part = part.to_owned();
    Fault { part, why }
}

/// Refuses a text that is printed and would not show as what it is.
fn plain(part: &str, text: &str) -> Result<(), Fault> {
    if text.chars().any(hides) {
        return Err(fault(part, format!("there are control characters in `{text}`")));
    }
    Ok(())
}

/// Checks a bundle, with the key given or else with its own.
///
/// # Errors
/// The first [`Fault`] found.
pub fn verify(file: &[u8], given: Option<&VerifyingKey>) -> Result<Proven, Fault> {
    verify_witnessed(file, given, &[])
}

/// [`verify`], and insists that witnesses cosigned the checkpoint.
///
/// # Errors
/// The first [`Fault`] found.
pub fn verify_witnessed(file: &[u8], given: Option<&VerifyingKey>, witnesses: &[WitnessKey]) -> Result<Proven, Fault> {
    let bundle = read(file)?;
    plain("key", &bundle.key)?;
    let key = VerifyingKey::parse(&bundle.key).map_err(|cause| fault("key", cause))?;
    succession::check(&bundle, &key, given).map_err(|why| fault("key", why))?;
    let signed = checkpoint(&bundle, &key)?;
    let witnesses = witnesses
        .iter()
        .map(|witness| seen(&signed, witness))
        .collect::<Result<_, _>>()?;
    let root = signed.root;
    for entry in bundle.rotations.iter().chain(&bundle.records) {
        included(entry, &root).map_err(|why| fault(&format!("record {}", entry.seq), why))?;
    }
    let (exported, digest) = sealed(&bundle, &key)?;
    let (from, to) = selected(&bundle)?;
    if bundle.page != page::page(&bundle.selection.what, bundle.records.len(), root.size) {
        return Err(fault("page", "it is not the page of such a bundle"));
    }
    let seq = |entry: Option<&Entry>| entry.map_or(0, |entry| entry.seq);
    Ok(Proven {
        records: bundle.records.len(),
        first: seq(bundle.records.first()),
        last: seq(bundle.records.last()),
        from,
        to,
        size: root.size,
        root: root.hex(),
        key: key.encode().to_owned(),
        trusted: given.unwrap_or(&key).encode().to_owned(),
        key_trusted_from_file: given.is_none(),
        witnesses,
        export_record: exported.record,
        exported_at: exported.at,
        exported_by: exported.by,
        digest,
        journal: bundle.selection.journal,
        what: bundle.selection.what,
        page: bundle.page,
    })
}

/// Reads the file; it must be what [`Bundle::text`] writes.
fn read(file: &[u8]) -> Result<Bundle, Fault> {
    let bundle: Bundle =
        serde_json::from_slice(file).map_err(|cause| fault("form", format!("it is no bundle: {cause}")))?;
    if bundle.format != FORMAT {
        let why = format!("it is of the form `{}`, this program knows {FORMAT}", bundle.format);
        return Err(fault("form", why));
    }
    let again = bundle.text().map_err(|cause| fault("form", cause))?;
    match again.bytes().zip(file).position(|(ours, theirs)| ours != *theirs) {
        None if again.len() == file.len() => Ok(bundle),
        at => {
            let at = at.unwrap_or_else(|| again.len().min(file.len()));
            Err(fault("form", format!("byte {at} is not as a bundle is written")))
        }
    }
}

fn checkpoint(bundle: &Bundle, key: &VerifyingKey) -> Result<Checkpoint, Fault> {
    let checkpoint = Checkpoint::parse(&bundle.checkpoint).map_err(|cause| fault("checkpoint", cause))?;
    checkpoint.verify(key).map_err(|cause| fault("checkpoint", cause))?;
    Ok(checkpoint)
}

fn seen(checkpoint: &Checkpoint, witness: &WitnessKey) -> Result<Witnessed, Fault> {
    let name = witness.name().to_owned();
    let seconds = checkpoint
        .seen_by(witness)
        .map_err(|cause| fault("checkpoint", cause))?;
    let seconds = seconds.ok_or_else(|| fault("checkpoint", format!("the witness {name} did not sign it")))?;
    let at = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let at = at
        .ok_or_else(|| fault("checkpoint", format!("the witness {name} says no hour")))?
        .to_string();
    Ok(Witnessed { name, at })
}

/// Whether a record is in the tree under its number, and is itself of that number.
fn included(entry: &Entry, root: &Root) -> Result<(), String> {
    let hash = |text: &String| {
        let digest = projections::Digest::parse(text).filter(|digest| digest.to_string() == *text);
        digest
            .map(|digest| *digest.bytes())
            .ok_or_else(|| format!("`{text}` in its proof is no hash"))
    };
    let path = entry.proof.iter().map(hash).collect::<Result<_, _>>()?;
    let (seq, size) = (entry.seq, root.size);
    let inclusion = Inclusion { seq, size, path };
    inclusion.check(&entry.text, root).map_err(|cause| cause.to_string())?;
    let mut space = String::new();
    let record = Record::parse(seq, &entry.text, &mut space).map_err(|cause| cause.to_string())?;
    if record.seq == seq {
        Ok(())
    } else {
        Err(format!("its text is that of record {}", record.seq))
    }
}

/// The last line of a seal.
struct Exported {
    record: u64,
    at: String,
    by: String,
}

/// Compares every part with what the seal says of it; the export, and its digest.
fn sealed(bundle: &Bundle, key: &VerifyingKey) -> Result<(Exported, String), Fault> {
    let seal = Statement::open(&bundle.seal, SEAL, key).map_err(|cause| fault("seal", cause))?;
    let contents = bundle.contents().map_err(|cause| fault("form", cause))?;
    let mut stated = seal.lines();
    for line in contents.lines() {
        let part = line.split(' ').next().unwrap_or_default();
        if stated.next() != Some(&line) {
            return Err(fault(part, "it is not the one that was sealed"));
        }
    }
    let exported = stated.next().and_then(|line| line.strip_prefix("exported "));
    let mut words = exported.unwrap_or_default().splitn(3, ' ');
    let mut word = || words.next().map(ToOwned::to_owned);
    let record = word().and_then(|number| number.parse().ok());
    match (record, word(), word(), stated.next()) {
        (Some(record), Some(at), Some(by), None) if at.parse::<jiff::Timestamp>().is_ok() => {
            plain("seal", &by)?;
            Ok((Exported { record, at, by }, contents.digest().to_string()))
        }
        _ => Err(fault(
            "seal",
            "it does not say which record tells of the export, and when",
        )),
    }
}

/// Whether the records are those that the selection speaks of; the hours of the first and the last.
fn selected(bundle: &Bundle) -> Result<(String, String), Fault> {
    let refuse = |why: &str| Err(fault("selection", why));
    let journal = &bundle.selection.journal;
    if journal.len() != 32 || !journal.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        return refuse("a journal is named by 32 hexadecimal digits");
    }
    let numbers: Vec<u64> = bundle.records.iter().map(|entry| entry.seq).collect();
    if numbers.is_empty() || !numbers.is_sorted_by(|before, after| before < after) {
        return refuse("the records are not in order, or there are none");
    }
    match &bundle.selection.what {
        What::Range { from, to } if !numbers.iter().copied().eq(*from..=*to) => {
            return refuse("the records are not those of the range");
        }
        What::Range { .. } => {}
        What::Action(id) => {
            plain("selection", id)?;
            let about = |entry: &Entry| concerns(entry.seq, &entry.text, id).is_ok_and(|yes| yes);
            if !bundle.records.iter().all(about) {
                return refuse("a record is not about the action");
            }
        }
    }
    let hour = |entry: Option<&Entry>| {
        let entry = entry?;
        let mut room = String::new();
        let record = Record::parse(entry.seq, &entry.text, &mut room).ok()?;
        Some(record.at.to_string())
    };
    let hours = hour(bundle.records.first()).zip(hour(bundle.records.last()));
    hours.ok_or_else(|| fault("records", "a record has no hour"))
}
