//! Confirming in band (SEP-2322): what a client carries between two rounds is its own word and nobody believes it.

use serde_json::{Value, json};

use super::{call, exported, headers, token};
use crate::server::Server;

/// A client that can fill forms, with one token.
struct Client<'a> {
    server: &'a Server,
    token: &'a str,
}

impl Client<'_> {
    /// One round at an address; the result, or the error.
    fn round(&self, address: &str, tool: &str, args: &Value, more: &Value) -> Value {
        let mut params = json!({"name": tool, "arguments": args, "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
        }});
        let more = more.as_object().unwrap().clone();
        params.as_object_mut().unwrap().extend(more);
        let text = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
        let bearer = format!("Bearer {}", self.token);
        let sent = headers(&bearer, "tools/call", Some(tool));
        let (_, said) = self.server.send("POST", address, &sent, text.as_bytes()).unwrap();
        said.get("result").unwrap_or(&said).clone()
    }

    /// Proposes a project; the sealed state of the question that comes back.
    fn asked(&self, key: &str) -> String {
        let said = self.round("/mcp", "create_project", &project(key), &json!({}));
        assert_eq!(said["resultType"], "input_required", "{said}");
        let question = &said["inputRequests"]["confirmation"];
        assert_eq!(question["method"], "elicitation/create", "{said}");
        let message = question["params"]["message"].as_str().unwrap();
        assert!(message.contains(key), "{message}");
        said["requestState"].as_str().unwrap().to_owned()
    }

    fn answers(&self, key: &str, state: &str, answer: &Value) -> Value {
        let more = json!({"requestState": state, "inputResponses": {"confirmation": answer}});
        self.round("/mcp", "create_project", &project(key), &more)
    }
}

fn project(key: &str) -> Value {
    json!({"name": key, "key": key})
}

fn accepted() -> Value {
    json!({"action": "accept", "content": {"decision": "apply"}})
}

fn exists(server: &Server, key: &str) -> bool {
    call(server, &server.token, "get_project", &json!({"project": key})).0 == 200
}

/// A state counts once, for the caller, the tool and the arguments it was made for, and not when a letter of it differs.
#[test]
fn a_state_is_good_for_one_call_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let ((own, _), (other, _)) = (token(dir.path(), &["--elicit"]), token(dir.path(), &["--elicit"]));
    let (mine, theirs) = (
        Client {
            server: &server,
            token: &own,
        },
        Client {
            server: &server,
            token: &other,
        },
    );
    let state = mine.asked("ONE");
    let mut forgeries: Vec<String> = Vec::new();
    for at in [0, state.len() / 2, state.len() - 2] {
        let mut altered = state.clone().into_bytes();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        forgeries.push(String::from_utf8(altered).unwrap());
    }
    forgeries.extend([String::new(), "e30".to_owned(), state[..state.len() - 4].to_owned()]);
    for forged in &forgeries {
        let said = mine.answers("ONE", forged, &accepted());
        assert_eq!(said["error"]["code"], -32602, "{forged}: {said}");
    }
    for said in [
        theirs.answers("ONE", &state, &accepted()),
        mine.answers("TWO", &state, &accepted()),
        mine.round(
            "/mcp",
            "create_label",
            &project("ONE"),
            &json!({"requestState": state, "inputResponses": {"confirmation": accepted()}}),
        ),
    ] {
        assert_eq!(said["error"]["code"], -32602, "{said}");
    }
    let journal = exported(dir.path());
    assert_eq!(
        journal.matches("\"state_invalid\"").count(),
        forgeries.len() + 3,
        "every no is recorded"
    );
    assert!(!exists(&server, "ONE") && !exists(&server, "TWO"));
    let said = mine.answers("ONE", &state, &accepted());
    assert_eq!(said["structuredContent"]["status"], "succeeded", "{said}");
    let again = mine.answers("ONE", &state, &accepted());
    assert_eq!(
        (
            &again["structuredContent"]["alreadyConfirmed"],
            &again["structuredContent"]["result"]
        ),
        (&json!(true), &said["structuredContent"]["result"]),
        "{again}"
    );
    assert_eq!(exported(dir.path()).matches("\"action.confirmed\"").count(), 1);
}

/// What was declined, or closed without an answer, is over: the state cannot bring it back. No answer at all is asked for again.
#[test]
fn what_was_discarded_stays_discarded() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let (own, _) = token(dir.path(), &["--elicit"]);
    let client = Client {
        server: &server,
        token: &own,
    };
    for (key, answer) in [
        ("NO", json!({"action": "decline"})),
        ("SHUT", json!({"action": "cancel"})),
        ("DROP", json!({"action": "accept", "content": {"decision": "discard"}})),
        ("VAGUE", json!({"action": "accept", "content": {"confirmed": true}})),
        ("EMPTY", json!({"action": "accept"})),
    ] {
        let state = client.asked(key);
        let again = client.round("/mcp", "create_project", &project(key), &json!({"requestState": state}));
        assert_eq!(again["resultType"], "input_required", "{key}: {again}");
        let said = client.answers(key, &state, &answer);
        assert_eq!(said["structuredContent"]["status"], "cancelled", "{key}: {said}");
        let back = client.answers(key, &state, &accepted());
        assert_eq!(
            back["structuredContent"]["error"]["code"], "not_pending",
            "{key}: {back}"
        );
        assert!(!exists(&server, key), "{key}");
    }
}

/// Who is asked is what the token says and what the client can: everybody else has the confirm token. The generic caller asks too.
#[test]
fn only_who_wants_to_be_asked_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let (own, _) = token(dir.path(), &["--elicit"]);
    let plain = Client {
        server: &server,
        token: &server.token,
    };
    let said = plain.round("/mcp", "create_project", &project("PLAIN"), &json!({}));
    assert!(
        said["structuredContent"]["confirmToken"].is_string(),
        "the token does not ask for it: {said}"
    );
    let (status, said) = call(&server, &own, "create_project", &project("REST"));
    assert!(
        status == 202 && said["confirmToken"].is_string(),
        "REST has no forms: {said}"
    );
    let client = Client {
        server: &server,
        token: &own,
    };
    let wrapped = json!({"name": "create_project", "arguments": project("WRAP")});
    let first = client.round("/mcp/p/compact", "call_tool", &wrapped, &json!({}));
    let state = json!({"requestState": first["requestState"]});
    let again = client.round("/mcp/p/compact", "call_tool", &wrapped, &state);
    assert_eq!(again["resultType"], "input_required", "{again}");
    let answered = json!({"requestState": again["requestState"], "inputResponses": {"confirmation": accepted()}});
    let said = client.round("/mcp/p/compact", "call_tool", &wrapped, &answered);
    assert_eq!(said["structuredContent"]["status"], "succeeded", "{said}");
    assert!(exists(&server, "WRAP") && !exists(&server, "PLAIN") && !exists(&server, "REST"));
}
