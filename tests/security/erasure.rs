//! Erasing a person: what was written of their address cannot be read any more by anybody, and everything still verifies.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::{call, orkestra};
use crate::server::Server;

/// Every file under a folder.
fn files(dir: &Path, into: &mut Vec<PathBuf>) {
    for path in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            files(&path, into);
        } else if path.is_file() {
            into.push(path);
        }
    }
}

/// The files of a data directory in which some bytes stand.
fn holding(dir: &Path, text: &str) -> Vec<PathBuf> {
    let mut all = Vec::new();
    files(dir, &mut all);
    let holds = |path: &PathBuf| {
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(text.len()).any(|some| some == text.as_bytes())
    };
    all.into_iter().filter(holds).collect()
}

/// Proposes and confirms in the name of the owner.
fn done(server: &Server, tool: &str, args: &Value) -> Value {
    let (status, pending) = call(server, &server.token, tool, args);
    assert_eq!(status, 202, "{pending}");
    let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
    let (status, receipt) = call(server, &server.token, "confirm_action", &confirm);
    assert_eq!(status, 200, "{receipt}");
    receipt
}

fn invite(server: &Server, address: &str) {
    let invite = json!({"op": "invite_members", "invites": [{"email": address, "role": "member"}]});
    done(server, "manage_organization", &invite);
}

fn members(server: &Server) -> Value {
    let (status, said) = call(server, &server.token, "list_organization_members", &json!({}));
    assert_eq!(status, 200, "{said}");
    said
}

/// The records with an event, as they are written.
fn records(dir: &Path, event: &str) -> Vec<String> {
    let exported = super::exported(dir);
    exported
        .lines()
        .filter(|line| line.contains(event))
        .map(ToOwned::to_owned)
        .collect()
}

const ADDRESS: &str = "carla@quixotically-rare.example";
const OTHER: &str = "dora@somewhere-else.example";

#[test]
fn who_was_erased_is_nowhere_and_everything_still_verifies() {
    let place = tempfile::tempdir().unwrap();
    let (dir, data) = (place.path(), place.path().join("data"));
    let server = Server::start(dir);
    invite(&server, ADDRESS);
    invite(&server, OTHER);
    done(
        &server,
        "create_project",
        &json!({"name": format!("Ask {ADDRESS} first"), "key": "ASK"}),
    );
    assert!(members(&server).to_string().contains(ADDRESS));
    let running = orkestra(dir, &["subject", "erase", "@carla", "--yes"]);
    assert!(
        !running.status.success(),
        "a running server has the address in its memory"
    );
    server.stop();

    let journal = data.join("journal");
    assert_eq!(
        holding(&journal, ADDRESS),
        Vec::<PathBuf>::new(),
        "records are sealed before they are written"
    );
    let checkpoint = dir.join("checkpoint");
    let mut signed: Vec<PathBuf> = Vec::new();
    files(&journal.join("checkpoints"), &mut signed);
    std::fs::copy(signed.iter().max().unwrap(), &checkpoint).unwrap();

    let asked = orkestra(dir, &["subject", "erase", "@carla"]);
    assert!(
        asked.status.success() && records(dir, "subject.erased").is_empty(),
        "nothing without --yes"
    );
    let erased = orkestra(dir, &["subject", "erase", "@carla", "--yes"]);
    assert!(erased.status.success(), "{}", String::from_utf8_lossy(&erased.stderr));
    for text in [ADDRESS, "quixotically"] {
        assert_eq!(holding(&data, text), Vec::<PathBuf>::new(), "{text}");
    }
    let proof = records(dir, "subject.erased");
    let record: Value = serde_json::from_str(&proof[0]).unwrap();
    let said = record["events"][0]["data"].as_object().unwrap();
    assert_eq!((proof.len(), said.len()), (1, 2), "{proof:?}");
    for (name, digits) in [("subject", 32), ("key", 16)] {
        let value = said[name].as_str().unwrap();
        assert!(
            value.len() == digits && value.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{value}"
        );
    }
    let verified = orkestra(
        dir,
        &["journal", "verify", "--checkpoint", checkpoint.to_str().unwrap()],
    );
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stderr)
    );
    let again = orkestra(dir, &["replay", "--check", "--json"]);
    let report: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(report["divergences"], 0, "{report}");
    assert!(report["erased"].as_u64().unwrap() > 0, "{report}");

    let server = Server::start(dir);
    let said = members(&server).to_string();
    assert!(said.contains("erased person") && said.contains(OTHER), "{said}");
    assert!(!said.contains(ADDRESS), "{said}");
    // Who is asked in again is somebody new: the old records stay shut.
    invite(&server, ADDRESS);
    server.stop();
    let shown = orkestra(dir, &["replay", "--json"]);
    let told = String::from_utf8(shown.stdout).unwrap();
    assert!(told.contains("~s1."), "{told}");
    let server = Server::start(dir);
    let (status, no) = call(
        &server,
        &server.token,
        "search",
        &json!({"query": records(dir, "~s1.")[0].split('~').nth(1).map(|text| format!("~{text}~"))}),
    );
    assert_eq!(
        (status, no["error"]["code"].as_str()),
        (400, Some("validation_failed")),
        "{no}"
    );
    server.stop();
}

