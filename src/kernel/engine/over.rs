//! What is said of an action that is over, and who proposed it.

use projections::{Action, Actor};
use serde_json::json;

use crate::kernel::Rejection;
use crate::kernel::identity::Member;
use crate::kernel::principal::Caller;
use crate::kernel::table::Row;

/// What an action that is over says to those who want to confirm or cancel it.
pub(super) fn not_pending(action: &Action) -> Rejection {
    let no = Rejection::new("not_pending", format!("{} is {}", action.id, action.stage))
        .current(json!({"status": action.stage, "at": action.last_at, "supersededBy": action.superseded_by}));
    no.next_of(action)
}

impl Rejection {
    pub(super) fn next_of(self, action: &Action) -> Self {
        self.next("get_pending_action", json!({"actionId": action.id.to_string()}))
    }
}

/// The proposer as a caller again.
pub fn caller_of(action: &Action) -> Caller {
    caller_as(&action.org, &action.proposer)
}

/// A member as a caller through no door: to see what they would see.
pub fn caller_for(member: &Row<Member>) -> Caller {
    Caller {
        org: member.org.clone(),
        member: member.id,
        kind: member.actor_kind(),
        sponsor: member.sponsor,
        token: None,
        client: None,
        via: "system",
        trace: None,
    }
}

/// Who is recorded, as a caller again.
pub fn caller_as(org: &str, actor: &Actor) -> Caller {
    Caller {
        org: org.to_owned(),
        member: actor
            .principal_id
            .as_deref()
            .and_then(|id| id.parse().ok())
            .unwrap_or_default(),
        kind: actor.kind,
        sponsor: actor.on_behalf_of.as_deref().and_then(|id| id.parse().ok()),
        token: actor.token_id.as_deref().and_then(|id| id.parse().ok()),
        client: actor.client.clone(),
        via: via(&actor.via),
        trace: None,
    }
}

fn via(word: &str) -> &'static str {
    ["mcp", "stdio", "rest", "cli"]
        .into_iter()
        .find(|known| *known == word)
        .unwrap_or("system")
}
