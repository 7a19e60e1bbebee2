//! Tools and a prompt that need more than one round: they answer what they need, and the client calls again with it.

use rmcp::ErrorData;
use rmcp::model::{ClientCapabilities, InputRequests, InputRequiredResult, InputResponses, RequestStateCodec};
use serde_json::{Value, json};

use super::fixtures::shaped;

/// What one round ends with.
pub enum Round {
    /// More is needed.
    Ask(InputRequiredResult),
    /// Nothing more is needed; the text to answer with.
    Done(String),
}

/// What a client sent along.
pub struct Sent<'a> {
    /// Its answers to what was asked.
    pub responses: Option<&'a InputResponses>,
    /// The state it was given.
    pub state: Option<&'a str>,
    /// What it can do.
    pub can: ClientCapabilities,
}

/// The rounds, and the key that seals their state.
pub struct Rounds {
    codec: RequestStateCodec,
}

impl Rounds {
    /// Rounds with a key of their own; the state says nothing that anybody else may not know.
    pub fn new() -> Result<Self, ErrorData> {
        let codec = RequestStateCodec::try_new(*b"orkestra conformance fixture key").map_err(internal)?;
        Ok(Self { codec })
    }

    /// Plays one round of `name`, if that is one of these.
    pub fn play(&self, name: &str, sent: &Sent<'_>) -> Option<Result<Round, ErrorData>> {
        let short = name
            .strip_prefix("test_input_required_result_")
            .or_else(|| name.strip_prefix("test_streaming_"))?;
        Some(match short {
            "elicitation" => elicitation(sent),
            "sampling" => sampling(sent),
            "list_roots" => list_roots(sent),
            "request_state" | "tampered_state" => self.with_state(sent),
            "multiple_inputs" => self.multiple(sent),
            "multi_round" => self.multi_round(sent),
            "capabilities" => capabilities(sent),
            "prompt" => prompt(sent),
            _ => return None,
        })
    }

    fn with_state(&self, sent: &Sent<'_>) -> Result<Round, ErrorData> {
        let known = self.open(sent)?.is_some();
        if known && sent.content("confirm", "ok").is_some() {
            return Ok(Round::Done("state-ok".to_owned()));
        }
        let ask = form("Please confirm", "ok", "boolean");
        self.ask_with_state(json!({"confirm": ask}), 1)
    }

    fn multiple(&self, sent: &Sent<'_>) -> Result<Round, ErrorData> {
        let known = self.open(sent)?.is_some();
        let all = ["user_name", "greeting", "client_roots"];
        if known && all.iter().all(|key| sent.response(key).is_some()) {
            return Ok(Round::Done("Everything was given".to_owned()));
        }
        let ask = json!({
            "user_name": form("What is your name?", "name", "string"),
            "greeting": model("Generate a greeting", 50),
            "client_roots": {"method": "roots/list", "params": {}},
        });
        self.ask_with_state(ask, 1)
    }

    fn multi_round(&self, sent: &Sent<'_>) -> Result<Round, ErrorData> {
        let round = self.open(sent)?.unwrap_or_default();
        if round == 1 && sent.content("step1", "name").is_some() {
            let ask = form("Step 2: What is your favorite color?", "color", "string");
            return self.ask_with_state(json!({"step2": ask}), 2);
        }
        if let Some(color) = sent.content("step2", "color").filter(|_| round == 2) {
            return Ok(Round::Done(format!("Your favorite color is {color}")));
        }
        let ask = form("Step 1: What is your name?", "name", "string");
        self.ask_with_state(json!({"step1": ask}), 1)
    }

    fn ask_with_state(&self, requests: Value, round: u32) -> Result<Round, ErrorData> {
        let state = self.codec.seal_json(&round).map_err(internal)?;
        let requests: InputRequests = shaped(requests)?;
        Ok(Round::Ask(InputRequiredResult::new(Some(requests), Some(state))))
    }

    /// The round that the state was given in; altered state is refused.
    fn open(&self, sent: &Sent<'_>) -> Result<Option<u32>, ErrorData> {
        let open = |state: &str| self.codec.open_json::<u32>(state);
        sent.state
            .map(open)
            .transpose()
            .map_err(|cause| ErrorData::invalid_params(cause.to_string(), None))
    }
}

impl Sent<'_> {
    fn response(&self, key: &str) -> Option<&Value> {
        self.responses?.get(key)
    }

    /// A field of an accepted form.
    fn content(&self, key: &str, field: &str) -> Option<&Value> {
        let response = self.response(key)?;
        let accepted = response.get("action").and_then(Value::as_str) == Some("accept");
        response.get("content")?.get(field).filter(|_| accepted)
    }
}

fn elicitation(sent: &Sent<'_>) -> Result<Round, ErrorData> {
    match sent.content("user_name", "name").and_then(Value::as_str) {
        Some(name) => Ok(Round::Done(format!("Hello, {name}!"))),
        None => ask(json!({"user_name": form("What is your name?", "name", "string")})),
    }
}

fn sampling(sent: &Sent<'_>) -> Result<Round, ErrorData> {
    let said = sent
        .response("capital_question")
        .and_then(|said| said.pointer("/content/text"));
    match said.and_then(Value::as_str) {
        Some(text) => Ok(Round::Done(text.to_owned())),
        None => ask(json!({"capital_question": model("What is the capital of France?", 100)})),
    }
}

fn list_roots(sent: &Sent<'_>) -> Result<Round, ErrorData> {
    match sent.response("client_roots").and_then(|said| said.get("roots")) {
        Some(roots) => Ok(Round::Done(format!("Roots: {roots}"))),
        None => ask(json!({"client_roots": {"method": "roots/list", "params": {}}})),
    }
}

fn prompt(sent: &Sent<'_>) -> Result<Round, ErrorData> {
    match sent.content("user_context", "context") {
        Some(context) => Ok(Round::Done(format!("Use this context: {context}"))),
        None => ask(json!({"user_context": form("What context should the prompt use?", "context", "string")})),
    }
}

/// Asks only for what the client said that it can do.
fn capabilities(sent: &Sent<'_>) -> Result<Round, ErrorData> {
    let mut requests = json!({});
    if let Value::Object(members) = &mut requests {
        if sent.can.sampling.is_some() {
            members.insert("greeting".to_owned(), model("Generate a greeting", 50));
        }
        if sent.can.elicitation.is_some() {
            members.insert("user_name".to_owned(), form("What is your name?", "name", "string"));
        }
    }
    ask(requests)
}

fn ask(requests: Value) -> Result<Round, ErrorData> {
    Ok(Round::Ask(InputRequiredResult::from_input_requests(shaped(requests)?)))
}

fn form(message: &str, field: &str, kind: &str) -> Value {
    let schema = json!({"type": "object", "properties": {field: {"type": kind}}, "required": [field]});
    json!({"method": "elicitation/create", "params": {"mode": "form", "message": message, "requestedSchema": schema}})
}

fn model(prompt: &str, tokens: u32) -> Value {
    let message = json!({"role": "user", "content": {"type": "text", "text": prompt}});
    json!({"method": "sampling/createMessage", "params": {"messages": [message], "maxTokens": tokens}})
}

fn internal(cause: impl std::fmt::Display) -> ErrorData {
    ErrorData::internal_error(cause.to_string(), None)
}
