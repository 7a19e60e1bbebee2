//! `orkestra replay` as a program, beside a running server.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::security::{call, proposed, token};
use crate::server::Server;

fn replay(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orkestra"));
    command.arg("replay").args(args).arg("--data").arg(dir.join("data"));
    command.output().unwrap()
}

pub fn told(dir: &Path, args: &[&str]) -> String {
    let said = replay(dir, args);
    assert!(
        said.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&said.stderr)
    );
    String::from_utf8(said.stdout).unwrap()
}

pub fn lines(dir: &Path, args: &[&str]) -> Vec<Value> {
    let told = told(dir, &[args, &["--json"]].concat());
    told.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_program_tells_shows_and_goes_back_beside_a_server() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let pending = proposed(&server, "OPS");
    call(&server, &server.token, "confirm_action", &pending);
    let (_, seen) = call(&server, &server.token, "get_project", &json!({"project": "OPS"}));
    let all = lines(dir.path(), &[]);
    assert_eq!(
        all.iter().map(|line| line["seq"].as_u64().unwrap()).max(),
        Some(all.len() as u64)
    );
    let action = pending["actionId"].as_str().unwrap();
    let about: Vec<Value> = lines(dir.path(), &["--action", action]);
    let whats: Vec<&Value> = about.iter().map(|line| &line["what"]).collect();
    assert_eq!(whats, ["proposed", "confirmed"]);
    assert_eq!(about[1]["outcome"], "succeeded");
    assert!(about[1]["waitedMs"].as_i64().is_some_and(|ms| ms >= 0), "{}", about[1]);
    let read = all.iter().find(|line| line["tool"] == "get_project").unwrap();
    let shown: Value = serde_json::from_str(&told(dir.path(), &["--show", &read["seq"].to_string()])).unwrap();
    assert_eq!(shown, seen);
    let before = (about[1]["seq"].as_u64().unwrap() - 1).to_string();
    let call_then = |to: &str| {
        replay(
            dir.path(),
            &["--to", to, "--call", "get_project", r#"{"project": "OPS"}"#],
        )
    };
    let early = call_then(&before);
    assert!(!early.status.success() && String::from_utf8_lossy(&early.stderr).contains("not_found"));
    assert!(call_then(&about[1]["seq"].to_string()).status.success());
    let state: Value = serde_json::from_str(&told(dir.path(), &["--to", &before, "--state", "--json"])).unwrap();
    assert_eq!(state["pending"][0]["id"], action);
    let range = format!("{before}..{}", about[1]["seq"]);
    let changed: Value = serde_json::from_str(&told(dir.path(), &["--diff", &range, "--json"])).unwrap();
    let kinds: Vec<&Value> = changed["entities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|thing| &thing["entity"])
        .collect();
    assert!(kinds.contains(&&json!("project")), "{changed}");
    server.stop();
}

#[test]
fn nothing_on_the_command_line_is_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    for (args, why) in [
        (&["--check", "--from", "2"][..], "--from says which records"),
        (&["--diff", "1..2", "--member", "@owner"], "--member says which records"),
        (&["--show", "1", "--to", "2"], "--to says which records"),
        (&["--action", "OPS-1"], "no identifier such as act_"),
        (&["--entity", "OPS-1"], "no identifier such as tsk_"),
        (&["--diff", "3..1"], "3 comes after 1"),
        (&["--to", "yesterday"], "neither a position nor a moment"),
        (&["--call", "get_me"], "--to"),
        (&["--check", "--state", "--to", "1"], "cannot be used with"),
    ] {
        let said = replay(dir.path(), args);
        let told = String::from_utf8_lossy(&said.stderr).into_owned();
        assert_eq!(said.status.code(), Some(2), "{args:?}: {told}");
        assert!(told.contains(why), "{args:?}: {told}");
    }
    let beyond = replay(dir.path(), &["--to", "1000000", "--state"]);
    let told = String::from_utf8_lossy(&beyond.stderr).into_owned();
    assert!(
        beyond.status.code() == Some(1) && told.contains("the journal ends with record"),
        "{told}"
    );
    server.stop();
}

#[test]
fn what_the_door_refused_is_not_held_against_the_rules() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let (narrow, _) = token(dir.path(), &["--profile", "knowledge"]);
    let (status, no) = call(&server, &narrow, "list_tasks", &json!({}));
    assert_eq!((status, &no["error"]["code"]), (404, &json!("not_found")), "{no}");
    let refused: Vec<Value> = lines(dir.path(), &["--event", "call.rejected"]);
    assert_eq!(
        refused[0]["code"], "unknown_tool",
        "it is recorded so, and the tool is there for others"
    );
    // It decides everything again.
    server.stop();
}
