//! An agent is compromised at noon. The auditor finds what it read, what it proposed and who confirmed it, undoes the damage in one
//! previewed action, and takes the evidence away. `ops/runbook/compromised-agent.md` tells the same as a page.

use std::path::Path;

use serde_json::{Value, json};

use super::program::{lines, told};
use crate::evidence::{good, public_key};
use crate::security::{call, token};
use crate::server::Server;

/// Proposes and confirms as one; the receipt.
fn does(server: &Server, token: &str, tool: &str, args: &Value) -> Value {
    let pending = proposes(server, token, tool, args);
    let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
    let (status, receipt) = call(server, token, "confirm_action", &confirm);
    assert_eq!(status, 200, "{tool}: {receipt}");
    receipt
}

fn proposes(server: &Server, token: &str, tool: &str, args: &Value) -> Value {
    let (status, pending) = call(server, token, tool, args);
    assert_eq!(status, 202, "{tool}: {pending}");
    pending
}

/// A project with four tasks, an agent of the owner with a token, and what the agent did in the morning.
fn morning(dir: &Path, server: &Server) -> (String, String) {
    let owner = &server.token;
    let strict = json!({"op": "update_settings", "settings": {"confirmPolicy": {"destructive": "human"}}});
    does(server, owner, "manage_organization", &strict);
    does(
        server,
        owner,
        "create_project",
        &json!({"name": "Operations", "key": "OPS"}),
    );
    for title in ["Renew the contract", "Pay the rent", "Call the bank", "Hire a cook"] {
        let task = json!({"project": "OPS", "title": title, "description": format!("{title} before May")});
        does(server, owner, "create_task", &task);
    }
    let invites = json!([{"email": "scout", "kind": "agent", "sponsor": "@owner"}]);
    let invite = json!({"op": "invite_members", "invites": invites});
    does(server, owner, "manage_organization", &invite);
    let (bot, id) = token(dir, &["--member", "@scout"]);
    let early = json!({"task": "OPS-1", "priority": "high"});
    does(server, &bot, "update_task", &early);
    (bot, id)
}

/// What whoever stole the token does: looks around, spoils what it may confirm itself, and gets a human to confirm the rest.
fn noon(server: &Server, bot: &str) {
    assert_eq!(call(server, bot, "list_tasks", &json!({"project": "OPS"})).0, 200);
    assert_eq!(call(server, bot, "get_task", &json!({"task": "OPS-2"})).0, 200);
    for task in ["OPS-1", "OPS-2", "OPS-3"] {
        let spoilt = json!({"task": task, "title": "pwned", "description": ""});
        does(server, bot, "update_task", &spoilt);
    }
    let pending = proposes(server, bot, "delete_task", &json!({"task": "OPS-4"}));
    assert_eq!(
        pending["confirmToken"],
        Value::Null,
        "an agent does not delete alone: {pending}"
    );
    let deceived = json!({"actionId": pending["actionId"], "note": "scout says it is a duplicate"});
    let (status, receipt) = call(server, &server.token, "confirm_action", &deceived);
    assert_eq!(status, 200, "{receipt}");
    // Left behind, and never confirmed.
    proposes(server, bot, "delete_task", &json!({"task": "OPS-3"}));
}

/// Title, description and whether it is there, of every task at a position; now, where none is given.
fn tasks(server: &Server, at: Option<u64>) -> Vec<Value> {
    let args = json!({"project": "OPS", "fields": ["key", "title", "description", "priority"], "sort": "key"});
    let at = at.map(|at| format!("?at={at}")).unwrap_or_default();
    let bearer = format!("Bearer {}", server.token);
    let path = format!("/v1/tools/list_tasks{at}");
    let said = server.send(
        "POST",
        &path,
        &[("authorization", &bearer)],
        args.to_string().as_bytes(),
    );
    let (status, listed) = said.unwrap();
    assert_eq!(status, 200, "{listed}");
    listed["items"].as_array().unwrap().clone()
}

fn newest(server: &Server) -> u64 {
    server.get("/readyz").1["position"].as_u64().unwrap()
}