#[test]
fn kill_9_during_an_erasure_leaves_it_done_or_not_begun() {
    let place = tempfile::tempdir().unwrap();
    let (dir, data) = (place.path(), place.path().join("data"));
    let mut server = Server::start(dir);
    let rounds = [5, 40, 120, 250, 400];
    for round in rounds {
        invite(&server, &format!("person{round}@killed.example"));
    }
    for round in rounds {
        let address = format!("person{round}@killed.example");
        server.stop();
        let mut erasing = Command::new(env!("CARGO_BIN_EXE_orkestra"))
            .args(["subject", "erase", &address, "--yes", "--data"])
            .arg(&data)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(round));
        let _ = erasing.kill();
        erasing.wait().unwrap();
        server = Server::start(dir);
        let erased = records(dir, "subject.erased").len();
        let known = members(&server).to_string().matches("@killed.example").count();
        assert_eq!(erased + known, rounds.len(), "after {round} ms");
    }
    let told = members(&server).to_string();
    let erased = records(dir, "subject.erased").len();
    server.stop();
    let mut subjects = Vec::new();
    files(&data.join("subjects"), &mut subjects);
    let note = |path: &&PathBuf| path.to_str().unwrap().contains("erasing-");
    assert_eq!(subjects.iter().filter(note).count(), 0, "every note is settled");
    assert_eq!(told.matches("erased person").count(), erased);
}

/// What a kill leaves between two steps of an erasure, put there by hand: whether the event was written decides.
#[test]
fn a_start_ends_an_erasure_that_was_journaled_and_forgets_one_that_was_not() {
    let (place, before) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (dir, data) = (place.path(), place.path().join("data"));
    let server = Server::start(dir);
    invite(&server, ADDRESS);
    server.stop();
    let copied = Command::new("cp")
        .arg("-a")
        .args([&data, &dir.join("token")])
        .arg(before.path())
        .status()
        .unwrap();
    assert!(copied.success());
    let (subjects, rows) = (data.join("subjects"), data.join("projections"));
    let mut all = Vec::new();
    files(&subjects, &mut all);
    let kept: Vec<_> = all.iter().map(|path| (path, std::fs::read(path).unwrap())).collect();
    assert!(orkestra(dir, &["subject", "erase", ADDRESS, "--yes"]).status.success());
    let (key, content) = kept.iter().find(|(path, _)| !path.exists()).unwrap();
    let event: Value = serde_json::from_str(&records(dir, "subject.erased")[0]).unwrap();
    let fact = |name: &str| event["events"][0]["data"][name].as_str().unwrap().to_owned();
    let name = format!("erasing-{}-{}", fact("subject"), fact("key"));
    let note = subjects.join(&name);
    for (has_rows, has_key) in [(true, true), (false, true), (false, false)] {
        std::fs::write(&note, "").unwrap();
        if has_rows {
            std::fs::create_dir_all(&rows).unwrap();
            std::fs::write(rows.join("left"), ADDRESS).unwrap();
        }
        if has_key {
            std::fs::write(key, content).unwrap();
        }
        Server::start(dir).stop();
        assert!(!note.exists() && !key.exists(), "rows {has_rows}, key {has_key}");
        assert_eq!(holding(&data, ADDRESS), Vec::<PathBuf>::new());
    }
    // The same note where no event followed it.
    let (note, key) = (
        before.path().join("data/subjects").join(name),
        before.path().join(key.strip_prefix(dir).unwrap()),
    );
    std::fs::write(&note, "").unwrap();
    let server = Server::start(before.path());
    assert!(!note.exists() && key.exists());
    assert!(members(&server).to_string().contains(ADDRESS));
    server.stop();
}

