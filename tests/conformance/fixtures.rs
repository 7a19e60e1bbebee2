//! What the conformance suite expects under fixed names and what never changes: tools, prompts, resources and plain answers.

use std::sync::Arc;

use rmcp::ErrorData;
use rmcp::model::{Prompt, Resource, ResourceTemplate, Tool};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// A red pixel.
pub const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
/// A sound without samples.
pub const WAV: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=";

/// Tools without arguments: name and description.
const PLAIN: [(&str, &str); 24] = [
    ("test_simple_text", "Answers with a text"),
    ("test_image_content", "Answers with an image"),
    ("test_audio_content", "Answers with a sound"),
    ("test_embedded_resource", "Answers with a resource"),
    (
        "test_multiple_content_types",
        "Answers with a text, an image and a resource",
    ),
    ("test_error_handling", "Always fails"),
    ("test_tool_with_progress", "Reports progress three times"),
    ("test_tool_with_logging", "Logs three times"),
    ("test_logging_tool", "Logs if the request asks for it"),
    ("test_missing_capability", "Needs a client that can sample"),
    ("test_streaming_elicitation", "Asks for input on the answer's stream"),
    ("test_trigger_tool_change", "Says that the tools have changed"),
    ("test_trigger_prompt_change", "Says that the prompts have changed"),
    (
        "test_elicitation_sep1034_defaults",
        "Asks with a default for every type",
    ),
    ("test_elicitation_sep1330_enums", "Asks with every kind of choice"),
    ("test_input_required_result_elicitation", "Needs a name"),
    ("test_input_required_result_sampling", "Needs a model's answer"),
    ("test_input_required_result_list_roots", "Needs the client's roots"),
    ("test_input_required_result_request_state", "Needs a yes, with state"),
    (
        "test_input_required_result_multiple_inputs",
        "Needs three things at once",
    ),
    (
        "test_input_required_result_multi_round",
        "Needs two things one after the other",
    ),
    ("test_input_required_result_tampered_state", "Refuses altered state"),
    (
        "test_input_required_result_capabilities",
        "Asks only for what the client can do",
    ),
    ("test_reconnection", "Answers after a moment"),
];

/// Reads JSON as one of the protocol's types.
pub fn shaped<T: DeserializeOwned>(value: Value) -> Result<T, ErrorData> {
    serde_json::from_value(value).map_err(|cause| ErrorData::internal_error(format!("fixture: {cause}"), None))
}

/// Reads JSON as a complete result; older protocols do not see the mark.
pub fn complete<T: DeserializeOwned>(mut result: Value) -> Result<T, ErrorData> {
    if let Value::Object(members) = &mut result {
        members.insert("resultType".to_owned(), Value::from("complete"));
    }
    shaped(result)
}

/// Every fixture tool.
pub fn tools() -> Vec<Tool> {
    let nothing = || json!({"type": "object", "additionalProperties": false});
    let mut tools: Vec<Tool> = PLAIN.iter().map(|(name, said)| tool(name, said, nothing())).collect();
    tools.push(tool(
        "test_sampling",
        "Asks the client's model",
        text_argument("prompt"),
    ));
    tools.push(tool("test_elicitation", "Asks the person", text_argument("message")));
    tools.push(tool(
        "json_schema_2020_12_tool",
        "Tool with JSON Schema 2020-12 features",
        json_schema(),
    ));
    tools.push(custom_header());
    tools
}

/// The tool whose argument travels in a header as well.
pub fn custom_header() -> Tool {
    let schema = json!({
        "type": "object",
        "properties": {"value": {"type": "string", "x-mcp-header": "Value"}},
        "required": ["value"],
    });
    tool("test_custom_header", "Takes an argument that a header repeats", schema)
}

