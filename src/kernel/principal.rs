//! Who calls, and what they may do: one place decides every permission.

use std::borrow::Cow;
use std::sync::Arc;

use projections::{Actor, ActorKind, Id};

use crate::kernel::Rejection;
use crate::kernel::identity::{Member, Role, Token};
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

/// Roles that somebody holds; shared with the state, because every call asks for them.
pub type Roles = Vec<Arc<Row<Role>>>;

/// What a caller may do at one position: roles, cut by the sponsor's, cut by the token's scopes.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    /// The member's own roles.
    pub own: Roles,
    /// The sponsor's roles; `None` for a human.
    pub sponsor: Option<Roles>,
    /// The token that was shown, `Some(None)` where it is gone; `None` without one.
    pub token: Option<Option<Arc<Row<Token>>>>,
}

impl Rights {
    /// Whether all three allow it.
    pub fn allow(&self, permission: &str) -> bool {
        let among = |roles: &Roles| {
            let mut patterns = roles.iter().flat_map(|role| &role.permissions);
            patterns.any(|pattern| covers(pattern, permission))
        };
        let scoped = |scopes: &[String]| scopes.iter().any(|scope| covers(scope, permission));
        among(&self.own) && self.sponsor.as_ref().is_none_or(among) && self.scopes().is_none_or(scoped)
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
