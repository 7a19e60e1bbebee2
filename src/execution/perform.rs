//! Doing what a plan needs outside. Each kind of effect is a performer; all of a plan's effects are done in order.

mod address;
mod http;
mod mail;
mod settings;

pub use settings::{Mail, Security, Settings, Wrong};

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::message::Message;
use crate::kernel::execution::Word;
use crate::kernel::plan::Effect;

/// What came of one effect.
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// It is done; what the receipt shall say of it.
    Done(Value),
    /// It is not done.
    Failed {
        /// Why.
        reason: String,
        /// Whether another attempt may do better.
        may_retry: bool,
    },
    /// It cannot be told whether it is done.
    Unknown(String),
}

/// Does effects of one kind.
pub trait Perform: Send + Sync {
    /// Does one effect. `key` is the same in every attempt: whoever is called can tell a repetition by it.
    fn perform<'a>(&'a self, effect: &'a Effect, key: &'a str) -> Pin<Box<dyn Future<Output = Done> + Send + 'a>>;
}

/// Every performer, by the kind of effect.
#[derive(Clone, Default)]
pub struct Performers(BTreeMap<&'static str, Arc<dyn Perform>>);

impl Performers {
    /// Adds a kind.
    #[must_use]
    pub fn with(mut self, kind: &'static str, performer: Arc<dyn Perform>) -> Self {
        self.0.insert(kind, performer);
        self
    }

    /// Carries out one attempt.
    pub async fn carry_out(&self, message: &Message, now: Timestamp) -> Word {
        let effects = match message.effects(now) {
            Ok(effects) => effects,
            Err(not_begun) => return failed(not_begun.to_string(), false),
        };
        let mut said = Vec::new();
        for (number, effect) in effects.iter().enumerate() {
            let Some(performer) = self.0.get(effect.kind.as_ref()) else {
                return nothing_or_unknown(&said, format!("this worker does not do `{}`", effect.kind), false);
            };
            let key = format!("{}/{number}", message.action);
            match performer.perform(effect, &key).await {
                Done::Done(value) => said.push(value),
                Done::Failed { reason, may_retry } => return nothing_or_unknown(&said, reason, may_retry),
                Done::Unknown(reason) => return Word::Unknown { reason },
            }
        }
        Word::Succeeded {
            result: serde_json::value::to_raw_value(&said).ok(),
        }
    }
}

/// What the built-in worker can do.
///
/// # Errors
/// [`Wrong`] where it cannot do it with these settings.
pub fn built_in(settings: &Settings) -> Result<Performers, Wrong> {
    let http = http::Http::new(settings)?;
    let mut all = Performers::default().with(http::KIND, Arc::new(http));
    if let Some(settings) = &settings.mail {
        all = all.with(mail::KIND, Arc::new(mail::Mail::new(settings)?));
    }
    Ok(all)
}

fn failed(reason: String, may_retry: bool) -> Word {
    Word::Failed { reason, may_retry }
}

/// A failure after something was done is no clean failure, unless the next attempt goes on from there.
fn nothing_or_unknown(done: &[Value], reason: String, may_retry: bool) -> Word {
    if done.is_empty() || may_retry {
        return failed(reason, may_retry);
    }
    Word::Unknown {
        reason: format!(
            "{} done, then: {reason}",
            crate::kernel::text::count(done.len(), "effect")
        ),
    }
}
