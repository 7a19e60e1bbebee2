//! Doing what a plan needs outside. Each kind of effect is a performer; all of a plan's effects are done in order.

mod address;
mod http;
mod mail;
mod post;
mod settings;

pub use post::{Post, Posted, Taken};
pub use settings::{Mail, Security, Settings, Wrong};

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::message::{Message, NotBegun};
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

    /// Whether doing it twice does no harm, whoever is called.
    fn may_repeat(&self, _effect: &Effect) -> bool {
        false
    }
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

    /// What becomes of an attempt that a worker had before and did not report on: whether it was begun, nobody knows.
    pub async fn carry_out_again(&self, message: &Message, now: Timestamp) -> Word {
        let harmless = |effect: &Effect| {
            self.0
                .get(effect.kind.as_ref())
                .is_some_and(|known| known.may_repeat(effect))
        };
        match message.effects(now) {
            Ok(effects) if !effects.iter().all(harmless) => Word::Unknown {
                reason: "a worker had it before and did not report".to_owned(),
            },
            // It may have been begun in time.
            Err(NotBegun::Late(deadline)) => Word::Unknown {
                reason: format!("a worker had it before and did not report, and the deadline {deadline} has passed"),
            },
            _ => self.carry_out(message, now).await,
        }
    }

    /// Carries out one attempt.
    pub async fn carry_out(&self, message: &Message, now: Timestamp) -> Word {
        let effects = match message.effects(now) {
            Ok(effects) => effects,
            Err(not_begun) => return failed(not_begun.to_string(), false),
        };
        let (mut said, mut once) = (Vec::new(), 0);
        for (number, effect) in effects.iter().enumerate() {
            let Some(performer) = self.0.get(effect.kind.as_ref()) else {
                return nothing_or_unknown(said.len(), format!("this worker does not do `{}`", effect.kind), false);
            };
            let key = format!("{}/{number}", message.action);
            match performer.perform(effect, &key).await {
                Done::Done(value) => said.push(value),
                // Another attempt would do again what is done.
                Done::Failed {
                    reason,
                    may_retry: true,
                } => return nothing_or_unknown(once, reason, true),
                Done::Failed { reason, .. } => return nothing_or_unknown(said.len(), reason, false),
                Done::Unknown(reason) => return Word::Unknown { reason },
            }
            once += usize::from(!performer.may_repeat(effect));
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

/// A failure after something was done, and must not be done again, is no clean failure.
fn nothing_or_unknown(done: usize, reason: String, may_retry: bool) -> Word {
    if done == 0 {
        return failed(reason, may_retry);
    }
    Word::Unknown {
        reason: format!("{} done, then: {reason}", crate::kernel::text::count(done, "effect")),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use projections::{Actor, Digest};
    use serde_json::{Map, json};

    use super::*;

    /// Does what the effect's detail says.
    struct Told;

    impl Perform for Told {
        fn perform<'a>(&'a self, effect: &'a Effect, _: &'a str) -> Pin<Box<dyn Future<Output = Done> + Send + 'a>> {
            let failed = |may_retry| Done::Failed {
                reason: "told so".to_owned(),
                may_retry,
            };
            let done = match effect.detail["do"].as_str() {
                Some("fail") => failed(false),
                Some("fail for now") => failed(true),
                _ => Done::Done(json!(1)),
            };
            Box::pin(async { done })
        }

        fn may_repeat(&self, effect: &Effect) -> bool {
            effect.detail["again"] == true
        }
    }

    fn message(effects: &Value) -> Message {
        let plan = json!({"effects": effects}).to_string();
        Message {
            v: 1,
            action: "act".to_owned(),
            attempt: 1,
            org: String::new(),
            module: String::new(),
            tool: String::new(),
            arguments: Map::new(),
            digest: Digest::of(plan.as_bytes()).to_string(),
            plan,
            actor: Actor::system(),
            trace: None,
            deadline: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1),
        }
    }

    async fn word(effects: Value) -> Word {
        let performers = Performers::default().with("told", Arc::new(Told));
        performers.carry_out(&message(&effects), Timestamp::UNIX_EPOCH).await
    }

    #[tokio::test]
    async fn what_was_done_and_may_not_be_done_again_is_not_tried_again() {
        let once = json!({"kind": "told", "detail": {}});
        let often = json!({"kind": "told", "detail": {"again": true}});
        let fails = json!({"kind": "told", "detail": {"do": "fail"}});
        let later = json!({"kind": "told", "detail": {"do": "fail for now"}});
        let strange = json!({"kind": "dance", "detail": {}});
        assert!(matches!(word(json!([once, often])).await, Word::Succeeded { .. }));
        assert!(matches!(
            word(json!([later, once])).await,
            Word::Failed { may_retry: true, .. }
        ));
        assert!(matches!(
            word(json!([often, later])).await,
            Word::Failed { may_retry: true, .. }
        ));
        assert!(matches!(word(json!([once, later])).await, Word::Unknown { .. }));
        assert!(matches!(
            word(json!([fails])).await,
            Word::Failed { may_retry: false, .. }
        ));
        assert!(matches!(word(json!([often, fails])).await, Word::Unknown { .. }));
        assert!(matches!(
            word(json!([strange])).await,
            Word::Failed { may_retry: false, .. }
        ));
    }

    #[tokio::test]
    async fn nothing_is_begun_that_is_late_altered_or_was_begun_before() {
        let performers = Performers::default().with("told", Arc::new(Told));
        let begun = |message: Message, now: i64| {
            let performers = performers.clone();
            async move { performers.carry_out(&message, Timestamp::new(now, 0).unwrap()).await }
        };
        let good = message(&json!([{"kind": "told", "detail": {}}]));
        assert!(matches!(begun(good.clone(), 0).await, Word::Succeeded { .. }));
        assert!(matches!(
            begun(good.clone(), 1).await,
            Word::Failed { may_retry: false, .. }
        ));
        let mut altered = good.clone();
        altered.plan.push(' ');
        assert!(matches!(begun(altered, 0).await, Word::Failed { may_retry: false, .. }));
        for hour in [0, 1] {
            let hour = Timestamp::new(hour, 0).unwrap();
            let again = performers.carry_out_again(&good, hour).await;
            assert!(matches!(again, Word::Unknown { .. }), "in time or late: {again:?}");
        }
    }
}
