//! Who comes in: a bearer token is checked and becomes a caller, by the state of this very moment.

use jiff::Timestamp;

use super::way::{Trace, Way};
use crate::kernel::identity::{Member, MemberStatus, Organization, OrganizationStatus, Token};
use crate::kernel::principal::Caller;
use crate::kernel::secret::Secret;
use crate::kernel::token::ConfirmKey;
use crate::kernel::{Rejection, State};

/// Checks bearer tokens.
#[derive(Clone, Debug)]
pub struct Doorman {
    pepper: ConfirmKey,
}

/// A caller who was let in, with what their token says about transports.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Who.
    pub caller: Caller,
    /// The profile the token is bound to.
    pub profile: Option<String>,
    /// Whether the token only reads.
    pub read_only: bool,
    /// Whether in-band confirmation is wanted.
    pub elicit: bool,
    /// How the call came.
    pub way: Way,
}

impl Entry {
    /// Notes how a call came, and what trace it belongs to.
    pub fn came(&mut self, way: Way, trace: Option<Trace>) {
        let (parent, state) = trace.map(|trace| (trace.parent, trace.state)).unzip();
        self.caller.trace = parent;
        self.way = Way {
            state: state.flatten(),
            ..way
        };
    }
}

/// The one answer to every token that is not good, whatever the reason.
pub fn unauthenticated() -> Rejection {
    Rejection::new("unauthenticated", "this needs a valid bearer token")
        .hint("send `Authorization: Bearer ork_…`; an operator makes tokens with `orkestra token create`")
}

impl Doorman {
    /// A doorman who knows the pepper.
    pub const fn new(pepper: ConfirmKey) -> Self {
        Self { pepper }
    }

    /// The keyed hash under which a token is kept.
    pub fn hash(&self, secret: &Secret) -> projections::Digest {
        self.pepper.keyed("bearer", secret.reveal())
    }

    /// Lets a token in, or not.
    pub fn admit(&self, bearer: &str, via: &'static str, state: &State, now: Timestamp) -> Result<Entry, Rejection> {
        let secret = Secret::parse(bearer).ok_or_else(unauthenticated)?;
        let hash = self.hash(&secret);
        let tokens = state.table::<Token>().ok_or_else(unauthenticated)?;
        let row = tokens
            .find("", "hash", &hash.to_string())
            .next()
            .ok_or_else(unauthenticated)?;
        let overlap = row.overlap_until.is_some_and(|end| now < end);
        if !row.is_good(now) || (row.hash != hash && !overlap) {
            return Err(unauthenticated());
        }
        let member = state
            .table::<Member>()
            .and_then(|table| table.get(row.member))
            .ok_or_else(unauthenticated)?;
        let organization = row
            .org
            .parse()
            .ok()
            .and_then(|id| state.table::<Organization>()?.get(id));
        let open = organization.is_some_and(|org| org.status != OrganizationStatus::Suspended);
        if member.status != MemberStatus::Active || !open {
            return Err(unauthenticated());
        }
        let caller = Caller {
            org: row.org.clone(),
            member: row.member,
            kind: member.actor_kind(),
            sponsor: member.sponsor,
            token: Some(row.id),
            client: None,
            via,
            trace: None,
        };
        Ok(Entry {
            caller,
            profile: row.profile.clone(),
            read_only: row.read_only,
            elicit: row.elicit,
            way: Way::default(),
        })
    }
}
