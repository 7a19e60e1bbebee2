//! In-band confirmation, only where the token asks for it: the same pending action, confirmed by a form in the client.
//!
//! Modern clients get an `input_required` result whose sealed `requestState` names the action (SEP-2322); clients of a legacy
//! session are asked by a request of the server. The pending action stays the one source of truth: single use, its lifetime
//! and its policy are the engine's, whatever comes back.

use std::time::Duration;

use projections::event::{ConfirmRefused, event, names};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ClientCapabilities, ElicitRequest, ElicitRequestParams, ElicitResult,
    ElicitationAction, ElicitationSchema, EnumSchema, ErrorData, InputRequest, InputRequiredResult, ProtocolVersion,
    RequestStateCodec, SealOptions,
};
use rmcp::service::{RequestContext, RoleServer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Server, Visitor, request_id, shape};

/// The key of the one question in `inputRequests`.
const QUESTION: &str = "confirmation";
/// How long a legacy client may take over the form.
const FORM_PATIENCE: Duration = Duration::from_secs(50);

/// Seals what a client carries from one round to the next.
pub(super) struct Codec(RequestStateCodec);

#[derive(Serialize, Deserialize)]
struct State {
    action: String,
}

impl Codec {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self(RequestStateCodec::new_unchecked(key.to_vec()))
    }
}

/// What a sealed state is bound to: who, which tool, which arguments.
fn bound(visitor: &Visitor, params: &CallToolRequestParams) -> String {
    let args = crate::kernel::json::digest(&params.arguments).unwrap_or_default();
    format!(
        "{}|{:?}|{}|{args}",
        visitor.entry.caller.member, visitor.entry.caller.token, params.name
    )
}

fn schema() -> Option<ElicitationSchema> {
    let choice = EnumSchema::builder(vec!["apply".to_owned(), "discard".to_owned()])
        .enum_titles(vec!["Apply these changes".to_owned(), "Discard them".to_owned()])
        .ok()?
        .build();
    ElicitationSchema::builder()
        .required_enum_schema("decision", choice)
        .build()
        .ok()
}

fn form(answer: &Value) -> Option<ElicitRequestParams> {
    let preview = answer.get("preview")?;
    let summary = preview
        .get("summary")
        .and_then(Value::as_str)
        .unwrap_or("Apply the change?");
    let warnings: Vec<&str> = preview
        .get("warnings")?
        .as_array()?
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let message = if warnings.is_empty() {
        summary.to_owned()
    } else {
        format!("{summary}\n\n{}", warnings.join("\n"))
    };
    Some(ElicitRequestParams::FormElicitationParams {
        meta: None,
        message,
        requested_schema: schema()?,
    })
}

fn can_fill_forms(capabilities: Option<&ClientCapabilities>) -> bool {
    capabilities
        .and_then(|known| known.elicitation.as_ref())
        .is_some_and(|known| known.form.is_some() || known.url.is_none())
}

/// Asks for the confirmation of a pending answer, where the client can be asked. `None` where it cannot.
pub(super) async fn ask(
    server: &Server,
    visitor: &Visitor,
    params: &CallToolRequestParams,
    answer: &Value,
    cx: &RequestContext<RoleServer>,
) -> Result<Option<CallToolResponse>, ErrorData> {
    let waits = answer.get("status").and_then(Value::as_str) == Some("pending");
    let token = answer.get("confirmToken").and_then(Value::as_str);
    let capabilities = cx.client_capabilities();
    let (true, Some(token), true, Some(form)) = (waits, token, can_fill_forms(capabilities.as_ref()), form(answer))
    else {
        return Ok(None);
    };
    let action = answer
        .get("actionId")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    if cx
        .protocol_version()
        .is_some_and(|version| version >= ProtocolVersion::V_2026_07_28)
    {
        let bound = bound(visitor, params);
        let options = SealOptions::new()
            .associated_data(bound.as_bytes())
            .ttl(Duration::from_mins(15));
        let sealed = server
            .codec
            .0
            .seal_json_with(&State { action }, &options)
            .map_err(|_| broken())?;
        let question = InputRequest::Elicitation(ElicitRequest::new(form));
        return Ok(Some(
            InputRequiredResult::new(Some([(QUESTION.to_owned(), question)].into()), Some(sealed)).into(),
        ));
    }
    match tokio::time::timeout(FORM_PATIENCE, cx.peer.create_elicitation(form)).await {
        Ok(Ok(result)) => Ok(Some(decide(server, visitor, &action, Some(token), &result, cx).await)),
        // A client that declares forms and does not answer still has the plain way.
        Ok(Err(_)) | Err(_) => Ok(None),
    }
}

