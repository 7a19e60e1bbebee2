//! Statements other than checkpoints, signed with the log's key (C2SP signed-note).

use signed_note::{Note, Signer, VerifierList};

use crate::{Error, SigningKey, VerifyingKey};

/// A text that the log's key signed. Its first line says what kind of statement it is, so that none can be taken for
/// another, nor for a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The text: lines, each with its end.
    pub text: String,
    /// The signed note itself: the text, an empty line, one signature.
    pub note: String,
}

impl Statement {
    /// Signs lines under a first line that says what they are.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when a line is empty or could be read as the size in a checkpoint.
    pub fn sign(key: &SigningKey, kind: &str, lines: &[String]) -> Result<Self, Error> {
        let refuse = |why: String| Error::Checkpoint { why };
        let bad = |line: &str| line.is_empty() || line.contains('\n');
        if bad(kind)
            || lines.iter().any(|line| bad(line))
            || lines.first().is_some_and(|line| line.parse::<u64>().is_ok())
        {
            return Err(refuse("this is no statement".to_owned()));
        }
        let mut text = format!("{kind}\n");
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        let mut note = Note::new(text.as_bytes(), &[]).map_err(|cause| refuse(cause.to_string()))?;
        let signer = key.signer()?;
        note.add_sigs(&[&signer as &dyn Signer])
            .map_err(|cause| refuse(cause.to_string()))?;
        let note = String::from_utf8(note.to_bytes()).map_err(|cause| refuse(cause.to_string()))?;
        Ok(Self { text, note })
    }

    /// Reads a signed statement of a kind and checks its signature. It must be written as [`Statement::sign`] writes it,
    /// byte for byte, with no signature beside the one.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when it is anything else.
    pub fn open(note: &str, kind: &str, key: &VerifyingKey) -> Result<Self, Error> {
        let refuse = |why: String| Error::Checkpoint { why };
        let signed = Note::from_bytes(note.as_bytes()).map_err(|cause| refuse(cause.to_string()))?;
        let (known, _) = signed
            .verify(&VerifierList::new(vec![key.verifier()?]))
            .map_err(|cause| refuse(cause.to_string()))?;
        let only = Note::new(signed.text(), &known).map_err(|cause| refuse(cause.to_string()))?;
        if only.to_bytes() != note.as_bytes() {
            return Err(refuse(
                "it is not written as it was signed, or another signature stands beside".to_owned(),
            ));
        }
        let text = String::from_utf8_lossy(signed.text()).into_owned();
        if text.lines().next() != Some(kind) {
            return Err(refuse(format!("it is not a statement of the kind {kind}")));
        }
        let note = note.to_owned();
        Ok(Self { text, note })
    }

    /// The lines under the first.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.lines().skip(1)
    }
}
