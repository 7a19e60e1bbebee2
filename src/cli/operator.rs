//! What an operator asks of a data directory: of the server that runs on it, else of the directory itself.
//!
//! Whoever may open the directory is its operator. Calls are made in the name of the first owner and recorded as such, with
//! `via: cli`.

use std::borrow::Cow;
use std::path::PathBuf;

use projections::{ActorKind, Id, Stage};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::token::{self, TokenRequest, people};
use super::{DataArg, Failure, remote};
use crate::audit::receipt::{self, Receipt};
use crate::audit::{archive, evidence, rotation};
use crate::data::Opened;
use crate::door::Doorman;
use crate::door::signer::Signer;
use crate::execution;
use crate::followers::clerk::Desk;
use crate::http::Faces;
use crate::kernel::engine::Order;
use crate::kernel::identity::Member;
use crate::kernel::{Caller, Rejection, State};
use crate::processor::Handle;

/// One request, as a running server takes it over its socket.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OperatorRequest {
    /// An operation on tokens.
    Token(TokenRequest),
    /// A call of a tool.
    Call {
        /// Its name.
        tool: String,
        /// Its arguments.
        arguments: Map<String, Value>,
    },
    /// Actions, the newest first.
    Actions {
        /// Only in this stage.
        stage: Option<Stage>,
        /// At most so many.
        limit: usize,
    },
    /// An order on executions that failed or are unknown.
    Settle {
        /// The actions.
        ids: Vec<String>,
        /// What to do with each.
        order: Order,
    },
    /// How the rows stand.
    Rows,
    /// Sign a checkpoint of everything so far.
    Checkpoint,
    /// Give the log another key.
    RotateKey {
        /// The file that holds it, where it is not to be made in the data directory.
        to: Option<PathBuf>,
    },
    /// Journal that segments are archived, before they are removed.
    Archived(archive::Told),
    /// Journal an export of evidence, and sign it.
    Seal(Box<evidence::Export>),
    /// Journal what came of deciding everything again, and sign it.
    Receipt(Box<Receipt>),
}

/// What went wrong on the other side of the socket.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Refusal {
    pub(super) message: String,
    hint: Option<String>,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self {
            message: failure.message,
            hint: failure.hint,
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self {
            hint: refusal.hint,
            ..Self::new(refusal.message)
        }
    }
}

/// Through the running server if there is one, else on the directory itself.
pub(super) async fn ask(data: &DataArg, request: OperatorRequest) -> Result<Value, Failure> {
    let dir = data.dir();
    if let Some(reply) = remote::ask(&dir, request.clone()).await {
        return reply.map_err(Failure::from);
    }
    // A client-started `orkestra stdio` needs a token before any server ran, so making one founds the organisation.
    let founds = matches!(request, OperatorRequest::Token(TokenRequest::Create { .. }));
    if !dir.exists() && !founds {
        return Err(Failure::new(format!("{}: there is no journal here", dir.0.display()))
            .hint("say where with --data, or start a server there first: orkestra serve"));
    }
    let opened = super::serve::open(&dir, &data.config()?)?;
    let reply = House::of(&opened).carry_out(request).await;
    opened.close()?;
    reply
}

/// What an operator's requests are carried out with.
pub(super) struct House<'a> {
    pub(super) handle: &'a Handle,
    pub(super) doorman: Cow<'a, Doorman>,
    pub(super) desk: &'a Desk,
    pub(super) signer: Option<&'a Signer>,
}

impl<'a> House<'a> {
    /// An open directory.
    pub(super) fn of(opened: &'a Opened) -> Self {
        Self {
            handle: &opened.handle,
            doorman: Cow::Owned(Doorman::new(opened.keys.pepper.clone())),
            desk: &opened.desk,
            signer: Some(&opened.signer),
        }
    }

    /// What a server serves.
    pub(super) fn serving(faces: &'a Faces) -> Self {
        Self {
            handle: &faces.handle,
            doorman: Cow::Borrowed(&faces.doorman),
            desk: &faces.desk,
            signer: faces.signer.as_ref(),
        }
    }