/// What a line of a timeline says, of what matters here.
fn brief(line: &Value) -> String {
    let text = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
    format!("{} {} {}", text("who"), text("what"), text("tool"))
}

#[test]
fn a_compromised_agent_is_found_out_undone_and_proven() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let (bot, id) = morning(dir.path(), &server);
    let before = newest(&server);
    let good_tasks = tasks(&server, None);
    noon(&server, &bot);
    assert_ne!(tasks(&server, None), good_tasks);

    // First of all the door is shut: the token, and with it what it left behind.
    good(dir.path(), &["token", "revoke", &id]);
    assert_eq!(call(&server, &bot, "list_tasks", &json!({})).0, 401);
    let end = newest(&server);

    // What it read: the very answers, proven.
    let since = (before + 1).to_string();
    let its = lines(dir.path(), &["--token", &id, "--from", &since]);
    let read: Vec<&Value> = its.iter().filter(|line| line["what"] == "answered").collect();
    let tools: Vec<&Value> = read.iter().map(|line| &line["tool"]).collect();
    assert_eq!(tools, ["list_tasks", "get_task"]);
    let seen = told(dir.path(), &["--show", &read[1]["seq"].to_string()]);
    assert!(seen.contains("Pay the rent before May"), "{seen}");

    // What it proposed, and who confirmed what.
    let proposed: Vec<&Value> = its.iter().filter(|line| line["what"] == "proposed").collect();
    assert_eq!(proposed.len(), 5);
    let mut damage = Vec::new();
    let mut told_of = Vec::new();
    for line in proposed {
        for step in lines(dir.path(), &["--action", line["action"].as_str().unwrap()]) {
            told_of.push(brief(&step));
            if step["what"] == "confirmed" {
                damage.push(step["seq"].to_string());
            }
        }
    }
    let mut alone = ["scout proposed update_task", "scout confirmed update_task"].repeat(3);
    alone.extend([
        "scout proposed delete_task",
        "owner confirmed delete_task",
        "scout proposed delete_task",
    ]);
    assert_eq!(told_of[..alone.len()], alone, "{told_of:#?}");
    // What it left behind is no longer to be confirmed, and is declined.
    let left = server.get("/v1/actions?state=pending").1["items"].clone();
    assert_eq!(left.as_array().unwrap().len(), 1, "{left}");
    let left = json!({"actionId": left[0]["id"]});
    let (status, no) = call(&server, &server.token, "confirm_action", &left);
    assert_eq!((status, &no["error"]["code"]), (403, &json!("policy_denied")), "{no}");
    assert_eq!(call(&server, &server.token, "cancel_action", &left).0, 200);

    // One action takes it all back, and is shown before.
    let undo = json!({"events": damage, "reason": "the token of @scout was stolen at noon"});
    let shown = proposes(&server, &server.token, "undo_action", &undo);
    assert_eq!(shown["preview"]["changes"].as_array().unwrap().len(), 4, "{shown:#}");
    let confirm = json!({"actionId": shown["actionId"], "confirmToken": shown["confirmToken"]});
    assert_eq!(call(&server, &server.token, "confirm_action", &confirm).0, 200);
    assert_eq!(tasks(&server, None), good_tasks);
    assert_eq!(tasks(&server, Some(before)), good_tasks, "as it was before noon");
    assert_ne!(
        tasks(&server, Some(end)),
        good_tasks,
        "and what was then stays readable"
    );

    // The evidence stands alone.
    let file = dir.path().join("noon.json");
    let (from, to, out) = (since.as_str(), newest(&server).to_string(), file.to_str().unwrap());
    good(
        dir.path(),
        &["evidence", "export", "--from", from, "--to", &to, "--out", out],
    );
    let key = public_key(dir.path());
    let empty = tempfile::tempdir().unwrap();
    let verified = std::process::Command::new(env!("CARGO_BIN_EXE_orkestra"))
        .env_clear()
        .current_dir(empty.path())
        .args(["evidence", "verify", out, "--key", &key, "--json"])
        .output()
        .unwrap();
    let said: Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!(said["ok"], true, "{said}");
    server.stop();
}
