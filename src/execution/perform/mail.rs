//! Effects of the kind `mail`: a text to some people, through the mail server of the settings (RFC 5321).

mod letter;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use lettre::Message;
use lettre::message::Mailbox;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use serde_json::json;
use tokio::time::timeout;

use self::letter::Letter;
use super::settings::{self, Security, Wrong};
use super::{Done, Perform};
use crate::kernel::plan::Effect;
use crate::kernel::text;

/// The kind of effect.
pub const KIND: &str = "mail";

/// How long the mail server may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);
/// Most of a mail server's words that a reason quotes, in characters.
const QUOTED_MAX: usize = 200;

/// Sends mail. Each has a connection of its own, so that it is known how far it came.
pub struct Mail {
    host: String,
    port: u16,
    security: Security,
    tls: Option<TlsParameters>,
    credentials: Option<Credentials>,
    from: Mailbox,
    /// For what is before the text, and again for the text.
    limit: Duration,
}

impl Mail {
    /// Reads the password.
    ///
    /// # Errors
    /// [`Wrong`] where the settings contradict each other, or the password cannot be read.
    pub fn new(settings: &settings::Mail) -> Result<Self, Wrong> {
        let host = settings.host.clone();
        let wrong = |why: &str| Wrong::new(format!("mail: {why}"));
        if settings.security == Security::None && !is_loopback(&host) {
            return Err(wrong("without TLS only loopback may be reached"));
        }
        let default_port = match settings.security {
            Security::Starttls => 587,
            Security::Tls => 465,
            Security::None => 25,
        };
        let tls = match settings.security {
            Security::None => None,
            _ => Some(TlsParameters::new_rustls(host.clone()).map_err(|cause| wrong(&cause.to_string()))?),
        };
        Ok(Self {
            host,
            port: settings.port.unwrap_or(default_port),
            security: settings.security,
            tls,
            credentials: credentials(settings)?,
            from: letter::mailbox(&settings.from).map_err(|why| wrong(&format!("from: {why}")))?,
            limit: Duration::from_secs(settings.time_limit_seconds.get().into()),
        })
    }

    async fn send(&self, effect: &Effect, key: &str) -> Done {
        let message = match Letter::of(&effect.detail).and_then(|letter| letter.message(&self.from, key)) {
            Ok(message) => message,
            Err(reason) => return failed(reason, false),
        };
        let mut line = match timeout(self.limit, self.open(&message)).await {
            Ok(Ok(line)) => line,
            Ok(Err(cause)) => return refused(&cause),
            Err(_) => return failed("the mail server did not want the text in time".to_owned(), true),
        };
        match timeout(self.limit, line.message(&message.formatted())).await {
            Ok(Ok(_)) => {
                // It is sent, whatever comes now.
                drop(timeout(GOODBYE, line.quit()).await);
                Done::Done(json!({"messageId": letter::message_id(&self.from, key)}))
            }
            // What was answered so is not delivered (RFC 5321, section 4.2.5).
            Ok(Err(cause)) if cause.status().is_some() => refused(&cause),
            Ok(Err(cause)) => Done::Unknown(format!("no answer to the text: {}", told(&cause))),
            Err(_) => Done::Unknown("no answer to the text in time".to_owned()),
        }
    }

    /// A connection on which the mail server waits for the text. Nothing is delivered before it has that.
    async fn open(&self, message: &Message) -> Result<AsyncSmtpConnection, Error> {
        let hello = ClientId::Domain(self.from.email.domain().to_owned());
        let (at_once, later) = match self.security {
            Security::Tls => (self.tls.clone(), None),
            _ => (None, self.tls.clone()),
        };
        let server = (self.host.as_str(), self.port);
        let mut line = AsyncSmtpConnection::connect_tokio1(server, Some(self.limit), &hello, at_once, None).await?;
        if let Some(tls) = later {
            line.starttls(tls, &hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            line.auth(&[Mechanism::Plain, Mechanism::Login], credentials).await?;
        }
        let envelope = message.envelope();
        line.command(MailFrom::new(envelope.from().cloned(), Vec::new()))
            .await?;
        for to in envelope.to() {
            line.command(Rcpt::new(to.clone(), Vec::new())).await?;
        }
        line.command(Data).await?;
        Ok(line)
    }
}

impl Perform for Mail {
    fn perform<'a>(&'a self, effect: &'a Effect, key: &'a str) -> Pin<Box<dyn Future<Output = Done> + Send + 'a>> {
        Box::pin(self.send(effect, key))
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn credentials(settings: &settings::Mail) -> Result<Option<Credentials>, Wrong> {
    match (&settings.user, &settings.password_file) {
        (Some(user), Some(file)) => {
            let password = std::fs::read_to_string(file);
            let password = password.map_err(|cause| Wrong::new(format!("mail: {}: {cause}", file.display())))?;
            Ok(Some(Credentials::new(user.clone(), password.trim().to_owned())))
        }
        (None, None) => Ok(None),
        _ => Err(Wrong::new("mail: user and password_file belong together")),
    }
}

/// Nothing is delivered. What the server says is for good (5xx), or this client could not do, stays so.
fn refused(cause: &Error) -> Done {
    failed(told(cause), !cause.is_permanent() && !cause.is_client())
}

fn told(cause: &Error) -> String {
    text::clip(&cause.to_string(), QUOTED_MAX)
}

fn failed(reason: String, may_retry: bool) -> Done {
    Done::Failed { reason, may_retry }
}
