//! What operators do outside the tools: the first start, and bearer tokens. Carried out at once, and journaled.

use jiff::Timestamp;
use projections::{Actor, Body, Digest, Id};

use super::Engine;
use crate::kernel::identity::{ConfirmPolicy, Member, Token};
use crate::kernel::plan::Plan;
use crate::kernel::principal::Caller;
use crate::kernel::state::Unfit;
use crate::kernel::{Rejection, table::Row};

/// A bearer token to be.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What its owner calls it.
    pub name: String,
    /// Who it speaks for.
    pub member: Id<Member>,
    /// The keyed hash of the secret.
    pub hash: Digest,
    /// The first characters of the secret.
    pub prefix: String,
    /// The profile it is bound to.
    pub profile: Option<String>,
    /// What it may use; never empty.
    pub scopes: Vec<String>,
    /// Whether it only reads.
    pub read_only: bool,
    /// Who must confirm.
    pub confirm: ConfirmPolicy,
    /// Whether clients that can are asked in band.
    pub elicit: bool,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// Why an operation was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Something the operator can act on.
    #[error("{}", .0.message)]
    No(Box<Rejection>),
    /// The state does not take it.
    #[error(transparent)]
    Unfit(#[from] Unfit),
}

impl From<Rejection> for Refused {
    fn from(no: Rejection) -> Self {
        Self::No(Box::new(no))
    }
}

impl Engine {
    /// Carries out a plan of the operator at once; the text of its record.
    pub fn operate(&mut self, actor: Actor, org: String, plan: &Plan, now: Timestamp) -> Result<String, Refused> {
        Ok(self.fold(Body::new(self.hour(now), Some(org), actor, plan.events()))?)
    }

    /// Creates a bearer token.
    pub fn create_token(
        &mut self,
        actor: Actor,
        org: &str,
        new: NewToken,
        now: Timestamp,
    ) -> Result<(Id<Token>, String), Refused> {
        if new.scopes.is_empty() {
            return Err(
                Rejection::argument("scopes", "must not be empty; say `*` for everything the member may do").into(),
            );
        }
        let id = Id::derive(
            self.hour(now),
            format!("token|{org}|{}|{}", new.name, self.state.position).as_bytes(),
        );
        let token = Token {
            name: new.name,
            member: new.member,
            hash: new.hash,
            prefix: new.prefix,
            profile: new.profile,
            scopes: new.scopes,
            read_only: new.read_only,
            confirm: new.confirm,
            elicit: new.elicit,
            expires_at: new.expires_at,
            ..Token::default()
        };
        let mut plan = Plan::new("Create a bearer token");
        plan.create("token.created", id, token)?;
        Ok((id, self.operate(actor, org.to_owned(), &plan, now)?))
    }

    /// Revokes a token; what it has in flight can no longer be confirmed.
    pub fn revoke_token(&mut self, actor: Actor, id: Id<Token>, now: Timestamp) -> Result<String, Refused> {
        let row = self.token(id)?;
        let at = self.hour(now);
        let mut plan = Plan::new("Revoke a bearer token");
        plan.edit("token.revoked", &row, |token| {
            token.revoked_at = token.revoked_at.or(Some(at));
        })?;
        if plan.is_noop() {
            return Err(Rejection::new("already_revoked", format!("token {id} is revoked already")).into());
        }
        self.operate(actor, row.org.clone(), &plan, now)
    }

    /// Gives a token a new secret; the old one is good until `overlap_until`.
    pub fn rotate_token(
        &mut self,
        actor: Actor,
        id: Id<Token>,
        secret: (Digest, String),
        overlap_until: Timestamp,
        now: Timestamp,
    ) -> Result<String, Refused> {
        let row = self.token(id)?;
        if !row.is_good(self.hour(now)) {
            return Err(
                Rejection::new("token_over", format!("token {id} is revoked or over; create a new one")).into(),
            );
        }
        let mut plan = Plan::new("Rotate a bearer token");
        plan.edit("token.rotated", &row, |token| {
            token.old_hash = Some(token.hash);
            token.overlap_until = Some(overlap_until);
            (token.hash, token.prefix) = secret;
        })?;
        self.operate(actor, row.org.clone(), &plan, now)
    }

    fn token(&self, id: Id<Token>) -> Result<Row<Token>, Rejection> {
        let found = self.state.table::<Token>().and_then(|table| table.get(id));
        found
            .map(|row| Row::clone(row))
            .ok_or_else(|| Rejection::not_found("token", &id.to_string()))
    }
}

/// The system as a caller in an organisation, for plans it makes itself.
pub fn bootstrap(org: &str, member: Id<Member>) -> Caller {
    Caller {
        org: org.to_owned(),
        member,
        kind: projections::ActorKind::System,
        sponsor: None,
        token: None,
        client: None,
        via: "system",
        trace: None,
    }
}
