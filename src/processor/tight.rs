//! A disk without room: since when work is refused, and finding out when it is not any more.

use std::sync::Arc;

use jiff::Timestamp;
use projections::event::{self, Resumed, names};
use tokio::sync::watch;

use super::{Outcome, Request};

/// Since when work is refused for want of room, and why.
#[derive(Clone, Debug)]
pub struct Tight {
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub why: Arc<str>,
    /// How often work was refused since.
    refused: u64,
}

/// Whether there is room for work; cheap to clone.
#[derive(Clone)]
pub(super) struct Room(Arc<watch::Sender<Option<Tight>>>);

impl Room {
    /// Room, and the side that watches it.
    pub(super) fn new() -> (Self, watch::Receiver<Option<Tight>>) {
        let (room, seen) = watch::channel(None);
        (Self(Arc::new(room)), seen)
    }

    pub(super) fn watched(&self) -> watch::Receiver<Option<Tight>> {
        self.0.subscribe()
    }

    pub(super) fn is_tight(&self) -> bool {
        self.0.borrow().is_some()
    }

    pub(super) fn tighten(&self, since: Timestamp, why: &str) {
        let begins = self.0.send_if_modified(|tight| {
            let begins = tight.is_none();
            let now = || Tight {
                since,
                why: Arc::from(why),
                refused: 0,
            };
            tight.get_or_insert_with(now).refused += 1;
            begins
        });
        if begins {
            tracing::warn!(why, "nothing but refusals is journaled now");
        }
    }

    /// There is room, unless work was refused again after the try that shows it.
    fn loosen(&self, refused: u64) {
        let ends = |tight: &mut Option<Tight>| tight.take_if(|tight| tight.refused == refused).is_some();
        if self.0.send_if_modified(ends) {
            tracing::info!("there is room again: work is journaled");
        }
    }

    /// Tries whether there is room again, with a record that says since when there was none; there is when it is durable.
    pub(super) fn resume(&self) -> Option<Request> {
        let Tight { since, why, refused } = self.0.borrow().clone()?;
        let room = self.clone();
        Some(Box::new(move |engine, now, _| {
            let why = why.as_ref().into();
            let mut records = Vec::new();
            if let Ok(event) = event::event(names::RESUMED, &Resumed { since, why }) {
                records.push(engine.system(now, None, vec![event])?);
            }
            Ok(Outcome {
                records,
                then: Box::new(move |said| {
                    if said.is_ok() {
                        room.loosen(refused);
                    }
                }),
            })
        }))
    }
}
