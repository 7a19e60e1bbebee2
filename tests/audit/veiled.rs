//! Who may look into the log and who may open it: an admin who is no auditor sees that records are there, and an auditor who
//! opens what others asked and did has that on record first.

use serde_json::{Value, json};

use crate::security::{call, token};
use crate::server::Server;

/// What stands in payloads only.
const PRIVATE: &str = "Lay off the night shift";

fn get(server: &Server, token: &str, path: &str) -> (u16, String) {
    let bearer = format!("Bearer {token}");
    let (status, _, body) = server.raw("GET", path, &[("authorization", &bearer)], b"").unwrap();
    (status, body)
}

fn lines(server: &Server, token: &str, path: &str) -> Vec<Value> {
    let (status, body) = get(server, token, path);
    assert_eq!(status, 200, "{path}: {body}");
    let lines = body.lines().filter(|line| line.starts_with('{'));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn answered(server: &Server, token: &str, tool: &str, args: &Value) -> Value {
    let (status, answer) = call(server, token, tool, args);
    assert_eq!(status, 200, "{tool}: {answer}");
    answer
}

/// What the owner did: a confirmed project and a task that waits; the two actions.
fn worked(server: &Server) -> (String, String) {
    let propose = |tool: &str, args: Value| {
        let (status, pending) = call(server, &server.token, tool, &args);
        assert_eq!(status, 202, "{pending}");
        pending
    };
    let project = propose("create_project", json!({"name": PRIVATE, "key": "OPS"}));
    let confirm = json!({"actionId": project["actionId"], "confirmToken": project["confirmToken"]});
    answered(server, &server.token, "confirm_action", &confirm);
    call(server, &server.token, "get_task", &json!({"task": PRIVATE}));
    let task = propose("create_task", json!({"project": "OPS", "title": PRIVATE}));
    let id = |pending: &Value| pending["actionId"].as_str().unwrap().to_owned();
    (id(&project), id(&task))
}

/// An admin with the right to look only, and the same one with all rights.
fn carla(dir: &std::path::Path, server: &Server) -> (String, String) {
    let invites = json!([{"email": "carla@example.com", "role": "admin"}]);
    let invite = json!({"op": "invite_members", "invites": invites});
    let (_, pending) = call(server, &server.token, "manage_organization", &invite);
    let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
    answered(server, &server.token, "confirm_action", &confirm);
    let (auditor, _) = token(dir, &["--member", "@carla"]);
    let scopes = ["audit.browse", "actions.read", "search.read"];
    let scopes = scopes.iter().flat_map(|scope| ["--scope", scope]);
    let words: Vec<&str> = ["--member", "@carla"].into_iter().chain(scopes).collect();
    (token(dir, &words).0, auditor)
}

#[test]
fn an_admin_who_is_no_auditor_sees_that_records_are_there() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let (done, waits) = worked(&server);
    let (browser, _) = carla(dir.path(), &server);
    let said = [
        get(&server, &browser, "/v1/replay"),
        get(&server, &browser, "/v1/journal"),
        get(&server, &browser, &format!("/v1/journal?action={done}")),
        get(&server, &browser, "/v1/actions"),
        get(&server, &browser, &format!("/v1/actions/{done}")),
        get(&server, &browser, &format!("/v1/actions/{waits}")),
        get(&server, &browser, "/v1/stats"),
    ];
    for (status, body) in &said {
        assert_eq!(*status, 200, "{body}");
        assert!(!body.contains(PRIVATE), "{body}");
    }
    assert!(
        said[4].1.contains("\"withheld\"") && said[4].1.contains(&done),
        "{}",
        said[4].1
    );
    for (tool, args) in [
        ("search_audit_log", json!({"fields": ["actor", "tool", "events"]})),
        ("search_audit_log", json!({"action": done, "fields": ["events"]})),
        ("list_activity", json!({})),
        ("list_audit_alerts", json!({})),
        ("list_pending_actions", json!({"mine": false, "awaiting": "anyone"})),
        ("get_pending_action", json!({"actionId": done})),
    ] {
        let answer = answered(&server, &browser, tool, &args).to_string();
        assert!(!answer.contains(PRIVATE), "{tool}: {answer}");
    }
    // Who, when, which tool and how it ended is there.
    let told = lines(&server, &browser, &format!("/v1/replay?action={done}"));
    let told: Vec<_> = told
        .iter()
        .map(|line| (&line["who"], &line["tool"], &line["what"], &line["outcome"]))
        .collect();
    let (owner, tool) = (json!("owner"), json!("create_project"));
    assert_eq!(
        told,
        [
            (&owner, &tool, &json!("proposed"), &Value::Null),
            (&owner, &tool, &json!("confirmed"), &json!("succeeded")),
        ]
    );
    let raw = lines(&server, &browser, &format!("/v1/journal?action={done}"));
    assert_eq!(raw[0]["events"][0]["data"]["tool"], "create_project");
    assert_eq!(raw[0]["events"][0]["data"]["args"], Value::Null);
    let whole = lines(&server, &server.token, &format!("/v1/journal?action={done}"));
    assert!(whole[0]["events"][0]["data"]["args"].is_object());
    assert_eq!(raw[0]["seq"], whole[0]["seq"]);
    // Looking is on record, and nothing was opened by it; the owner's own reading was.
    let opened = lines(&server, &server.token, "/v1/journal?event=payload.viewed");
    let who = opened.iter().map(|line| line["actor"]["principalId"].clone());
    let owner = whole[0]["actor"]["principalId"].clone();
    assert!(who.eq(std::iter::repeat_n(owner, 2)), "{opened:#?}");
    for path in ["/v1/tools/list_tasks?at=3", "/v1/digest", "/tlog/tile/entries/000.p/1"] {
        let (status, no) = get(&server, &browser, path);
        assert_eq!(status, 403, "{path}: {no}");
    }
    server.stop();
}

