//! The files of the keys: made durably before anything is sealed under them, destroyed durably and as often as wanted.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use projections::Digest;

use super::form::Name;

/// 64 hexadecimal digits and the end of the line.
const FILE_BYTES: usize = 65;

/// The file of a subject's key.
pub(super) fn of(dir: &Path, subject: Name) -> PathBuf {
    dir.join(hex(&subject.0))
}

/// The subject whose key a file is; `None` for other files.
pub(super) fn named(name: &str) -> Option<Name> {
    unhex(name).map(Name)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(super) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N
        || !text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    {
        return None;
    }
    let mut bytes = [0; N];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// The key in a file; `None` where a crash left one that was not written whole yet, or overwritten already. Damage is an error:
/// another key in its place would erase somebody.
pub(super) fn read(path: &Path) -> io::Result<Option<[u8; 32]>> {
    let bytes = fs::read(path)?;
    let text = String::from_utf8_lossy(&bytes);
    if let Some(digest) = Digest::parse(text.trim()) {
        return Ok(Some(*digest.bytes()).filter(|key| *key != [0; 32]));
    }
    let is_begun = bytes.len() < FILE_BYTES || bytes.contains(&0);
    if is_begun {
        Ok(None)
    } else {
        Err(io::ErrorKind::InvalidData.into())
    }
}

/// Overwrites and removes a key. What is not there is destroyed already.
pub(super) fn destroy(path: &Path) -> io::Result<()> {
    let opened = OpenOptions::new().write(true).open(path);
    let mut file = match opened {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let length = usize::try_from(file.metadata()?.len()).unwrap_or_default();
    file.write_all(&vec![b'0'; length])?;
    file.sync_all()?;
    fs::remove_file(path)?;
    sync_parent(path)
}

/// Removes what may be there, with everything in it.
pub(super) fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cause),
        _ => sync_parent(path),
    }
}

/// Makes what happened to a folder's entries durable.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => fs::File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
