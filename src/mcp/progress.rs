//! Calls that take a while: progress for clients that ask for it, and no more waiting for those who have gone.
//!
//! A cancelled call is only no longer waited for. What was journaled stands: a preview stays pending, a confirm that reached the
//! processor is carried out, and asking again tells what came of it.

use std::future::Future;
use std::time::Duration;

use rmcp::model::{ErrorData, ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext, RoleServer};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A call that is answered sooner is not told of.
const FIRST: Duration = Duration::from_millis(300);
/// How often a longer one is told of.
const EVERY: Duration = Duration::from_secs(2);

/// Waits for a call, and tells of it where the client wants that; an error where the client has cancelled it or gone.
pub(super) async fn watched<T>(
    cx: &RequestContext<RoleServer>,
    tool: &str,
    call: impl Future<Output = T>,
) -> Result<T, ErrorData> {
    let token = cx.meta.get_progress_token();
    let teller = token.map(|token| Teller::start(cx.peer.clone(), token, tool));
    tokio::select! {
        biased;
        answer = call => {
            if let Some(teller) = teller {
                teller.end().await;
            }
            Ok(answer)
        }
        () = cx.ct.cancelled() => {
            if let Some(teller) = teller {
                teller.task.abort();
            }
            Err(ErrorData::invalid_request("the call was cancelled; what was journaled stands", None))
        }
    }
}

/// Tells of a call beside it, because a read does not pause.
struct Teller {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Teller {
    fn start(peer: Peer<RoleServer>, token: ProgressToken, tool: &str) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(tell(peer, token, format!("{tool} is still at work"), stopped));
        Self { stop, task }
    }

    /// Nothing is told after the answer: what is on its way leaves first.
    async fn end(self) {
        drop(self.stop);
        drop(self.task.await);
    }
}

async fn tell(peer: Peer<RoleServer>, token: ProgressToken, message: String, mut stopped: oneshot::Receiver<()>) {
    let (mut pause, mut count) = (FIRST, 0.0);
    while tokio::time::timeout(pause, &mut stopped).await.is_err() {
        count += 1.0;
        let told = ProgressNotificationParam::new(token.clone(), count).with_message(message.clone());
        if peer.notify_progress(told).await.is_err() {
            return;
        }
        pause = EVERY;
    }
}
