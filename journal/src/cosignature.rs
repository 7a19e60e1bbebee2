//! Cosignatures: what a witness says of a checkpoint it has seen (C2SP tlog-cosignature, `cosignature/v1`).

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine};
use ed25519_dalek::Verifier as _;
use signed_note::{Note, Signature, Verifier, VerifierList, key_id};

use crate::key::check_name;
use crate::{Checkpoint, Error};

/// Signature type 4 of C2SP signed notes: a timestamped Ed25519 cosignature.
const COSIGNATURE: u8 = 4;

/// Checks what one witness signs. In text: `<name>+<id>+<base64>`, which is public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessKey {
    name: String,
    id: u32,
    public: ed25519_dalek::VerifyingKey,
}

impl WitnessKey {
    /// Reads the text form.
    ///
    /// # Errors
    /// [`Error::Key`] when it is anything else, such as the key of a log.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refuse = |why: &str| Error::Key {
            why: format!("{why}; a witness's key is <name>+<id>+<base64>, of type 4"),
        };
        let mut fields = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(data)) = (fields.next(), fields.next(), fields.next()) else {
            return Err(refuse("it has not three parts"));
        };
        check_name(name)?;
        let data = BASE64_STANDARD
            .decode(data)
            .map_err(|_| refuse("its last part is not base64"))?;
        let Some((&COSIGNATURE, public)) = data.split_first() else {
            return Err(refuse("it is of another type"));
        };
        let public = public
            .try_into()
            .ok()
            .and_then(|bytes| ed25519_dalek::VerifyingKey::from_bytes(bytes).ok());
        let public = public
            .filter(|key| !key.is_weak())
            .ok_or_else(|| refuse("it holds no point"))?;
        let key = Self {
            name: name.to_owned(),
            id: key_id(name, &data),
            public,
        };
        if format!("{:08x}", key.id) == id {
            Ok(key)
        } else {
            Err(refuse("its id is another's"))
        }
    }

    /// The witness's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Seconds since 1970 and the signature of a signature line's content.
    fn parts(signature: &[u8]) -> Option<(u64, [u8; 64])> {
        let (time, rest) = signature.split_first_chunk::<8>()?;
        Some((u64::from_be_bytes(*time), rest.try_into().ok()?))
    }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let data: Vec<u8> = std::iter::once(COSIGNATURE).chain(self.public.to_bytes()).collect();
        write!(f, "{}+{:08x}+{}", self.name, self.id, BASE64_STANDARD.encode(data))
    }
}

impl Verifier for WitnessKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        Self::parts(signature).is_some_and(|(time, signature)| {
            let mut said = format!("cosignature/v1\ntime {time}\n").into_bytes();
            said.extend_from_slice(text);
            let signature = ed25519_dalek::Signature::from_bytes(&signature);
            self.public.verify(&said, &signature).is_ok()
        })
    }
}

impl Checkpoint {
    /// When a witness says it saw this checkpoint, in seconds since 1970; `None` where it says nothing.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when a signature in its name does not hold.
    pub fn seen_by(&self, witness: &WitnessKey) -> Result<Option<u64>, Error> {
        let refuse = |why: String| Error::Checkpoint { why };
        let note = Note::from_bytes(self.note.as_bytes()).map_err(|cause| refuse(cause.to_string()))?;
        match note.verify(&VerifierList::new(vec![Box::new(witness.clone())])) {
            Ok((known, _)) => {
                let time = known.first().and_then(|one| WitnessKey::parts(one.signature()));
                Ok(time.map(|(time, _)| time))
            }
            Err(signed_note::NoteError::UnverifiedNote) => Ok(None),
            Err(cause) => Err(refuse(cause.to_string())),
        }
    }

    /// This checkpoint with the cosignature of a witness, found among the lines that it answered with.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when there is none among them, or one that does not hold.
    pub fn with_cosignature(&self, lines: &str, witness: &WitnessKey) -> Result<Self, Error> {
        let refuse = |why: &str| Error::Checkpoint { why: why.to_owned() };
        let theirs = lines
            .lines()
            .filter_map(|line| Signature::from_bytes(line.as_bytes()).ok());
        let mut theirs = theirs.filter(|one| one.name() == witness.name && one.id() == witness.id);
        let line = theirs
            .next()
            .ok_or_else(|| refuse("the answer holds no signature of this witness"))?;
        let line = String::from_utf8(line.to_bytes()).map_err(|_| refuse("the signature is no text"))?;
        let signed = Self::parse(&format!("{}{line}", self.note))?;
        match signed.seen_by(witness)? {
            Some(_) => Ok(signed),
            None => Err(refuse("the signature is not of this witness")),
        }
    }
}
