//! What an effect wants to be written, checked before anything is sent.

use lettre::Message;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use projections::Digest;
use serde::Deserialize;
use serde_json::Value;

/// Most recipients of a mail.
const RECIPIENTS_MAX: usize = 50;

/// The detail of an effect.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Letter {
    /// Addresses, with or without names. They see each other.
    to: Vec<String>,
    subject: String,
    text: String,
}

impl Letter {
    /// Reads an effect's detail.
    pub fn of(detail: &Value) -> Result<Self, String> {
        Self::deserialize(detail).map_err(|cause| format!("the mail cannot be read: {cause}"))
    }

    /// The mail, if the rules allow it.
    pub fn message(self, from: &Mailbox, key: &str) -> Result<Message, String> {
        if self.to.is_empty() || self.to.len() > RECIPIENTS_MAX {
            return Err(format!(
                "{} recipients: between 1 and {RECIPIENTS_MAX} may be written to",
                self.to.len()
            ));
        }
        if self.subject.chars().any(char::is_control) {
            return Err("the subject must be one line".to_owned());
        }
        let mut message = Message::builder()
            .from(from.clone())
            .subject(self.subject)
            .message_id(Some(message_id(from, key)))
            .header(ContentType::TEXT_PLAIN);
        for to in &self.to {
            message = message.to(mailbox(to).map_err(|why| format!("{to:?}: {why}"))?);
        }
        message
            .body(self.text)
            .map_err(|cause| format!("the mail cannot be written: {cause}"))
    }
}

/// The same in every attempt, so that a mailbox can tell a repetition (RFC 5322, section 3.6.4).
pub fn message_id(from: &Mailbox, key: &str) -> String {
    format!("<{}@{}>", Digest::of(key.as_bytes()), from.email.domain())
}

/// One address. Beyond ASCII it would need SMTPUTF8 (RFC 6531), which not every mail server on the way has.
pub fn mailbox(text: &str) -> Result<Mailbox, String> {
    if text.chars().any(char::is_control) {
        return Err("an address must be one line".to_owned());
    }
    let mailbox: Mailbox = text.parse().map_err(|cause| format!("no address: {cause}"))?;
    let address: &str = mailbox.email.as_ref();
    if !address.is_ascii() {
        return Err("the address itself must be ASCII".to_owned());
    }
    Ok(mailbox)
}
