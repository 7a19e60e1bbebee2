//! What a step comes to before it is written: its events, and what to say once they are durable.

use jiff::Timestamp;
use projections::Event;
use serde_json::Value;

use super::events::rejected;
use super::propose::Offer;
use super::{Answer, Call, Engine};
use crate::kernel::Rejection;
use crate::kernel::identity::ConfirmPolicy;

/// A step that is not written.
pub(super) struct Drawn {
    pub(super) events: Vec<Event>,
    pub(super) then: Then,
}

/// What is said of it.
pub(super) enum Then {
    /// This.
    Say(Box<Answer>),
    /// That it waits for a confirmation.
    Wait(Box<Waiting>),
}

/// An offer that waits for a confirmation, as its proposer is to hear of it.
pub(super) struct Waiting {
    pub(super) policy: ConfirmPolicy,
    pub(super) expires_at: Timestamp,
    pub(super) offer: Offer,
    pub(super) preview: Value,
    /// What the host added and nobody asked for.
    pub(super) dropped: Vec<String>,
}

impl Drawn {
    pub(super) fn said(events: Vec<Event>, answer: Answer) -> Self {
        let then = Then::Say(Box::new(answer));
        Self { events, then }
    }

    pub(super) fn waiting(
        events: Vec<Event>,
        policy: ConfirmPolicy,
        expires_at: Timestamp,
        (offer, preview): (Offer, Value),
        dropped: Vec<String>,
    ) -> Self {
        let waiting = Waiting {
            policy,
            expires_at,
            offer,
            preview,
            dropped,
        };
        let then = Then::Wait(Box::new(waiting));
        Self { events, then }
    }
}

impl Engine {
    pub(super) fn refused(&self, call: &Call, no: Rejection) -> Drawn {
        let decider = self.registry.tool(&call.tool).map_or(1, |tool| tool.decider);
        Drawn::said(vec![rejected(call, &no, (self.state.position, decider))], Err(no))
    }
}