    /// Carries out one request.
    pub(super) async fn carry_out(&self, request: OperatorRequest) -> Result<Value, Failure> {
        let handle = self.handle;
        match request {
            OperatorRequest::Token(request) => token::carry_out(handle, &self.doorman, request).await,
            OperatorRequest::Call { tool, arguments } => {
                let arguments = with_confirm_token(handle, &tool, arguments);
                handle.call(operator(handle)?, &tool, arguments).await.map_err(refused)
            }
            OperatorRequest::Actions { stage, limit } => {
                let caller = operator(handle)?;
                let items = crate::http::actions_of(&handle.snapshot(), handle.past(), &caller.org, stage, None, limit);
                Ok(Value::Array(items))
            }
            OperatorRequest::Settle { ids, order } => settle(handle, ids, order).await,
            OperatorRequest::Rows => {
                let (desk, handle) = (self.desk.clone(), handle.clone());
                let standing = tokio::task::spawn_blocking(move || desk.standing(&handle)).await?;
                Ok(serde_json::to_value(standing)?)
            }
            OperatorRequest::Checkpoint => {
                let signer = self.signer()?;
                let kept = tokio::task::spawn_blocking(move || signed(&signer)).await??;
                Ok(serde_json::to_value(kept)?)
            }
            OperatorRequest::RotateKey { to } => {
                let key = rotation::rotate(handle, &self.signer()?, operator(handle)?, to).await;
                Ok(Value::String(key.map_err(refused)?))
            }
            OperatorRequest::Archived(told) => {
                let told = archive::tell(handle, operator(handle)?, &told).await;
                Ok(Value::from(told.map_err(refused)?))
            }
            OperatorRequest::Seal(export) => {
                let sealed = evidence::seal(handle, &self.signer()?, operator(handle)?, *export).await;
                Ok(serde_json::to_value(sealed.map_err(refused)?)?)
            }
            OperatorRequest::Receipt(stated) => {
                let note = receipt::sign(handle, &self.signer()?, operator(handle)?, *stated).await;
                Ok(Value::String(note.map_err(refused)?))
            }
        }
    }

    fn signer(&self) -> Result<Signer, Failure> {
        let signer = self.signer.cloned();
        signer.ok_or_else(|| Failure::new("this server has no log that is signed"))
    }
}

/// A checkpoint, and the key that checks it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Signed {
    pub(super) note: String,
    pub(super) key: String,
}

fn signed(signer: &Signer) -> Result<Signed, journal::Error> {
    let (note, key) = (signer.checkpoint()?.note, signer.public()?.encode().to_owned());
    Ok(Signed { note, key })
}

fn refused(no: Rejection) -> Failure {
    Failure {
        hint: no.hint.clone(),
        ..Failure::new(format!("{}: {}", no.code, no.message))
    }
}

async fn settle(handle: &Handle, ids: Vec<String>, order: Order) -> Result<Value, Failure> {
    let caller = operator(handle)?;
    let mut answers = Vec::new();
    for id in ids {
        let (actor, org) = (caller.actor(), caller.org.clone());
        let done = execution::settle(handle, actor, org, id.clone(), order.clone()).await;
        answers.push(done.unwrap_or_else(|no| {
            let mut answer = no.to_json();
            if let Some(members) = answer.as_object_mut() {
                members.insert("actionId".to_owned(), id.into());
            }
            answer
        }));
    }
    Ok(Value::Array(answers))
}

/// An operator need not find the token that a proposer was given.
fn with_confirm_token(handle: &Handle, tool: &str, mut arguments: Map<String, Value>) -> Map<String, Value> {
    let id = arguments
        .get("actionId")
        .and_then(Value::as_str)
        .and_then(|id| id.parse().ok());
    if let (Some(id), "confirm_action") = (id, tool)
        && let Some(action) = handle.snapshot().actions.get(id)
    {
        arguments.insert("confirmToken".to_owned(), handle.confirm_token(action).into());
    }
    arguments
}

/// The first owner, coming through the command line.
pub(super) fn operator(handle: &Handle) -> Result<Caller, Failure> {
    let (org, member) = people::owner(&handle.snapshot(), None)?;
    Ok(caller(org, member))
}

/// An operator in the eyes of one organisation.
pub(super) fn operator_of(state: &State, org: &str) -> Result<Caller, Failure> {
    let (_, member) = people::owner(state, Some(org))?;
    Ok(caller(org.to_owned(), member))
}

pub(super) fn caller(org: String, member: Id<Member>) -> Caller {
    Caller {
        org,
        member,
        kind: ActorKind::Human,
        sponsor: None,
        token: None,
        client: None,
        via: "cli",
        trace: None,
    }
}