#[test]
fn a_key_that_a_backup_brings_back_is_destroyed_again() {
    let place = tempfile::tempdir().unwrap();
    let (dir, subjects) = (place.path(), place.path().join("data/subjects"));
    let server = Server::start(dir);
    invite(&server, ADDRESS);
    server.stop();
    let mut before = Vec::new();
    files(&subjects, &mut before);
    let saved: Vec<_> = before.iter().map(|path| (path, std::fs::read(path).unwrap())).collect();
    assert!(orkestra(dir, &["subject", "erase", ADDRESS, "--yes"]).status.success());
    let gone: Vec<_> = saved.iter().filter(|(path, _)| !path.exists()).collect();
    assert_eq!(gone.len(), 1);
    std::fs::write(gone[0].0, &gone[0].1).unwrap();
    let shown = String::from_utf8(orkestra(dir, &["replay", "--json"]).stdout).unwrap();
    assert!(shown.contains(ADDRESS), "the backup does bring it back: {shown}");
    assert!(orkestra(dir, &["subject", "recheck"]).status.success());
    assert!(!gone[0].0.exists());
    assert_eq!(holding(&dir.join("data"), ADDRESS), Vec::<PathBuf>::new());
}

#[test]
fn very_many_addresses_at_once_are_refused_and_make_no_keys() {
    let place = tempfile::tempdir().unwrap();
    let (dir, subjects) = (place.path(), place.path().join("data/subjects"));
    let server = Server::start(dir);
    let keys = || {
        let mut all = Vec::new();
        files(&subjects, &mut all);
        all.len()
    };
    let before = keys();
    let said: Vec<String> = (0..200).map(|number| format!("p{number}@many.example")).collect();
    let args = json!({"name": "Everybody", "key": "ALL", "description": said.join(" ")});
    let (status, no) = call(&server, &server.token, "create_project", &args);
    assert_eq!(
        (status, &no["error"]["code"]),
        (400, &json!("validation_failed")),
        "{no}"
    );
    assert_eq!(keys(), before, "each would have had a file of its own");
    let few = json!({"name": "Some", "key": "SOME", "description": said[..3].join(" ")});
    done(&server, "create_project", &few);
    assert_eq!(keys(), before + 3);
    server.stop();
    assert_eq!(
        holding(&dir.join("data/journal"), "@many.example"),
        Vec::<PathBuf>::new()
    );
    assert!(orkestra(dir, &["replay", "--check"]).status.success());
}

#[test]
fn the_doctor_says_when_keys_of_people_are_lost_and_not_when_they_are_erased() {
    let place = tempfile::tempdir().unwrap();
    let (dir, data) = (place.path(), place.path().join("data"));
    let server = Server::start(dir);
    invite(&server, ADDRESS);
    invite(&server, OTHER);
    server.stop();
    let addresses = || {
        let out = orkestra(dir, &["doctor", "--json"]);
        let said: Value = serde_json::from_slice(&out.stdout).unwrap();
        let checks = said["checks"].as_array().unwrap();
        let found = checks
            .iter()
            .find(|check| check["check"] == "addresses")
            .unwrap()
            .clone();
        (
            found["ok"].as_bool().unwrap(),
            found["found"].as_str().unwrap().to_owned(),
            found["fix"].clone(),
        )
    };
    assert!(orkestra(dir, &["subject", "erase", "@carla", "--yes"]).status.success());
    assert!(addresses().0, "{:?}", addresses());
    std::fs::rename(data.join("subjects"), dir.join("elsewhere")).unwrap();
    let (well, found, fix) = addresses();
    assert!(!well && found.contains("1 key "), "{found}");
    assert!(fix.as_str().unwrap().contains("subjects"), "{fix}");
    std::fs::rename(dir.join("elsewhere"), data.join("subjects")).unwrap();
    assert!(addresses().0);
}