#[test]
fn what_an_auditor_opens_is_on_record_first() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let (done, waits) = worked(&server);
    let (_, auditor) = carla(dir.path(), &server);
    let owner = lines(&server, &server.token, &format!("/v1/journal?action={done}"))[0]["actor"]["principalId"].clone();
    let carla = lines(&server, &server.token, "/v1/journal?event=payload.viewed").len();
    let opened = || {
        let mut all = lines(&server, &server.token, "/v1/journal?event=payload.viewed");
        all.retain(|line| line["actor"]["principalId"] != owner);
        let data = all.iter().map(|line| {
            let event = line["events"].as_array().unwrap().iter();
            event.clone().find(|event| event["type"] == "payload.viewed").unwrap()["data"].clone()
        });
        data.collect::<Vec<_>>()
    };
    assert_eq!((carla, opened().len()), (2, 0));
    let body = get(
        &server,
        &auditor,
        &format!("/v1/replay?to=12&member=@owner&action={done}"),
    )
    .1;
    assert!(body.contains(PRIVATE), "{body}");
    let body = get(&server, &auditor, "/v1/journal").1;
    let payload = body.find(PRIVATE).unwrap();
    assert!(
        payload > 0 && body.contains("payload.viewed"),
        "the stream holds its own opening"
    );
    for path in [format!("/v1/actions/{done}"), format!("/v1/actions/{waits}")] {
        assert!(get(&server, &auditor, &path).1.contains(PRIVATE), "{path}");
    }
    let events = json!({"action": done, "fields": ["events"]});
    let found = answered(&server, &auditor, "search_audit_log", &events).to_string();
    assert!(found.contains(PRIVATE), "{found}");
    // The same without what was in them opens nothing.
    answered(&server, &auditor, "search_audit_log", &json!({"action": done}));
    let then = "/v1/tools/list_projects?at=12&as=@owner";
    assert_eq!(get(&server, &auditor, then).0, 200);
    let told = opened();
    let through: Vec<_> = told.iter().map(|data| data["through"].as_str().unwrap()).collect();
    assert_eq!(
        through,
        [
            "/v1/replay",
            "/v1/journal",
            "get_pending_action",
            "get_pending_action",
            "search_audit_log",
            "/v1/tools/list_projects",
        ]
    );
    for (at, data) in told.iter().enumerate().filter(|(at, _)| *at != 1) {
        assert_eq!(data["whose"], json!([owner]), "{at}: {data}");
    }
    assert_eq!(told[1]["whose"], Value::Null, "everybody's");
    assert_eq!(told[0]["to"], 12);
    assert!(
        told.iter().all(|data| data["from"].as_u64() <= data["to"].as_u64()),
        "{told:#?}"
    );
    assert_eq!((told[5]["from"].clone(), told[5]["to"].clone()), (json!(12), json!(12)));
    server.stop();
}