/// The answer of a tool that needs nothing but its name.
pub fn answer(name: &str) -> Option<Value> {
    let text = |text: &str| json!({"content": [{"type": "text", "text": text}]});
    Some(match name {
        "test_simple_text" => text("This is a simple text response for testing."),
        "test_image_content" => json!({"content": [image()]}),
        "test_audio_content" => json!({"content": [{"type": "audio", "data": WAV, "mimeType": "audio/wav"}]}),
        "test_embedded_resource" => json!({"content": [
            embedded("test://embedded-resource", "text/plain", "This is an embedded resource content."),
        ]}),
        "test_multiple_content_types" => json!({"content": [
            {"type": "text", "text": "Multiple content types test:"},
            image(),
            embedded("test://mixed-content-resource", "application/json", r#"{"test":"data","value":123}"#),
        ]}),
        "test_error_handling" => json!({"isError": true, "content": [
            {"type": "text", "text": "This tool intentionally returns an error for testing"},
        ]}),
        "json_schema_2020_12_tool" | "test_custom_header" => text("done"),
        _ => return None,
    })
}

/// Every fixture prompt.
pub fn prompts() -> Result<Vec<Prompt>, ErrorData> {
    let argument = |name: &str| json!({"name": name, "description": "Any text", "required": true});
    shaped(json!([
        {"name": "test_simple_prompt", "description": "Has no arguments"},
        {"name": "test_prompt_with_arguments", "description": "Has two arguments",
         "arguments": [argument("arg1"), argument("arg2")]},
        {"name": "test_prompt_with_embedded_resource", "description": "Embeds a resource",
         "arguments": [argument("resourceUri")]},
        {"name": "test_prompt_with_image", "description": "Embeds an image"},
        {"name": "test_input_required_result_prompt", "description": "Needs the person's input"},
    ]))
}

/// The messages of a prompt.
pub fn prompt(name: &str, arguments: &Map<String, Value>) -> Option<Value> {
    let given = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
    let said = |content: Value| json!({"role": "user", "content": content});
    let text = |text: String| said(json!({"type": "text", "text": text}));
    let messages = match name {
        "test_simple_prompt" => json!([text("This is a simple prompt for testing.".to_owned())]),
        "test_prompt_with_arguments" => json!([text(format!(
            "Prompt with arguments: arg1='{}', arg2='{}'",
            given("arg1"),
            given("arg2")
        ))]),
        "test_prompt_with_embedded_resource" => json!([
            said(embedded(
                given("resourceUri"),
                "text/plain",
                "Embedded resource content for testing."
            )),
            text("Please process the embedded resource above.".to_owned()),
        ]),
        "test_prompt_with_image" => json!([said(image()), text("Please analyze the image above.".to_owned())]),
        _ => return None,
    };
    Some(json!({"messages": messages}))
}

/// Every fixture resource.
pub fn resources() -> Result<Vec<Resource>, ErrorData> {
    shaped(json!([
        {"uri": "test://static-text", "name": "static-text", "description": "A text", "mimeType": "text/plain"},
        {"uri": "test://static-binary", "name": "static-binary", "description": "An image", "mimeType": "image/png"},
        {"uri": "test://watched-resource", "name": "watched", "description": "One to watch", "mimeType": "text/plain"},
    ]))
}

/// The one resource template.
pub fn templates() -> Result<Vec<ResourceTemplate>, ErrorData> {
    shaped(json!([{"uriTemplate": "test://template/{id}/data", "name": "template",
        "description": "Data by identifier", "mimeType": "application/json"}]))
}

/// What a resource holds.
pub fn resource(uri: &str) -> Option<Value> {
    let text = |text: &str| json!({"uri": uri, "mimeType": "text/plain", "text": text});
    let contents = match uri {
        "test://static-text" => text("This is the content of the static text resource."),
        "test://watched-resource" => text("Watched"),
        "test://static-binary" => json!({"uri": uri, "mimeType": "image/png", "blob": PNG}),
        _ => {
            let id = uri.strip_prefix("test://template/")?.strip_suffix("/data")?;
            let data = json!({"id": id, "templateTest": true, "data": format!("Data for ID: {id}")});
            json!({"uri": uri, "mimeType": "application/json", "text": data.to_string()})
        }
    };
    Some(json!({"contents": [contents]}))
}

fn tool(name: &'static str, said: &'static str, schema: Value) -> Tool {
    let schema = match schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    };
    Tool::new(name, said, Arc::new(schema))
}

fn text_argument(name: &str) -> Value {
    json!({"type": "object", "properties": {name: {"type": "string"}}, "required": [name]})
}

fn image() -> Value {
    json!({"type": "image", "data": PNG, "mimeType": "image/png"})
}

fn embedded(uri: &str, mime: &str, text: &str) -> Value {
    json!({"type": "resource", "resource": {"uri": uri, "mimeType": mime, "text": text}})
}

/// Every keyword of JSON Schema 2020-12 that a server must hand through untouched.
fn json_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {"address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }},
        "properties": {
            "name": {"type": "string"},
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": {"type": "string"},
            "email": {"type": "string"},
        },
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
        "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
        "then": {"required": ["phone"]},
        "else": {"required": ["email"]},
        "additionalProperties": false,
    })
}
