//! The keys of all subjects: seals texts on their way into the journal, opens them on their way out.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::{fs, io};

use thiserror::Error;

use super::file;
use super::form::{Key, KeyName, Name, Sealed};
use crate::door::keys;
use crate::kernel::sealed;

/// Why something cannot be sealed, opened or erased.
#[derive(Debug, Error)]
pub enum Error {
    /// The folder or the secret of the subjects.
    #[error(transparent)]
    Keys(#[from] keys::Error),
    /// A key's file.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A text that is to be written holds something sealed, which would be opened when it is read.
    #[error("a text holds what is sealed in another record, and cannot be written")]
    Foreign,
}

/// The keys, in memory as they are in their folder.
pub struct Ring {
    dir: PathBuf,
    secret: [u8; 32],
    keys: RwLock<BTreeMap<Name, Key>>,
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ring(…)")
    }
}

impl Ring {
    /// The keys in a folder, which is made where it is missing.
    ///
    /// # Errors
    /// When folder or files cannot be read or made, or others may read the secret.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        keys::private_dir(dir)?;
        let secret = keys::key(&dir.join("secret"))?;
        Self::read(dir, secret)
    }

    /// The keys as they lie there, beside a running server or without one; nothing is made.
    ///
    /// # Errors
    /// When files cannot be read.
    pub fn look(dir: &Path) -> Result<Self, Error> {
        match keys::existing(&dir.join("secret")) {
            Ok(secret) => Self::read(dir, secret),
            Err(keys::Error::File { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => Ok(Self {
                dir: dir.to_owned(),
                secret: [0; 32],
                keys: RwLock::default(),
            }),
            Err(cause) => Err(cause.into()),
        }
    }

    fn read(dir: &Path, secret: [u8; 32]) -> Result<Self, Error> {
        let failed = |cause| failed(dir, cause);
        let mut keys = BTreeMap::new();
        for entry in fs::read_dir(dir).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Some(subject) = entry.file_name().to_str().and_then(file::named) else {
                continue;
            };
            if let Some(key) = file::read(&entry.path()).map_err(failed)? {
                keys.insert(subject, Key::new(key));
            }
        }
        Ok(Self {
            dir: dir.to_owned(),
            secret,
            keys: RwLock::new(keys),
        })
    }

    /// The folder.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A JSON text with every mail address sealed. Keys that are missing are made, durably, before this returns.
    ///
    /// # Errors
    /// When a key cannot be made; [`Error::Foreign`] where something that these keys open is in the text already.
    pub fn seal<'a>(&self, text: &'a str) -> Result<Cow<'a, str>, Error> {
        if sealed::is_in(text) && matches!(self.unseal(text), Cow::Owned(_)) {
            return Err(Error::Foreign);
        }
        let found = sealed::addresses(text);
        if found.is_empty() {
            return Ok(Cow::Borrowed(text));
        }
        let mut out = Pieces::new(text);
        for range in found {
            let address = text.get(range.clone()).unwrap_or_default();
            let (subject, key) = self.key(address)?;
            if let Some(sealed) = key.seal(subject, address) {
                out.replace(range, &sealed);
            }
        }
        Ok(Cow::Owned(out.end()))
    }

    /// A text with everything opened whose key is there. What is erased stays sealed.
    pub fn unseal<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut found = sealed::found(text);
        if found.is_none() {
            return Cow::Borrowed(text);
        }
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let (mut out, mut changed) = (Pieces::new(text), false);
        while let Some(range) = found {
            let end = range.end;
            let opened = text.get(range.clone()).and_then(Sealed::parse).and_then(|sealed| {
                let key = keys.get(&sealed.subject).filter(|key| key.name == sealed.key)?;
                key.open(&sealed)
            });
            if let Some(opened) = opened {
                out.replace(range, &opened);
                changed = true;
            }
            found = text
                .get(end..)
                .and_then(sealed::found)
                .map(|next| end + next.start..end + next.end);
        }
        if changed {
            Cow::Owned(out.end())
        } else {
            Cow::Borrowed(text)
        }
    }

    /// The keys of the sealed texts in a text that are not here: erased, or lost.
    pub(super) fn missing(&self, text: &str) -> Vec<(Name, KeyName)> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let (mut missing, mut rest) = (Vec::new(), text);
        while let Some(range) = sealed::found(rest) {
            let sealed = rest.get(range.clone()).and_then(Sealed::parse);
            missing.extend(sealed.map(|sealed| (sealed.subject, sealed.key)));
            rest = rest.get(range.end..).unwrap_or_default();
        }
        missing.retain(|(subject, name)| keys.get(subject).is_none_or(|key| key.name != *name));
        missing
    }

    /// The subject of an address, and the name of its key; made where there is none.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn subject(&self, address: &str) -> Result<(Name, KeyName), Error> {
        self.key(address).map(|(subject, key)| (subject, key.name))
    }

    /// Forgets and destroys a key, where it is the one that is meant. Whether it was there.
    ///
    /// # Errors
    /// When its file cannot be overwritten or removed: it must be tried again.
    pub fn destroy(&self, subject: Name, key: KeyName) -> Result<bool, Error> {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let there = keys.get(&subject).map(|found| found.name);
        if there.is_some_and(|name| name != key) {
            return Ok(false);
        }
        let path = file::of(&self.dir, subject);
        file::destroy(&path).map_err(|cause| failed(&path, cause))?;
        keys.remove(&subject);
        Ok(there.is_some())
    }

    fn key(&self, address: &str) -> Result<(Name, Key), Error> {
        let subject = Name::of(&self.secret, address);
        let known = |keys: &BTreeMap<Name, Key>| keys.get(&subject).cloned();
        if let Some(key) = known(&self.keys.read().unwrap_or_else(PoisonError::into_inner)) {
            return Ok((subject, key));
        }
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = known(&keys) {
            return Ok((subject, key));
        }
        let path = file::of(&self.dir, subject);
        let made = || {
            // Left by a crash before it was whole: nothing was sealed under it.
            file::destroy(&path)?;
            let bytes = keys::random()?;
            keys::write_private(&path, &format!("{}\n", projections::Digest::from(bytes)))?;
            Ok(Key::new(bytes))
        };
        let key: Key = made().map_err(|cause| failed(&path, cause))?;
        keys.insert(subject, key.clone());
        Ok((subject, key))
    }
}

pub(super) fn failed(path: &Path, cause: io::Error) -> Error {
    Error::File {
        path: path.to_owned(),
        cause,
    }
}

/// A text of which pieces are replaced, from left to right.
struct Pieces<'a> {
    text: &'a str,
    out: String,
    done: usize,
}

impl<'a> Pieces<'a> {
    fn new(text: &'a str) -> Self {
        let out = String::with_capacity(text.len() + 128);
        Self { text, out, done: 0 }
    }

    fn replace(&mut self, range: Range<usize>, by: &str) {
        self.out
            .push_str(self.text.get(self.done..range.start).unwrap_or_default());
        self.out.push_str(by);
        self.done = range.end;
    }

    fn end(mut self) -> String {
        self.out.push_str(self.text.get(self.done..).unwrap_or_default());
        self.out
    }
}
