//! Who calls, and what they may do: one place decides every permission.

use std::borrow::Cow;
use std::sync::Arc;

use projections::{Actor, ActorKind, Id};

use crate::kernel::Rejection;
use crate::kernel::authority::Held;
use crate::kernel::identity::{Member, Role, Team, Token};
use crate::kernel::table::Row;

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

/// What no agent or service can ever be given (catalogue, module Roles).
pub const NEVER_FOR_AGENTS: [&str; 3] = ["roles.manage", "webhooks.manage", "organizations.close"];

/// Whether a permission or pattern holds something that no agent can be given.
pub fn is_for_people(pattern: &str) -> bool {
    NEVER_FOR_AGENTS.iter().any(|never| covers(pattern, never))
}

/// What a caller may do at one position: roles, cut by the sponsor's, cut by the token's scopes; for agents and services
/// without what only people may have.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    /// Whether it is a person.
    pub is_human: bool,
    /// What the member holds.
    pub own: Vec<Held>,
    /// What the sponsor holds; `None` for a human.
    pub sponsor: Option<Vec<Held>>,
    /// The teams that the member or its sponsor counts in.
    pub teams: Vec<Id<Team>>,
    /// The token that was shown, `Some(None)` where it is gone; `None` without one.
    pub token: Option<Option<Arc<Row<Token>>>>,
}

impl Rights {
    /// Whether all of them allow it, everywhere in the organisation.
    pub fn allow(&self, permission: &str) -> bool {
        self.allowed(permission, |held| held.place.is_none())
    }

    /// Whether all of them allow it for what lies in these places, the nearest first.
    pub fn allow_in(&self, permission: &str, line: &[String]) -> bool {
        self.allowed(permission, |held| held.counts_in(line))
    }

    /// Whether all of them allow it somewhere.
    pub fn allow_somewhere(&self, permission: &str) -> bool {
        self.allowed(permission, |_| true)
    }

    /// Whether a role held at this very thing allows it.
    pub fn allow_at(&self, permission: &str, place: &str) -> bool {
        let at = |held: &Held| held.place.as_deref() == Some(place);
        self.own.iter().any(at) && self.allowed(permission, |held| held.place.is_none() || at(held))
    }

    fn allowed(&self, permission: &str, counts: impl Fn(&Held) -> bool) -> bool {
        let among = |all: &Vec<Held>| {
            let mut patterns = all
                .iter()
                .filter(|held| counts(held))
                .flat_map(|held| &held.role.permissions);
            patterns.any(|pattern| covers(pattern, permission))
        };
        let scoped = |scopes: &[String]| scopes.iter().any(|scope| covers(scope, permission));
        among(&self.own)
            && (self.is_human || !is_for_people(permission))
            && self.sponsor.as_ref().is_none_or(among)
            && self.scopes().is_none_or(scoped)
    }

    /// Whether some role counts in one place only.
    pub fn is_scoped(&self) -> bool {
        let some = |all: &Vec<Held>| all.iter().any(|held| held.place.is_some());
        some(&self.own) || self.sponsor.as_ref().is_some_and(some)
    }

    /// Whether the member holds one of some roles for what lies in these places.
    pub fn has_role(&self, roles: &[Id<Role>], line: &[String]) -> bool {
        let mut own = self.own.iter();
        own.any(|held| roles.contains(&held.role.id) && held.counts_in(line))
    }

    /// The token's scopes; `None` without a token.
    pub fn scopes(&self) -> Option<&[String]> {
        let shown = self.token.as_ref()?;
        Some(shown.as_ref().map(|token| token.scopes.as_slice()).unwrap_or_default())
    }

    /// Whether the token only reads.
    pub fn read_only(&self) -> bool {
        self.token.iter().flatten().any(|token| token.read_only)
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
