//! Asks witnesses to cosign checkpoints (C2SP tlog-witness). A witness remembers the newest checkpoint it saw and cosigns only
//! what grew from it, so that a rewritten or forked history is noticed by somebody who does not hold the key.
//!
//! Cosignatures are added to the checkpoints that are kept. A witness that is away, or says no, holds up nothing; one that
//! sees another history is told in the journal (`log.disputed`).

mod post;

use std::time::Duration;

use journal::{Checkpoint, Consistency, Log as _, WitnessKey};
use projections::event::{event, evidence};
use thiserror::Error;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::post::{Answer, add_checkpoint};
use crate::audit::evidence::Witness;
use crate::door::signer::Signer;
use crate::execution::perform::Post;
use crate::processor::Handle;

/// How soon a witness that gave no cosignature is asked again.
const AGAIN: Duration = Duration::from_mins(1);
/// How often a witness may say that it is elsewhere before it is left for later.
const TRIES: usize = 4;

/// Why witnesses cannot be asked.
#[derive(Debug, Error)]
pub enum Wrong {
    /// A key cannot be read.
    #[error("evidence.witness: {url}: {cause}")]
    Key {
        /// The witness.
        url: String,
        /// Why.
        cause: journal::Error,
    },
    /// An address cannot be used.
    #[error("evidence.witness: {0}: an address begins with http:// or https://")]
    Address(String),
    /// TLS cannot be used.
    #[error("evidence.witness: {0}")]
    Client(String),
}

/// A running follower that asks witnesses.
pub struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    /// Asks nobody any more.
    pub async fn stop(self) {
        self.stop.cancel();
        // A panic was told already.
        drop(self.task.await);
    }
}

/// Who is asked, and what is known of them.
struct Asked {
    url: String,
    key: WitnessKey,
    /// The size of the checkpoint that it cosigned last, as far as is known here.
    seen: u64,
    /// Whether it was told in the journal that it sees another history.
    disputed: bool,
}

/// Starts asking.
///
/// # Errors
/// [`Wrong`] where that can never work.
pub fn start(handle: Handle, signer: Signer, witnesses: &[Witness]) -> Result<Running, Wrong> {
    let asked = witnesses.iter().map(Asked::of).collect::<Result<Vec<_>, _>>()?;
    let post = Post::new().map_err(|cause| Wrong::Client(cause.to_string()))?;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let task = tokio::spawn(async move {
        if !asked.is_empty() {
            // What is under way is not waited for: it is asked again after the next start.
            stopped.run_until_cancelled(run(handle, signer, post, asked)).await;
        }
    });
    Ok(Running { stop, task })
}

async fn run(handle: Handle, signer: Signer, post: Post, mut asked: Vec<Asked>) {
    let mut sizes = signer.signed();
    loop {
        sizes.mark_unchanged();
        let mut all = true;
        for witness in &mut asked {
            match witness.ask(&signer, &post).await {
                Ok(()) => witness.disputed = false,
                Err(No::Away(why)) => {
                    all = false;
                    tracing::warn!(witness = witness.key.name(), why, "a witness gave no cosignature");
                }
                Err(No::Disputed { size, seen, why }) => {
                    all = false;
                    tracing::error!(
                        witness = witness.key.name(),
                        why,
                        "a witness sees another history of this log"
                    );
                    witness.tell(&handle, size, seen, &why).await;
                }
            }
        }
        if all {
            let _ = sizes.changed().await;
        } else {
            // Whether the time ran out or another was signed: it is asked again.
            drop(tokio::time::timeout(AGAIN, sizes.changed()).await);
        }
    }
}

/// Why there is no cosignature.
enum No {
    Away(String),
    Disputed { size: u64, seen: Option<u64>, why: String },
}

fn away(cause: impl ToString) -> No {
    No::Away(cause.to_string())
}

