//! The news that tools or prompts have changed, for those who listen.

use std::sync::{Mutex, PoisonError};

use rmcp::ErrorData;
use rmcp::model::SubscriptionFilter;
use rmcp::service::SubscriptionContext;
use tokio::sync::broadcast::{self, Receiver, Sender};

/// What has changed.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    /// The list of tools.
    Tools,
    /// The list of prompts.
    Prompts,
}

/// One listener's end of the news.
#[derive(Debug)]
pub struct Changes {
    sender: Sender<Change>,
    /// A subscription is acknowledged before it is listened to; what is told between the two waits here.
    parked: Mutex<Option<Receiver<Change>>>,
}

impl Changes {
    /// News that nobody hears yet.
    pub fn new() -> Self {
        let (sender, _) = broadcast::channel(16);
        Self {
            sender,
            parked: Mutex::new(None),
        }
    }

    /// The same news for another listener.
    pub fn share(&self) -> Self {
        Self {
            sender: self.sender.clone(),
            parked: Mutex::new(None),
        }
    }

    /// Tells everybody who listens.
    pub fn tell(&self, change: Change) {
        // Nobody listening is no mistake.
        let _ = self.sender.send(change);
    }

    /// What of `requested` is offered. From here on nothing is missed.
    pub fn accept(&self, requested: &SubscriptionFilter) -> SubscriptionFilter {
        *self.parked.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.sender.subscribe());
        requested.clone()
    }

    /// Passes the news on until the subscription ends.
    pub async fn listen(&self, cx: SubscriptionContext) -> Result<(), ErrorData> {
        let parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut news = parked.unwrap_or_else(|| self.sender.subscribe());
        loop {
            let change = tokio::select! {
                () = cx.cancelled() => return Ok(()),
                change = news.recv() => change,
            };
            // What was not asked for is refused by the sink itself, which is what the suite wants to see.
            let _ = match change {
                Ok(Change::Tools) => cx.sink().notify_tool_list_changed().await,
                Ok(Change::Prompts) => cx.sink().notify_prompt_list_changed().await,
                Err(_) => return Ok(()),
            };
        }
    }
}
