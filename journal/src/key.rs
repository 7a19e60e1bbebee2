//! Ed25519 keys in the text form of C2SP signed notes.

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine};
use signed_note::{StandardSigner, StandardVerifier, Verifier, is_key_name_valid, key_id};

use crate::Error;

/// Signature type 1 of C2SP signed notes: Ed25519.
const ED25519: u8 = 1;

/// Signs checkpoints. In text: `PRIVATE+KEY+<name>+<id>+<base64>`, which is a secret. `Debug` does not show it.
#[derive(Clone)]
pub struct SigningKey {
    name: String,
    seed: [u8; 32],
}

impl SigningKey {
    /// A new key. Its name should be the log's origin.
    ///
    /// # Errors
    /// [`Error::Key`] when the name is empty or holds white space or `+`, or there is no randomness.
    pub fn generate(name: &str) -> Result<Self, Error> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|cause| Error::Key {
            why: format!("no randomness: {cause}"),
        })?;
        Self::from_seed(name, seed)
    }

    /// The key of a seed: 32 secret bytes (RFC 8032, section 5.1.5).
    ///
    /// # Errors
    /// [`Error::Key`] when the name is empty or holds white space or `+`.
    pub fn from_seed(name: &str, seed: [u8; 32]) -> Result<Self, Error> {
        check_name(name)?;
        Ok(Self {
            name: name.to_owned(),
            seed,
        })
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// [`Error::Key`] when it is anything else.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refuse = |why: &str| Error::Key { why: why.to_owned() };
        let text = text.trim();
        StandardSigner::new(text).map_err(|_| refuse("a signing key is PRIVATE+KEY+<name>+<id>+<base64>"))?;
        // A `+` may also stand in the base64 part, so it is the last field of five.
        let mut fields = text.splitn(5, '+').skip(2);
        let (name, data) = (fields.next().unwrap_or_default(), fields.nth(1).unwrap_or_default());
        let data = BASE64_STANDARD
            .decode(data)
            .map_err(|_| refuse("its last part is not base64"))?;
        let seed = data
            .get(1..)
            .and_then(|seed| seed.try_into().ok())
            .ok_or_else(|| refuse("a seed has 32 bytes"))?;
        Self::from_seed(name, seed)
    }

    /// The text form: a secret.
    pub fn encode(&self) -> String {
        let id = key_id(&self.name, &tagged(&self.public()));
        format!(
            "PRIVATE+KEY+{}+{id:08x}+{}",
            self.name,
            BASE64_STANDARD.encode(tagged(&self.seed))
        )
    }

    /// The key's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key that checks its signatures.
    ///
    /// # Errors
    /// None is known; [`Error::Key`] would be a defect.
    pub fn verifying_key(&self) -> Result<VerifyingKey, Error> {
        VerifyingKey::from_bytes(&self.name, &self.public())
    }

    fn public(&self) -> [u8; 32] {
        ed25519_dalek::SigningKey::from_bytes(&self.seed)
            .verifying_key()
            .to_bytes()
    }

    pub(crate) fn signer(&self) -> Result<StandardSigner, Error> {
        StandardSigner::new(&self.encode()).map_err(|cause| Error::Key { why: cause.to_string() })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Checks signatures of checkpoints. In text: `<name>+<id>+<base64>`, which is public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey {
    text: String,
}

impl VerifyingKey {
    /// The key of a name and 32 public bytes.
    ///
    /// # Errors
    /// [`Error::Key`] when the name or the point is not valid.
    pub fn from_bytes(name: &str, public: &[u8; 32]) -> Result<Self, Error> {
        check_name(name)?;
        let data = tagged(public);
        Self::parse(&format!(
            "{name}+{:08x}+{}",
            key_id(name, &data),
            BASE64_STANDARD.encode(&data)
        ))
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// [`Error::Key`] when it is anything else.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let key = Self {
            text: text.trim().to_owned(),
        };
        key.verifier().map(|_| key)
    }

    /// The text form.
    pub fn encode(&self) -> &str {
        &self.text
    }

    /// The key's name.
    pub fn name(&self) -> &str {
        self.text.split_once('+').map_or("", |(name, _)| name)
    }

    pub(crate) fn verifier(&self) -> Result<Box<dyn Verifier>, Error> {
        let verifier = StandardVerifier::new(&self.text);
        let refuse = |cause| Error::Key {
            why: format!("{cause}; a verifying key is <name>+<id>+<base64>"),
        };
        Ok(Box::new(verifier.map_err(refuse)?))
    }
}

fn tagged(bytes: &[u8; 32]) -> Vec<u8> {
    std::iter::once(ED25519).chain(*bytes).collect()
}

/// Whether a name can stand in a signed note.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let refuse = |why| Err(Error::Key { why });
    if is_key_name_valid(name) {
        Ok(())
    } else {
        refuse(format!("the name {name:?} is empty or holds white space or +"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_their_text_form() {
        for byte in 0..=255 {
            let key = SigningKey::from_seed("example.org/log", [byte; 32]).unwrap();
            let again = SigningKey::parse(&key.encode()).unwrap();
            assert_eq!((again.name(), again.seed), ("example.org/log", key.seed));
            let public = key.verifying_key().unwrap();
            assert_eq!(
                (VerifyingKey::parse(public.encode()).unwrap().name(), &public),
                ("example.org/log", &public)
            );
        }
        assert!(!format!("{:?}", SigningKey::generate("a").unwrap()).contains("seed"));
        assert!(SigningKey::generate("a b").is_err());
    }
}