/// Goes on with a call whose client was asked; `call` is the tool and its arguments, also where a generic caller wraps them.
pub(super) async fn resume(
    server: &Server,
    visitor: &Visitor,
    params: &CallToolRequestParams,
    (sealed, call): (&str, (&str, Map<String, Value>)),
    cx: &RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let bound = bound(visitor, params);
    let opened: Result<State, _> = server.codec.0.open_json_with(sealed, bound.as_bytes());
    let Ok(state) = opened else {
        return Err(altered(server, visitor).await);
    };
    let given = params
        .input_responses
        .as_ref()
        .and_then(|answers| answers.get(QUESTION));
    let Some(result) = given.and_then(|answer| serde_json::from_value::<ElicitResult>(answer.clone()).ok()) else {
        let again = server.within(visitor, call.0, call.1).await;
        return match again {
            Ok(answer) => Ok(Box::pin(ask(server, visitor, params, &answer, cx))
                .await?
                .unwrap_or_else(|| shape::result(Ok(answer), &request_id(cx)).into())),
            Err(no) => Ok(shape::failed(&no, &request_id(cx)).into()),
        };
    };
    let token = token_of(server, visitor, &state.action);
    Ok(decide(server, visitor, &state.action, token.as_deref(), &result, cx).await)
}

/// The confirm token is derived, so it can be had again for the caller whose action it is.
fn token_of(server: &Server, visitor: &Visitor, action: &str) -> Option<String> {
    let snapshot = server.handle.snapshot();
    let found = snapshot.actions.get(action.parse().ok()?)?;
    let own = found.proposer.principal_id.as_deref() == Some(visitor.entry.caller.member.to_string().as_str());
    own.then(|| server.handle.confirm_token(found))
}

async fn decide(
    server: &Server,
    visitor: &Visitor,
    action: &str,
    token: Option<&str>,
    result: &ElicitResult,
    cx: &RequestContext<RoleServer>,
) -> CallToolResponse {
    let apply = result.action == ElicitationAction::Accept
        && result
            .content
            .as_ref()
            .and_then(|content| content.get("decision"))
            .and_then(Value::as_str)
            == Some("apply");
    let (tool, args) = if apply {
        ("confirm_action", json!({"actionId": action, "confirmToken": token}))
    } else {
        (
            "cancel_action",
            json!({"actionId": action, "reason": "discarded in the client's form"}),
        )
    };
    let args: Map<String, Value> = crate::kernel::tool::object(args);
    shape::result(server.within(visitor, tool, args).await, &request_id(cx)).into()
}

/// A state that this server did not seal for this caller and call, or that is too old. Every no is recorded.
async fn altered(server: &Server, visitor: &Visitor) -> ErrorData {
    let message = "this requestState does not belong to this caller and call, or is over; call the tool again";
    let refused = ConfirmRefused {
        action: "".into(),
        code: "state_invalid".into(),
        message: message.into(),
    };
    if let Ok(event) = event(names::CONFIRM_REFUSED, &refused)
        && let Err(no) = server.handle.record(visitor.entry.caller.clone(), vec![event]).await
    {
        tracing::warn!(why = no.message, "a refused confirmation could not be journaled");
    }
    ErrorData::invalid_params(message, None)
}

fn broken() -> ErrorData {
    ErrorData::internal_error("the request state cannot be sealed", None)
}
