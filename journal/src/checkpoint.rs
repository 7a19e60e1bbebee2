//! Checkpoints: signed statements of how many records there were and what their Merkle root was (C2SP tlog-checkpoint).

use signed_note::{Note, Signer, VerifierList};

use crate::disk::{self, Disk};
use crate::{Error, Root, SigningKey, VerifyingKey};

const FOLDER: &str = "checkpoints";
/// Where C2SP tlog-tiles wants the newest one, so that the tile folder can be served as it is.
const NEWEST: &str = "tiles/checkpoint";

/// A signed statement of a root. Keep a copy elsewhere: it is what finds a truncated or rewritten journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// What it vouches for.
    pub root: Root,
    /// The signed note itself.
    pub note: String,
}

impl Checkpoint {
    pub(crate) fn sign(key: &SigningKey, origin: &str, root: Root) -> Result<Self, Error> {
        let refuse = |why: String| Error::Checkpoint { why };
        let body = tlog_tiles::Checkpoint::new(origin, root.size, tlog_tiles::Hash(root.hash), "");
        let body = body.map_err(|cause| refuse(cause.to_string()))?.to_bytes();
        let mut note = Note::new(&body, &[]).map_err(|cause| refuse(cause.to_string()))?;
        let signer = key.signer()?;
        note.add_sigs(&[&signer as &dyn Signer])
            .map_err(|cause| refuse(cause.to_string()))?;
        let note = String::from_utf8(note.to_bytes()).map_err(|cause| refuse(cause.to_string()))?;
        Ok(Self {
            origin: origin.to_owned(),
            root,
            note,
        })
    }

    /// Reads a signed note. The signature is not checked: [`Checkpoint::verify`] does.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when it is anything else.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refuse = |why: String| Error::Checkpoint { why };
        let note = Note::from_bytes(text.as_bytes()).map_err(|cause| refuse(cause.to_string()))?;
        let body = tlog_tiles::Checkpoint::from_bytes(note.text()).map_err(|cause| refuse(cause.to_string()))?;
        let root = Root {
            size: body.size(),
            hash: body.hash().0,
        };
        Ok(Self {
            origin: body.origin().to_owned(),
            root,
            note: text.to_owned(),
        })
    }

    /// Checks the signature.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when the key did not sign it.
    pub fn verify(&self, key: &VerifyingKey) -> Result<(), Error> {
        let refuse = |cause: signed_note::NoteError| Error::Checkpoint { why: cause.to_string() };
        let note = Note::from_bytes(self.note.as_bytes()).map_err(refuse)?;
        note.verify(&VerifierList::new(vec![key.verifier()?])).map_err(refuse)?;
        Ok(())
    }

    /// Saves it; as the newest, too, unless there is a newer one.
    pub(crate) fn save(&self, disk: &dyn Disk) -> Result<(), Error> {
        let put = |name: &str| disk::put(disk, name, self.note.as_bytes()).map_err(Error::io("save", name));
        put(&format!("{FOLDER}/{:020}", self.root.size))?;
        match newest(disk) {
            Ok(Some(newer)) if newer.root.size > self.root.size => Ok(()),
            _ => put(NEWEST),
        }
    }
}

/// The newest one that was saved; `None` where there is none. Those that were saved are listed only where the file of the newest
/// is not there or not whole: they are many.
pub(crate) fn newest(disk: &dyn Disk) -> Result<Option<Checkpoint>, Error> {
    if let Ok(newest) = read(disk, NEWEST) {
        return Ok(Some(newest));
    }
    let named = disk.list(FOLDER).map_err(Error::io("list", FOLDER))?;
    let Some(name) = named.iter().rfind(|name| is_checkpoint(name)) else {
        return Ok(None);
    };
    read(disk, &format!("{FOLDER}/{name}")).map(Some)
}

/// Whether a name in the folder is that of a checkpoint: its size in 20 digits.
fn is_checkpoint(name: &str) -> bool {
    name.len() == 20 && name.bytes().all(|byte| byte.is_ascii_digit())
}

fn read(disk: &dyn Disk, name: &str) -> Result<Checkpoint, Error> {
    let bytes = disk::read_whole(disk, name).map_err(Error::io("read", name))?;
    Checkpoint::parse(&String::from_utf8_lossy(&bytes))
}

/// A saved checkpoint: its file, and what could be read of it.
pub(crate) type Saved = (String, Result<Checkpoint, Error>);

/// The checkpoints saved in a directory, oldest first: file and content.
pub(crate) fn list(disk: &dyn Disk) -> Result<Vec<Saved>, Error> {
    let names = disk.list(FOLDER).map_err(Error::io("list", FOLDER))?;
    let saved = names.into_iter().filter(|name| is_checkpoint(name));
    let load = |name: String| {
        let name = format!("{FOLDER}/{name}");
        let bytes = disk::read_whole(disk, &name).map_err(Error::io("read", &name))?;
        Ok((name, Checkpoint::parse(&String::from_utf8_lossy(&bytes))))
    };
    saved.map(load).collect()
}

/// Refuses a journal that holds fewer records than a saved checkpoint vouches for.
pub(crate) fn refuse_truncated(disk: &dyn Disk, found: u64) -> Result<(), Error> {
    for (checkpoint, content) in list(disk)?.into_iter().rev() {
        // One that cannot be read proves nothing; `verify` names it.
        if let Ok(Checkpoint {
            root: Root { size, .. },
            ..
        }) = content
            && size > found
        {
            return Err(Error::Truncated {
                checkpoint,
                size,
                found,
            });
        }
    }
    Ok(())
}
