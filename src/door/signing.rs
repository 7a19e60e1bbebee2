//! The key that signs the log: from the environment, from a file that the configuration names, or from the data directory.
//! It is never in the journal, in a log or in an answer; its public half is.

use std::fmt;
use std::path::{Path, PathBuf};

use journal::{SigningKey, VerifyingKey};

use super::keys::{self, Error};

/// The journal's name in checkpoints (C2SP tlog-checkpoint, origin line), and that of the keys that sign them.
pub const ORIGIN: &str = "orkestra";
/// The environment variable that may hold the key.
pub const VARIABLE: &str = "ORKESTRA_SIGNING_KEY";
/// Its name in the folder of keys.
pub const NAME: &str = "signing";

/// Where the key came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The environment.
    Environment,
    /// A file that the configuration names.
    File(PathBuf),
    /// The data directory.
    Directory(PathBuf),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str(VARIABLE),
            Self::File(path) | Self::Directory(path) => path.display().fmt(f),
        }
    }
}

/// Where the key comes from: the environment before the configured file, that before the data directory.
pub fn source(keys: &Path, configured: Option<&Path>) -> Source {
    match configured {
        _ if std::env::var_os(VARIABLE).is_some() => Source::Environment,
        Some(path) => Source::File(path.to_owned()),
        None => Source::Directory(keys.join(NAME)),
    }
}

impl Source {
    /// Whether there is a key. Nothing is made.
    pub fn has_key(&self) -> bool {
        match self {
            Self::Environment => true,
            Self::File(path) | Self::Directory(path) => path.is_file(),
        }
    }

    /// Whether the key should be in the data directory, and nothing is there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Directory(path) if matches!(path.try_exists(), Ok(false)))
    }

    /// Makes a key in the data directory (mode 0600), where there is none; opens it elsewhere.
    ///
    /// # Errors
    /// As for [`Source::open`]; [`Error::File`] when it cannot be written.
    pub fn make(&self) -> Result<SigningKey, Error> {
        match self {
            Self::Directory(path) => self.of_seed(keys::key(path)?),
            Self::Environment | Self::File(_) => self.open(),
        }
    }

    /// Opens the key. Nothing is made.
    ///
    /// # Errors
    /// [`Error`], for one that cannot be read, that others may read, or that is no key of this log.
    pub fn open(&self) -> Result<SigningKey, Error> {
        match self {
            Self::Environment => self.read(&std::env::var(VARIABLE).unwrap_or_default()),
            Self::File(path) => {
                let text = std::fs::read_to_string(path).map_err(|cause| Error::File {
                    path: path.clone(),
                    cause,
                })?;
                keys::expect_private(path)?;
                self.read(&text)
            }
            Self::Directory(path) => self.of_seed(keys::existing(path)?),
        }
    }

    fn of_seed(&self, seed: [u8; 32]) -> Result<SigningKey, Error> {
        SigningKey::from_seed(ORIGIN, seed).map_err(|cause| self.no_key(cause))
    }

    /// The public half.
    ///
    /// # Errors
    /// As for [`Source::open`].
    pub fn public(&self) -> Result<VerifyingKey, Error> {
        self.open()?.verifying_key().map_err(|cause| self.no_key(cause))
    }

    fn read(&self, text: &str) -> Result<SigningKey, Error> {
        let text = text.trim();
        let key = match projections::Digest::parse(text) {
            Some(seed) => SigningKey::from_seed(ORIGIN, *seed.bytes()),
            None => SigningKey::parse(text),
        };
        let key = key.map_err(|cause| self.no_key(cause))?;
        if key.name() == ORIGIN {
            Ok(key)
        } else {
            Err(self.no_key(format!("it is named {}", key.name())))
        }
    }

    /// Says where and why, and never what was found.
    fn no_key(&self, why: impl ToString) -> Error {
        Error::NoSigningKey {
            of: self.to_string(),
            why: why.to_string(),
            name: ORIGIN,
        }
    }
}
