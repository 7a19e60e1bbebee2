//! Now and then: journal what limits refused and doors turned away, folded, and forget callers long gone.

use std::time::Duration;

use jiff::Timestamp;
use projections::event::{Folded, event, names};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::Faces;

/// How often refusals are journaled.
const EVERY: Duration = Duration::from_secs(5);

/// What sweeps beside a server.
pub(crate) struct Sweeper {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Sweeper {
    /// Begins.
    pub(crate) fn start(faces: Faces) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(run(faces, stopped));
        Self { stop, task }
    }

    /// Sweeps a last time, so that what was refused just before the end is journaled too.
    pub(crate) async fn end(self) {
        drop(self.stop);
        drop(self.task.await);
    }
}

async fn run(faces: Faces, mut stopped: oneshot::Receiver<()>) {
    let mut since = faces.handle.now();
    loop {
        // Only the pause is cut short, never the journaling.
        let last = tokio::time::timeout(EVERY, &mut stopped).await.is_ok();
        let now = faces.handle.now();
        limits(&faces).await;
        turned_away(&faces, since, now).await;
        if last {
            return;
        }
        faces.limits.tidy();
        since = now;
    }
}

async fn limits(faces: &Faces) {
    for refused in faces.limits.take_refused() {
        let what = refused.class.word().into();
        let folded = Folded {
            what,
            count: refused.count,
            from: refused.from,
            to: refused.to,
        };
        if let Ok(event) = event(names::LIMITED, &folded) {
            log_failure(faces.handle.record(refused.caller, vec![event]).await);
        }
    }
}

async fn turned_away(faces: &Faces, from: Timestamp, to: Timestamp) {
    let events: Vec<_> = faces
        .telemetry
        .take_turned_away()
        .into_iter()
        .filter_map(|(what, count)| {
            event(
                names::SECURITY_REJECTED,
                &Folded {
                    what: what.into(),
                    count,
                    from,
                    to,
                },
            )
            .ok()
        })
        .collect();
    if !events.is_empty() {
        log_failure(faces.handle.system(events).await);
    }
}

fn log_failure(noted: Result<(), crate::kernel::Rejection>) {
    if let Err(no) = noted {
        tracing::warn!(why = no.message, "refusals could not be journaled");
    }
}
