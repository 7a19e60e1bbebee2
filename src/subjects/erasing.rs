//! Erasing in an order that survives a crash: a note of what is to be erased, the event, the rows, the key, the note again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use journal::Log;
use projections::{Event, Record};
use serde::{Deserialize, Serialize};

use super::file;
use super::form::{KeyName, Name};
use super::ring::{Error, Ring, failed};

/// The event that proves an erasure.
pub const ERASED: &str = "subject.erased";
/// How the names of notes begin.
const NOTE: &str = "erasing-";

/// What the event says: whose key, and which. Nothing in it tells who it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// The subject: 32 hexadecimal digits.
    pub subject: String,
    /// The key: 16 hexadecimal digits.
    pub key: String,
}

impl Erased {
    /// The facts of a key.
    pub fn of(subject: Name, key: KeyName) -> Self {
        let (subject, key) = (file::hex(&subject.0), file::hex(&key.0));
        Self { subject, key }
    }

    /// Leaves the note that these will be erased if the event turns out to be durable.
    ///
    /// # Errors
    /// When it cannot be written: nothing was begun.
    pub fn begin(&self, ring: &Ring) -> Result<(), Error> {
        let path = self.note(ring);
        match crate::door::keys::write_private(&path, "") {
            Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => Err(failed(&path, cause)),
            _ => Ok(()),
        }
    }

    /// Removes rows and key, after the event is durable.
    ///
    /// # Errors
    /// Then the next start, or the next call, goes on.
    pub fn complete(&self, ring: &Ring, rows: &Path) -> Result<(), Error> {
        file::remove_folder(rows).map_err(|cause| failed(rows, cause))?;
        self.destroy(ring)?;
        let path = self.note(ring);
        file::destroy(&path).map_err(|cause| failed(&path, cause))
    }

    /// Destroys the key; whether it was there.
    ///
    /// # Errors
    /// As [`Ring::destroy`].
    pub fn destroy(&self, ring: &Ring) -> Result<bool, Error> {
        let named = (file::unhex(&self.subject), file::unhex(&self.key));
        let (Some(subject), Some(key)) = named else {
            return Ok(false);
        };
        ring.destroy(Name(subject), KeyName(key))
    }

    /// The event.
    ///
    /// # Errors
    /// None in practice; two texts can be written.
    pub fn event(&self) -> Result<Event, serde_json::Error> {
        projections::event::event(ERASED, self)
    }

    fn note(&self, ring: &Ring) -> PathBuf {
        ring.dir().join(format!("{NOTE}{}-{}", self.subject, self.key))
    }
}

/// Brings erasures to their end that a crash interrupted, before anything is read with their keys.
///
/// # Errors
/// When rows or keys cannot be removed; then nothing must be opened.
pub fn finish(ring: &Ring, log: &dyn Log, rows: &Path) -> Result<(), Error> {
    let noted = noted(ring.dir()).map_err(|cause| failed(ring.dir(), cause))?;
    if noted.is_empty() {
        return Ok(());
    }
    let durable = erased(log)?;
    for erasure in noted {
        if durable.contains(&erasure) {
            erasure.complete(ring, rows)?;
        } else {
            let path = erasure.note(ring);
            file::destroy(&path).map_err(|cause| failed(&path, cause))?;
        }
    }
    Ok(())
}

/// All erasures that a journal tells of.
///
/// # Errors
/// When it cannot be read.
pub fn erased(log: &dyn Log) -> Result<Vec<Erased>, Error> {
    let mut all = Vec::new();
    for line in log.read_written(1).map_err(|cause| unreadable(&cause))? {
        let line = line.map_err(|cause| unreadable(&cause))?;
        if !line.text.contains(ERASED) {
            continue;
        }
        let mut room = String::new();
        let record = Record::parse(line.seq, &line.text, &mut room).map_err(|cause| unreadable(&cause))?;
        let events = record.events.iter().filter(|entry| entry.name == ERASED);
        all.extend(events.filter_map(|entry| serde_json::from_str::<Erased>(entry.data?.get()).ok()));
    }
    Ok(all)
}

/// The keys that a journal's records are sealed under and that are neither here nor erased: how many.
///
/// # Errors
/// When it cannot be read.
pub fn lost(ring: &Ring, log: &dyn Log) -> Result<usize, Error> {
    let mut missing = BTreeSet::new();
    for line in log.read_written(1).map_err(|cause| unreadable(&cause))? {
        let line = line.map_err(|cause| unreadable(&cause))?;
        missing.extend(ring.missing(&line.text));
    }
    let erased = erased(log)?;
    let lost = missing
        .into_iter()
        .filter(|(subject, key)| !erased.contains(&Erased::of(*subject, *key)));
    Ok(lost.count())
}

fn unreadable(cause: &dyn std::fmt::Display) -> Error {
    failed(Path::new("journal"), io::Error::other(cause.to_string()))
}

fn noted(dir: &Path) -> io::Result<Vec<Erased>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let note = name.to_str().and_then(|name| name.strip_prefix(NOTE)?.split_once('-'));
        all.extend(note.map(|(subject, key)| Erased {
            subject: subject.to_owned(),
            key: key.to_owned(),
        }));
    }
    Ok(all)
}
