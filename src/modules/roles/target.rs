//! Who a role is for and where: what assigning and revoking have in common.

use std::sync::Arc;

use projections::Id;

use crate::kernel::identity::{Grant, GrantScope, Member, MemberStatus, Role, Team};
use crate::kernel::{AnyRef, Label, Rejection, Row, View};

/// Who holds a role or is to.
pub enum Subject<'a> {
    /// One member.
    Member(&'a Arc<Row<Member>>),
    /// Everybody who counts in a team.
    Team(&'a Arc<Row<Team>>),
}

impl<'a> Subject<'a> {
    /// The member or team that a reference means.
    pub fn of(view: &View<'a>, reference: &AnyRef) -> Result<Self, Rejection> {
        if reference.text == "@me" {
            return view.me().map(Self::Member);
        }
        let found = view.resolve_any(reference, &["member", "team"])?;
        match found.kind {
            "team" => typed(view, &found).map(Self::Team),
            _ => typed(view, &found).map(Self::Member),
        }
    }

    /// Its identifier.
    pub fn id(&self) -> String {
        match self {
            Self::Member(row) => row.id.to_string(),
            Self::Team(row) => row.id.to_string(),
        }
    }

    /// `@ana`.
    pub fn name(&self) -> String {
        match self {
            Self::Member(row) => format!("@{}", row.handle),
            Self::Team(row) => format!("@{}", row.handle),
        }
    }
}

fn typed<'a, E: crate::kernel::Entity>(view: &View<'a>, found: &Label) -> Result<&'a Arc<Row<E>>, Rejection> {
    let none = || Rejection::not_found(E::KIND, &found.id);
    view.need(found.id.parse().map_err(|_| none())?)
}

/// Where a grant counts: the scope, and the team or project.
#[derive(Clone, Debug, PartialEq)]
pub struct Where {
    /// Everywhere, or in what kind of place.
    pub scope: GrantScope,
    /// The place.
    pub place: Option<String>,
}

impl Where {
    /// As the arguments say.
    pub fn of(view: &View<'_>, scope: GrantScope, reference: Option<&AnyRef>) -> Result<Self, Rejection> {
        let kind = scope.word();
        let place = match (scope, reference) {
            (GrantScope::Organization, None) => None,
            (GrantScope::Organization, Some(_)) => {
                return Err(Rejection::argument("scopeRef", "goes with scope team or project"));
            }
            (_, None) => {
                return Err(Rejection::argument(
                    "scopeRef",
                    format!("is required: the {kind} that it counts in"),
                ));
            }
            (_, Some(reference)) => Some(view.resolve_any(reference, &[kind])?.id),
        };
        Ok(Self { scope, place })
    }

    /// ` in OPS`, or nothing.
    pub fn in_words(&self, view: &View<'_>) -> String {
        let place = self.place.as_deref();
        place.map_or_else(String::new, |_| {
            format!(" in {}", crate::kernel::authority::place::in_words(view, place))
        })
    }
}

/// The grant of a role to a subject in a place, where there is one that counts.
pub fn granted<'a>(view: &View<'a>, subject: &str, role: Id<Role>, at: &Where) -> Option<&'a Arc<Row<Grant>>> {
    let mut grants = view.find::<Grant>("subject", subject);
    grants.find(|row| row.role == role && row.scope == at.scope && row.scope_ref == at.place && row.is_good(view.now))
}

/// Refuses a member who does not take part.
pub fn takes_part(row: &Row<Member>) -> Result<(), Rejection> {
    if row.status == MemberStatus::Active {
        return Ok(());
    }
    Err(Rejection::argument(
        "subject",
        format!("is {}; only active members hold roles", row.status.word()),
    ))
}
