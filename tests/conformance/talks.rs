//! Tools that talk to the client while they run: progress, log messages, and requests of the older protocols.
#![expect(
    deprecated,
    reason = "the suite tests logging and sampling, which the protocol is about to drop"
)]

use std::time::Duration;

use rmcp::model::{
    CallToolResult, ContentBlock, ElicitResult, ErrorCode, LoggingLevel, LoggingMessageNotificationParam,
    ProgressNotificationParam,
};
use rmcp::service::{RequestContext, ServiceError};
use rmcp::{ErrorData, RoleServer};
use serde_json::{Map, Value, json};

use super::fixtures::shaped;

/// Time between two messages, so that a client sees them one by one.
const PAUSE: Duration = Duration::from_millis(50);
/// The request needs something that the client has not declared.
const MISSING_CAPABILITY: ErrorCode = ErrorCode(-32_021);

type Context = RequestContext<RoleServer>;
type Said = Result<CallToolResult, ErrorData>;

/// Runs `name`, if that is one of these.
pub async fn run(name: &str, arguments: &Map<String, Value>, cx: &Context) -> Option<Said> {
    let given = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
    Some(match name {
        "test_tool_with_progress" => progress(cx).await,
        "test_tool_with_logging" => log(cx).await,
        "test_logging_tool" if cx.meta.log_level().is_some() => log(cx).await,
        "test_logging_tool" => Ok(text("Nothing was to be logged")),
        "test_reconnection" => {
            tokio::time::sleep(PAUSE).await;
            Ok(text("Still here"))
        }
        "test_missing_capability" => needs_sampling(cx),
        "test_sampling" => sample(cx, given("prompt")).await,
        "test_elicitation" => elicit(cx, "User response", given("message"), person()).await,
        "test_elicitation_sep1034_defaults" => elicit(cx, "Elicitation completed", "With defaults", defaults()).await,
        "test_elicitation_sep1330_enums" => elicit(cx, "Elicitation completed", "With choices", choices()).await,
        _ => return None,
    })
}

/// A result with one text.
pub fn text(said: impl Into<String>) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(said)])
}

async fn progress(cx: &Context) -> Said {
    for done in [0.0, 50.0, 100.0] {
        if let Some(token) = cx.meta.get_progress_token() {
            let report = ProgressNotificationParam::new(token, done).with_total(100.0);
            cx.peer.notify_progress(report).await.map_err(failed)?;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(text("Progress was reported"))
}

async fn log(cx: &Context) -> Said {
    for said in [
        "Tool execution started",
        "Tool processing data",
        "Tool execution completed",
    ] {
        let message = LoggingMessageNotificationParam::new(LoggingLevel::Info, Value::from(said));
        cx.peer.notify_logging_message(message).await.map_err(failed)?;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(text("Three messages were logged"))
}

fn needs_sampling(cx: &Context) -> Said {
    if cx.client_capabilities().is_some_and(|can| can.sampling.is_some()) {
        return Ok(text("The client can sample"));
    }
    let needed = json!({"requiredCapabilities": {"sampling": {}}});
    Err(ErrorData::new(
        MISSING_CAPABILITY,
        "the client must be able to sample",
        Some(needed),
    ))
}

async fn sample(cx: &Context, prompt: &str) -> Said {
    let message = json!({"role": "user", "content": {"type": "text", "text": prompt}});
    let asked = shaped(json!({"messages": [message], "maxTokens": 100}))?;
    let said = cx.peer.create_message(asked).await.map_err(failed)?;
    let said = serde_json::to_value(said).unwrap_or_default();
    let answer = said
        .pointer("/content/text")
        .and_then(Value::as_str)
        .unwrap_or_default();
    Ok(text(format!("LLM response: {answer}")))
}

async fn elicit(cx: &Context, heading: &str, message: &str, schema: Value) -> Said {
    let asked = shaped(json!({"mode": "form", "message": message, "requestedSchema": schema}))?;
    let ElicitResult { action, content, .. } = cx.peer.create_elicitation(asked).await.map_err(failed)?;
    let action = serde_json::to_value(action).unwrap_or_default();
    let action = action.as_str().unwrap_or_default();
    let content = content.unwrap_or_else(|| json!({}));
    Ok(text(format!("{heading}: action={action}, content={content}")))
}

fn person() -> Value {
    json!({
        "type": "object",
        "properties": {
            "username": {"type": "string", "description": "User's response"},
            "email": {"type": "string", "description": "User's email address"},
        },
        "required": ["username", "email"],
    })
}

fn defaults() -> Value {
    json!({"type": "object", "properties": {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": true},
    }})
}

fn choices() -> Value {
    let plain = ["option1", "option2", "option3"];
    let titled = |word: &str| {
        json!([
            {"const": "value1", "title": format!("First {word}")},
            {"const": "value2", "title": format!("Second {word}")},
            {"const": "value3", "title": format!("Third {word}")},
        ])
    };
    json!({"type": "object", "properties": {
        "untitledSingle": {"type": "string", "enum": plain},
        "titledSingle": {"type": "string", "oneOf": titled("Option")},
        "legacyEnum": {"type": "string", "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"]},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": plain}},
        "titledMulti": {"type": "array", "items": {"anyOf": titled("Choice")}},
    }})
}

fn failed(cause: ServiceError) -> ErrorData {
    match cause {
        ServiceError::McpError(error) => error,
        other => ErrorData::internal_error(other.to_string(), None),
    }
}
