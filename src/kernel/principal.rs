//! Who calls, and what they may do: one place decides every permission.

use std::borrow::Cow;
use std::collections::BTreeSet;

use projections::{Actor, ActorKind, Id};
use serde::{Deserialize, Serialize};

use crate::kernel::Rejection;
use crate::kernel::identity::{Member, Token};

/// Whether a pattern (`*`, `tasks.*`, `tasks.write`) covers a permission.
pub fn covers(pattern: &str, permission: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => permission.starts_with(start),
        None => pattern == permission,
    }
}

/// Who asks, as established by the door they came through; never taken from the body.
#[derive(Clone, Debug, PartialEq)]
pub struct Caller {
    /// The organisation.
    pub org: String,
    /// The member.
    pub member: Id<Member>,
    /// What kind of member.
    pub kind: ActorKind,
    /// The member an agent acts for.
    pub sponsor: Option<Id<Member>>,
    /// The token, where one was shown.
    pub token: Option<Id<Token>>,
    /// The program, as it names itself.
    pub client: Option<String>,
    /// Through which door: `mcp`, `stdio`, `rest`, `cli`.
    pub via: &'static str,
    /// The W3C trace context that came with the call.
    pub trace: Option<String>,
}

impl Caller {
    /// As recorded.
    pub fn actor(&self) -> Actor {
        Actor {
            kind: self.kind,
            principal_id: Some(self.member.to_string()),
            on_behalf_of: self.sponsor.map(|id| id.to_string()),
            token_id: self.token.map(|id| id.to_string()),
            client: self.client.clone(),
            via: Cow::Borrowed(self.via),
        }
    }

    /// Whether it is a person.
    pub fn is_human(&self) -> bool {
        self.kind == ActorKind::Human
    }
}

/// What a caller may do at one position: roles, cut by the sponsor's, cut by the token's scopes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rights {
    /// Patterns from the member's own roles.
    pub own: BTreeSet<String>,
    /// Patterns of the sponsor's roles; `None` for a human.
    pub sponsor: Option<BTreeSet<String>>,
    /// The token's scopes; `None` without a token.
    pub scopes: Option<Vec<String>>,
    /// Whether the token only reads.
    pub read_only: bool,
}

impl Rights {
    /// Whether all three allow it.
    pub fn allow(&self, permission: &str) -> bool {
        let among = |patterns: &BTreeSet<String>| patterns.iter().any(|pattern| covers(pattern, permission));
        let scoped = |scopes: &Vec<String>| scopes.iter().any(|scope| covers(scope, permission));
        among(&self.own) && self.sponsor.as_ref().is_none_or(among) && self.scopes.as_ref().is_none_or(scoped)
    }

    /// Refuses what is not allowed.
    pub fn require(&self, permission: &str) -> Result<(), Rejection> {
        if self.allow(permission) {
            Ok(())
        } else {
            Err(Rejection::forbidden(permission))
        }
    }
}
