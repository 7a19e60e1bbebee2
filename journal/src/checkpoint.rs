//! Checkpoints: the size and root of the tree, signed (C2SP tlog-checkpoint in a signed note, Ed25519). One that was kept
//! elsewhere shows later whether anything before it was altered or removed.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signed_note::{Note, Signer as _, StandardSigner, StandardVerifier, Verifier, VerifierList};
use tlog_tiles::checkpoint::Checkpoint;
use tlog_tiles::tlog::Hash;

use crate::tree::Tree;
use crate::{Error, Log};

/// Ed25519 in signed notes (C2SP signed-note, "Signature types").
const ED25519: u8 = 1;

/// Signs checkpoints under the journal's name.
pub struct SigningKey {
    name: String,
    signer: StandardSigner,
    public: VerifyingKey,
}

/// Checks checkpoints; its text is what an auditor is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey(String);

fn no(what: impl std::fmt::Display) -> Error {
    Error::Evidence(what.to_string())
}

impl SigningKey {
    /// A key from 32 secret bytes; `name` is the journal's origin line.
    pub fn new(name: &str, secret: &[u8; 32]) -> Result<Self, Error> {
        let public = ed25519_dalek::SigningKey::from_bytes(secret).verifying_key().to_bytes();
        let with_kind = |key: &[u8; 32]| [&[ED25519], key.as_slice()].concat();
        let id = signed_note::key_id(name, &with_kind(&public));
        let private = format!("PRIVATE+KEY+{name}+{id:08x}+{}", STANDARD.encode(with_kind(secret)));
        let signer =
            StandardSigner::new(&private).map_err(|cause| no(format!("the signing key is not usable: {cause:?}")))?;
        let public = VerifyingKey(format!("{name}+{id:08x}+{}", STANDARD.encode(with_kind(&public))));
        Ok(Self {
            name: name.to_owned(),
            signer,
            public,
        })
    }

    /// The key that checks what this one signs.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// The signed checkpoint of a size and root.
    pub fn sign(&self, size: u64, root: Hash) -> Result<String, Error> {
        let checkpoint = Checkpoint::new(&self.name, size, root, "").map_err(no)?;
        let mut note = Note::new(&checkpoint.to_bytes(), &[]).map_err(|cause| no(format!("{cause:?}")))?;
        debug_assert_eq!(self.signer.name(), self.name);
        note.add_sigs(&[&self.signer])
            .map_err(|cause| no(format!("{cause:?}")))?;
        String::from_utf8(note.to_bytes()).map_err(no)
    }
}

impl VerifyingKey {
    /// Reads a key as [`VerifyingKey::text`] writes it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        StandardVerifier::new(text.trim()).map_err(|_| no("not a public key of the form name+id+base64"))?;
        Ok(Self(text.trim().to_owned()))
    }

    /// `name+id+base64` (C2SP signed-note, "Verifier keys").
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The size and root that a checkpoint states, if its signature is good.
    pub fn open(&self, checkpoint: &str) -> Result<(u64, Hash), Error> {
        let verifier: Box<dyn Verifier> =
            Box::new(StandardVerifier::new(&self.0).map_err(|_| no("the public key is not usable"))?);
        let note =
            Note::from_bytes(checkpoint.as_bytes()).map_err(|cause| no(format!("not a signed note: {cause:?}")))?;
        note.verify(&VerifierList::new(vec![verifier]))
            .map_err(|_| no("no good signature of this key is on the checkpoint"))?;
        let stated = Checkpoint::from_bytes(note.text()).map_err(no)?;
        Ok((stated.size(), *stated.hash()))
    }
}

/// Signs a checkpoint of everything that is durable in a log and keeps it in the journal's directory.
pub fn checkpoint(dir: &Path, log: &dyn Log, key: &SigningKey) -> Result<String, Error> {
    let mut tree = Tree::open(dir)?;
    tree.extend(log)?;
    let text = key.sign(tree.size(), tree.root(tree.size())?)?;
    let kept = dir.join("checkpoints");
    fs::create_dir_all(&kept).map_err(Error::disk(kept.display().to_string()))?;
    let path = kept.join(format!("{:020}", tree.size()));
    fs::write(&path, &text).map_err(Error::disk(path.display().to_string()))?;
    Ok(text)
}

/// The checkpoints kept in a journal's directory, oldest first.
pub fn kept(dir: &Path) -> Result<Vec<String>, Error> {
    let Ok(entries) = fs::read_dir(dir.join("checkpoints")) else {
        return Ok(Vec::new());
    };
    let mut paths: Vec<_> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| fs::read_to_string(path).map_err(Error::disk(path.display().to_string())))
        .collect()
}
