//! A worker by hand: takes executions of labels and says what the test wants.

use std::time::Duration;

use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::{self, AckKind, Message};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::broker::{Broker, PASSWORD};

pub struct Hand {
    runtime: Runtime,
    client: async_nats::Client,
}

/// An execution in hand.
pub struct Taken {
    delivery: Message,
    pub execution: Value,
}

impl Hand {
    /// Logs in as a user of `ops/nats.conf`.
    pub fn of(broker: &Broker, user: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let options = async_nats::ConnectOptions::with_user_and_password(user.to_owned(), PASSWORD.to_owned())
            .custom_inbox_prefix(format!("_INBOX.{user}"));
        let client = runtime.block_on(options.connect(broker.url())).unwrap();
        Self { runtime, client }
    }

    /// One request to the broker's interface.
    pub fn asks(&self, what: &str, body: &str) -> Value {
        let asked = self.client.request(format!("$JS.API.{what}"), body.to_owned().into());
        let answer = self
            .runtime
            .block_on(async { tokio::time::timeout(Duration::from_secs(5), asked).await });
        serde_json::from_slice(&answer.unwrap().unwrap().payload).unwrap()
    }

    /// The next execution of labels.
    pub fn take(&self) -> Option<Taken> {
        let delivery = self.runtime.block_on(async {
            let context = jetstream::new(self.client.clone());
            let consumer: jetstream::consumer::Consumer<pull::Config> = context
                .get_consumer_from_stream("labels", "ORKESTRA_EXECUTIONS")
                .await
                .unwrap();
            let mut batch = consumer
                .batch()
                .max_messages(1)
                .expires(Duration::from_secs(3))
                .messages()
                .await
                .unwrap();
            batch.next().await.map(Result::unwrap)
        })?;
        let execution = serde_json::from_slice(&delivery.payload).unwrap();
        Some(Taken { delivery, execution })
    }

    /// Reports; `None` where nobody answers.
    pub fn report(&self, worker: &str, outcome: &Value) -> Option<Value> {
        let subject = format!("orkestra.outcome.0.{worker}");
        let asked = self.client.request(subject, outcome.to_string().into());
        let answer = self
            .runtime
            .block_on(async { tokio::time::timeout(Duration::from_secs(2), asked).await });
        serde_json::from_slice(&answer.ok()?.ok()?.payload).ok()
    }

    /// Whether the record feed is made.
    pub fn has_feed(&self) -> bool {
        let client = self.client.clone();
        let found = async { jetstream::new(client).get_stream("ORKESTRA_JOURNAL").await.is_ok() };
        self.runtime.block_on(found)
    }

    /// Everything that the record feed has: message id, subject, record.
    pub fn follow(&self) -> Vec<(u64, String, Value)> {
        self.runtime.block_on(async {
            let stream = jetstream::new(self.client.clone())
                .get_stream("ORKESTRA_JOURNAL")
                .await
                .unwrap();
            let count = usize::try_from(stream.cached_info().state.messages).unwrap();
            let config = pull::Config {
                ack_policy: jetstream::consumer::AckPolicy::None,
                ..pull::Config::default()
            };
            let consumer = stream.create_consumer(config).await.unwrap();
            let messages = consumer.messages().await.unwrap().take(count);
            let read = messages.map(|message| {
                let message = message.unwrap();
                let id = message
                    .headers
                    .as_ref()
                    .unwrap()
                    .get("Nats-Msg-Id")
                    .unwrap()
                    .as_str()
                    .parse()
                    .unwrap();
                (
                    id,
                    message.subject.to_string(),
                    serde_json::from_slice(&message.payload).unwrap(),
                )
            });
            read.collect().await
        })
    }

    pub fn acknowledge(&self, taken: &Taken) {
        self.runtime.block_on(taken.delivery.double_ack()).unwrap();
    }

    /// Gives it back, so that it is delivered again at once.
    pub fn give_back(&self, taken: &Taken) {
        self.runtime
            .block_on(taken.delivery.ack_with(AckKind::Nak(None)))
            .unwrap();
        self.runtime.block_on(self.client.flush()).unwrap();
    }
}

impl Taken {
    /// An outcome of it.
    pub fn outcome(&self, word: &str, more: Value) -> Value {
        let mut said = json!({"v": 1, "outcome": word});
        for name in ["action", "attempt", "digest"] {
            said[name] = self.execution[name].clone();
        }
        let Value::Object(more) = more else { return said };
        said.as_object_mut().unwrap().extend(more);
        said
    }
}
