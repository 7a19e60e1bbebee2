//! The keys beside the journal: each 32 random bytes in a file that only its owner reads. They are never in the journal.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::kernel::token::ConfirmKey;

/// What losing each costs: `pepper` — every bearer token must be made again; `confirm` — pending confirm tokens change.
/// The third, `signing`, is opened apart ([`super::signing`]), because it may be kept elsewhere.
#[derive(Clone)]
pub struct Keys {
    /// Hashes bearer tokens.
    pub pepper: ConfirmKey,
    /// Derives confirm tokens.
    pub confirm: ConfirmKey,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

/// Why the keys cannot be had.
#[derive(Debug, Error)]
pub enum Error {
    /// Reading or writing failed.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A key file holds something else.
    #[error("{0}: not a key of 64 hexadecimal digits; restore it from your backup")]
    NoKey(PathBuf),
    /// What signs the log is no key for it.
    #[error("{of}: not a signing key: {why}; it is 64 hexadecimal digits, or PRIVATE+KEY+{name}+<id>+<base64>")]
    NoSigningKey {
        /// Where it came from.
        of: String,
        /// What is wrong with it.
        why: String,
        /// The log's name.
        name: &'static str,
    },
    /// Others can read a key file.
    #[error("{0}: others may read this key; run `chmod 600` on it")]
    Open(PathBuf),
}

/// Makes a directory that only its owner may enter, if it is not there.
pub fn private_dir(path: &Path) -> Result<(), Error> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|cause| Error::File {
        path: path.to_owned(),
        cause,
    })
}

impl Keys {
    /// Whether all of them are there. Nothing is made.
    pub fn are_in(dir: &Path) -> bool {
        ["pepper", "confirm"].iter().all(|name| dir.join(name).is_file())
    }

    /// Opens the keys of a data directory; makes those that are missing.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        private_dir(dir)?;
        Ok(Self {
            pepper: ConfirmKey::new(key(&dir.join("pepper"))?),
            confirm: ConfirmKey::new(key(&dir.join("confirm"))?),
        })
    }
}

/// 32 random bytes from the operating system.
pub fn random() -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|cause| io::Error::other(cause.to_string()))?;
    Ok(bytes)
}

/// The key in a file; made where there is none.
pub(crate) fn key(path: &Path) -> Result<[u8; 32], Error> {
    let failed = |cause| Error::File {
        path: path.to_owned(),
        cause,
    };
    match existing(path) {
        Err(Error::File { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => {
            let bytes = random().map_err(failed)?;
            write_private(path, &format!("{}\n", projections::Digest::from(bytes))).map_err(failed)?;
            Ok(bytes)
        }
        found => found,
    }
}

/// The key in a file that is there.
pub(crate) fn existing(path: &Path) -> Result<[u8; 32], Error> {
    let text = fs::read_to_string(path).map_err(|cause| Error::File {
        path: path.to_owned(),
        cause,
    })?;
    expect_private(path)?;
    let digest = projections::Digest::parse(text.trim()).ok_or_else(|| Error::NoKey(path.to_owned()))?;
    Ok(*digest.bytes())
}

/// Refuses a file that others may read.
pub(super) fn expect_private(path: &Path) -> Result<(), Error> {
    let failed = |cause| Error::File {
        path: path.to_owned(),
        cause,
    };
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(Error::Open(path.to_owned()));
    }
    Ok(())
}

/// Writes a new file that only its owner may read, durably.
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::File::open(parent)?.sync_all()?;
    }
    Ok(())
}