impl Asked {
    fn of(witness: &Witness) -> Result<Self, Wrong> {
        let url = witness.url.clone();
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(Wrong::Address(url));
        }
        let key = WitnessKey::parse(&witness.key).map_err(|cause| Wrong::Key {
            url: url.clone(),
            cause,
        })?;
        Ok(Self {
            url,
            key,
            seen: 0,
            disputed: false,
        })
    }

    /// Has the newest checkpoint cosigned, unless it is.
    async fn ask(&mut self, signer: &Signer, post: &Post) -> Result<(), No> {
        let mut newest = blocking(signer, Signer::newest).await?;
        // A witness that is further along says where it is, and may be further again by the next time.
        for _ in 0..TRIES {
            let size = newest.root.size;
            if newest.seen_by(&self.key).map_err(away)?.is_some() {
                self.seen = size;
                return Ok(());
            }
            let body = request(signer, self.seen, &newest).await?;
            match add_checkpoint(post, &self.url, body).await {
                Answer::Signed(lines) => {
                    self.seen = size;
                    let cosigned = newest.with_cosignature(&lines, &self.key).map_err(away)?;
                    return blocking(signer, move |signer| keep(signer, &cosigned)).await;
                }
                Answer::At(seen) => newest = self.further(signer, newest, seen).await?,
                Answer::Disputed(why) => {
                    let seen = Some(self.seen).filter(|seen| *seen > 0);
                    return Err(No::Disputed { size, seen, why });
                }
                Answer::Not(why) => return Err(away(why)),
            }
        }
        Err(away("it is further along each time; it is asked again"))
    }

    /// What to show to a witness that has cosigned so many records: somebody else may have shown it a checkpoint of this log
    /// that is newer than the one it was just asked about. Only more records than there are is another history.
    async fn further(&mut self, signer: &Signer, shown: Checkpoint, seen: u64) -> Result<Checkpoint, No> {
        let (size, durable) = (shown.root.size, signer.journal().durable());
        if seen > durable {
            let why = format!("it has cosigned a checkpoint of {seen} records; there are {durable}");
            let seen = Some(seen);
            return Err(No::Disputed { size, seen, why });
        }
        if seen == self.seen {
            return Err(away(format!(
                "it has cosigned {seen} records, it says, and was told so"
            )));
        }
        self.seen = seen;
        if seen <= size {
            return Ok(shown);
        }
        let newest = blocking(signer, Signer::newest).await?;
        if newest.root.size < seen {
            return blocking(signer, Signer::checkpoint).await;
        }
        Ok(newest)
    }

    /// Journals that it sees another history; once, until it cosigns again.
    async fn tell(&mut self, handle: &Handle, size: u64, seen: Option<u64>, why: &str) {
        if self.disputed {
            return;
        }
        let facts = evidence::Disputed {
            witness: self.key.name().into(),
            size,
            seen,
            why: why.into(),
        };
        if let Ok(told) = event(evidence::DISPUTED, &facts) {
            self.disputed = handle.system(vec![told]).await.is_ok();
        }
    }
}

/// Adds a cosignature to what is kept.
fn keep(signer: &Signer, cosigned: &Checkpoint) -> Result<(), journal::Error> {
    signer.journal().keep_checkpoint(cosigned)
}

async fn request(signer: &Signer, old: u64, newest: &Checkpoint) -> Result<String, No> {
    let new = newest.root.size;
    let path = if old == 0 {
        Vec::new()
    } else {
        let proof = blocking(signer, move |signer| signer.journal().prove_consistency(old, new)).await?;
        proof.path
    };
    Ok(Consistency { old, new, path }.text(newest))
}

async fn blocking<T: Send + 'static>(
    signer: &Signer,
    run: impl FnOnce(&Signer) -> Result<T, journal::Error> + Send + 'static,
) -> Result<T, No> {
    let signer = signer.clone();
    let done = tokio::task::spawn_blocking(move || run(&signer)).await;
    done.map_err(away)?.map_err(away)
}
