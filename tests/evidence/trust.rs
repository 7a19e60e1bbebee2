//! Whose key counts: not one that was replaced, not one that was made where another signed, not one that an attacker leads from.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use journal::disk::{Fate, SimulatedDisk};
use journal::{Journal, Log as _, Options, SigningKey, Statement};
use orkestra::audit::keys::{Chain, KIND, lines};
use orkestra::audit::rotation;
use orkestra::door::signer::Signer;
use orkestra::door::signing::{ORIGIN, Source};
use orkestra::processor;
use serde_json::json;

use super::{bad, good, newest, project, public_key, text};
use crate::full::{object, opening, owner};
use crate::server::Server;

/// Writes a key as the data directory keeps it.
fn put(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn checkpoints(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(dir.join("data/journal/checkpoints"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The folder of keys as it was before a rotation: the retired key signs nothing, and nothing is journaled.
#[test]
fn a_key_that_was_replaced_is_not_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    project(&server, "ONE");
    let secret = dir.path().join("data/keys/signing");
    let former = std::fs::read_to_string(&secret).unwrap();
    let first = public_key(dir.path());
    good(dir.path(), &["journal", "rotate-key"]);
    let second = std::fs::read_to_string(&secret).unwrap();
    server.stop();
    let before = checkpoints(dir.path());
    let records = good(dir.path(), &["journal", "stat"]);
    let refused = || {
        for words in [
            &["serve", "--listen", "127.0.0.1:0"][..],
            &["journal", "checkpoint"],
            &["journal", "rotate-key"],
            &["evidence", "export", "--from", "1", "--to", "2", "--out", "nowhere"],
        ] {
            let said = bad(dir.path(), words);
            assert!(
                said.contains(&format!("{first} is not the key of this log")) && said.contains("newest backup"),
                "{words:?}: {said}"
            );
        }
        let said = bad(dir.path(), &["doctor"]);
        assert!(said.contains("to look at"), "{said}");
    };
    put(&secret, &former);
    refused();
    assert_eq!(
        (checkpoints(dir.path()), good(dir.path(), &["journal", "stat"])),
        (before.clone(), records)
    );

    // Also where the server went before the new key signed anything.
    let size: u64 = newest(dir.path(), "log.key_rotated")["seq"].as_u64().unwrap();
    for name in &before {
        if name.parse::<u64>().unwrap() >= size {
            std::fs::remove_file(dir.path().join("data/journal/checkpoints").join(name)).unwrap();
        }
    }
    std::fs::remove_file(dir.path().join("data/journal/tiles/checkpoint")).unwrap();
    refused();
    put(&secret, &second);
    good(dir.path(), &["journal", "checkpoint"]);
    assert!(good(dir.path(), &["journal", "verify", "--key", &first]).starts_with("good:"));
}

/// The key is in the environment of the server; somebody asks in a shell that does not have it.
#[test]
fn no_key_is_made_where_another_signed() {
    let dir = tempfile::tempdir().unwrap();
    let key = SigningKey::generate("orkestra").unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_orkestra"));
    program.env("ORKESTRA_SIGNING_KEY", key.encode());
    let server = Server::start_as(dir.path(), &mut program);
    project(&server, "ONE");
    server.stop();
    let before = checkpoints(dir.path());
    for words in [
        &["journal", "checkpoint"][..],
        &["journal", "rotate-key"],
        &["evidence", "export", "--from", "1", "--to", "2", "--out", "nowhere"],
        &["serve", "--listen", "127.0.0.1:0"],
    ] {
        let said = bad(dir.path(), words);
        assert!(
            said.contains("is not there, and none is made in its place") && said.contains("ORKESTRA_SIGNING_KEY"),
            "{words:?}: {said}"
        );
    }
    assert!(!dir.path().join("data/keys/signing").exists());
    assert_eq!(checkpoints(dir.path()), before);

    // And proving makes none even where nothing was signed yet.
    std::fs::remove_dir_all(dir.path().join("data/journal/checkpoints")).unwrap();
    std::fs::remove_file(dir.path().join("data/journal/tiles/checkpoint")).unwrap();
    let public = key.verifying_key().unwrap();
    let said = bad(dir.path(), &["journal", "prove", "1", "--key", public.encode()]);
    assert!(said.contains("is not there"), "{said}");
    assert!(!dir.path().join("data/keys/signing").exists());
}

/// The attack: a thief of the directory makes a history under a key of their own, and lets that key "name" the one that the
/// auditor trusts. What their key signed before that record is worth nothing.
#[test]
fn a_key_that_names_the_trusted_one_is_not_trusted_for_it() {
    let dir = tempfile::tempdir().unwrap();
    Server::start(dir.path()).stop();
    let seed = std::fs::read_to_string(dir.path().join("data/keys/signing")).unwrap();
    let seed = projections::Digest::parse(seed.trim()).unwrap();
    let theirs = SigningKey::from_seed("orkestra", *seed.bytes()).unwrap();
    let trusted = SigningKey::generate("orkestra").unwrap().verifying_key().unwrap();
    let kept = dir.path().join("kept");
    std::fs::write(&kept, good(dir.path(), &["journal", "checkpoint"])).unwrap();
    let kept = kept.to_str().unwrap();
    let key = trusted.encode();
    let before = bad(dir.path(), &["journal", "prove", "1", "--key", key]);
    assert!(before.contains("no verifiable signatures"), "{before}");

    let own = theirs.verifying_key().unwrap();
    let note = Statement::sign(&theirs, KIND, &lines(&own, &trusted)).unwrap().note;
    let facts = json!({"old": own.encode(), "new": key, "note": note});
    let body = json!({"v": 1, "at": "2026-11-26T06:27:28.81Z", "actor": {"kind": "system", "via": "system"},
        "events": [{"type": "log.key_rotated", "v": 1, "data": facts}]});
    let (journal, _) = Journal::open(&dir.path().join("data/journal"), Options::default(), "orkestra").unwrap();
    let (done, durable) = std::sync::mpsc::channel();
    let done = Box::new(move |said| drop(done.send(said)));
    journal.append(vec![body.to_string()], done).unwrap();
    durable.recv().unwrap().unwrap();
    let chain = Chain::read(&mut journal.reader(1), &mut |_| ()).unwrap();
    assert!(chain.names(&trusted), "the record is as the program writes it");
    journal.close().unwrap();
    drop(journal);
    for words in [
        &["journal", "prove", "1", "--key", key][..],
        &["journal", "prove", "--from", kept, "--key", key],
        &["journal", "verify", "--key", key],
    ] {
        let said = bad(dir.path(), words);
        assert!(
            said.contains("is not the key of this log") || said.contains("no checkpoint by that key vouches"),
            "{words:?}: {said}"
        );
    }
    // Nor where they sign on behind it.
    let (journal, _) = Journal::open(&dir.path().join("data/journal"), Options::default(), "orkestra").unwrap();
    journal.checkpoint(&theirs).unwrap();
    journal.close().unwrap();
    drop(journal);
    let said = bad(dir.path(), &["journal", "prove", "--from", kept, "--key", key]);
    assert!(said.contains("no verifiable signatures"), "{said}");
}

/// A disk that is full refuses the record: the key stays, nothing waits, and it goes when there is room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_that_is_refused_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (path, disk) = (dir.path().join("signing"), SimulatedDisk::new());
    let next = dir.path().join("signing.next");
    put(&path, &"42".repeat(32));
    let options = Options {
        segment_bytes: 64 << 10,
        record_bytes_max: 16 << 10,
        reserve_bytes: 4 << 10,
        ..Options::default()
    };
    let (journal, _) = Journal::open_on(Arc::new(disk.clone()), options, ORIGIN).unwrap();
    let handle = processor::open(opening(Arc::new(journal.clone()))).unwrap();
    let source = Source::Directory(path);
    let signer = Signer::new(journal.clone(), source.clone(), source.open().unwrap());
    let (first, caller) = (signer.public().unwrap(), owner(&handle));
    disk.set(Fate {
        space_bytes: Some(30_000),
        ..Fate::default()
    });
    let mut number = 0;
    loop {
        number += 1;
        let label = object(&json!({"name": format!("label {number}")}));
        if handle.call(caller.clone(), "create_label", label).await.is_err() {
            break;
        }
    }
    let no = rotation::rotate(&handle, &signer, caller.clone(), None)
        .await
        .unwrap_err();
    assert!(no.message.contains("nothing was done"), "{no:?}");
    assert!(!next.exists(), "what was refused does not wait");
    assert_eq!(signer.public().unwrap(), first);
    disk.set(Fate::default());
    let mut tries = 0;
    while let Err(no) = rotation::rotate(&handle, &signer, caller.clone(), None).await {
        tries += 1;
        assert!(tries < 200 && !next.exists(), "{no:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_ne!(signer.public().unwrap(), first);
    assert_eq!(source.public().unwrap(), signer.public().unwrap());
}

/// An auditor of another organisation reads that the key changed, and who did it.
#[test]
fn auditors_of_every_organisation_see_the_change_of_the_key() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    good(dir.path(), &["journal", "rotate-key"]);
    let told = newest(dir.path(), "log.key_rotated");
    let out = dir.path().join("out");
    let out = out.to_str().unwrap();
    good(
        dir.path(),
        &["evidence", "export", "--from", "1", "--to", "2", "--out", out],
    );
    for record in [told, newest(dir.path(), "evidence.exported")] {
        assert!(record["org"].is_null() && record["actor"]["via"] == "cli", "{record}");
        assert!(record["actor"]["principalId"].is_string(), "{record}");
    }
    server.stop();
    assert!(text(&super::run(dir.path(), &["doctor"]).stdout).contains("ok    signing key"));
}
