//! Another key for the log, and what the former one signed.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use orkestra::audit::keys::Chain;

use super::{bad, good, newest, project, public_key, run, text};
use crate::server::Server;

fn rotate(dir: &Path) -> String {
    good(dir, &["journal", "rotate-key"]).trim().to_owned()
}

fn kept(dir: &Path, name: &str) -> String {
    let file = dir.join(name);
    std::fs::write(&file, good(dir, &["journal", "checkpoint"])).unwrap();
    file.display().to_string()
}

#[test]
fn what_the_former_keys_signed_still_verifies() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let action = project(&server, "ONE");
    let file = dir.path().join("before.json");
    let file = file.to_str().unwrap();
    good(dir.path(), &["evidence", "export", "--action", &action, "--out", file]);
    let (first, old) = (public_key(dir.path()), kept(dir.path(), "old"));
    let secret = dir.path().join("data/keys/signing");
    let former = std::fs::read_to_string(&secret).unwrap();

    let second = rotate(dir.path());
    assert_ne!(first, second);
    assert_eq!(public_key(dir.path()), second);
    assert_ne!(
        std::fs::read_to_string(&secret).unwrap(),
        former,
        "the former key is gone"
    );
    assert_eq!(secret.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let told = newest(dir.path(), "log.key_rotated");
    let facts = &told["events"][0]["data"];
    assert_eq!(
        (&facts["old"], &facts["new"]),
        (&first.as_str().into(), &second.as_str().into())
    );
    assert!(
        told["org"].is_null() && told["actor"]["principalId"].is_string(),
        "it concerns every organisation: {told}"
    );
    assert!(!good(dir.path(), &["journal", "export"]).contains(former.trim()));
    project(&server, "TWO");
    server.stop();
    let third = rotate(dir.path());

    // Whichever of them an auditor holds, and whichever signed the checkpoint.
    let new = kept(dir.path(), "new");
    for key in [&first, &second, &third] {
        let check = [
            "journal",
            "verify",
            "--key",
            key,
            "--checkpoint",
            &old,
            "--checkpoint",
            &new,
        ];
        assert!(good(dir.path(), &check).starts_with("good:"));
        for from in [&old, &new] {
            good(dir.path(), &["journal", "prove", "--from", from, "--key", key]);
        }
    }
    let stranger = journal::SigningKey::generate("orkestra")
        .unwrap()
        .verifying_key()
        .unwrap();
    let said = bad(dir.path(), &["journal", "verify", "--key", stranger.encode()]);
    assert!(said.contains("no verifiable signatures"), "{said}");
    let after = dir.path().join("after.json");
    let after = after.to_str().unwrap();
    good(dir.path(), &["evidence", "export", "--action", &action, "--out", after]);
    for (file, key, good) in [
        (file, &first, true),
        (file, &second, false),
        (file, &third, false),
        // Records of the bundle lead from each former key to the one that signed it.
        (after, &first, true),
        (after, &second, true),
        (after, &third, true),
        (after, &stranger.encode().to_owned(), false),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orkestra"));
        let said = command
            .args(["evidence", "verify", file, "--key", key])
            .output()
            .unwrap();
        assert_eq!(said.status.success(), good, "{}", text(&said.stderr));
    }

    // A later key says nothing of the former ones without a checkpoint of its own.
    std::fs::remove_dir_all(dir.path().join("data/journal/checkpoints")).unwrap();
    let said = bad(dir.path(), &["journal", "verify"]);
    assert!(said.contains("no checkpoint by that key vouches for record"), "{said}");
    assert!(good(dir.path(), &["journal", "verify", "--checkpoint", &new]).starts_with("good:"));
}

fn put(path: &Path, key: &str) {
    std::fs::write(path, key).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_rotation_that_was_interrupted_is_settled_by_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    Server::start(dir.path()).stop();
    let keys = dir.path().join("data/keys");
    let (now, next) = (keys.join("signing"), keys.join("signing.next"));
    let former = std::fs::read_to_string(&now).unwrap();
    let first = public_key(dir.path());

    // Before it was journaled: the next key never signed, and goes.
    put(&next, &"77".repeat(32));
    good(dir.path(), &["journal", "checkpoint"]);
    assert_eq!((public_key(dir.path()), next.exists()), (first.clone(), false));

    // After: it takes its place.
    let second = rotate(dir.path());
    std::fs::rename(&now, &next).unwrap();
    put(&now, &former);
    let server = Server::start(dir.path());
    project(&server, "ONE");
    server.stop();
    assert_eq!((public_key(dir.path()), next.exists()), (second, false));
    for key in [first, public_key(dir.path())] {
        assert!(good(dir.path(), &["journal", "verify", "--key", &key]).starts_with("good:"));
    }
}

/// The waiting key may be the only copy of the one that signs: whatever keeps it from being read, it stays.
#[test]
fn a_waiting_key_that_cannot_be_read_is_not_lost() {
    let dir = tempfile::tempdir().unwrap();
    Server::start(dir.path()).stop();
    let keys = dir.path().join("data/keys");
    let (now, next) = (keys.join("signing"), keys.join("signing.next"));
    let former = std::fs::read_to_string(&now).unwrap();
    let second = rotate(dir.path());
    std::fs::rename(&now, &next).unwrap();
    put(&now, &former);
    let secret = std::fs::read_to_string(&next).unwrap();
    std::fs::set_permissions(&next, std::fs::Permissions::from_mode(0o644)).unwrap();
    for words in [&["journal", "checkpoint"][..], &["journal", "rotate-key"]] {
        let said = bad(dir.path(), words);
        assert!(said.contains("signing.next: others may read this key"), "{said}");
    }
    assert_eq!(std::fs::read_to_string(&next).unwrap(), secret);
    std::fs::set_permissions(&next, std::fs::Permissions::from_mode(0o600)).unwrap();
    good(dir.path(), &["journal", "checkpoint"]);
    assert_eq!((public_key(dir.path()), next.exists()), (second, false));

    // One that was cut off while it was written never signed.
    put(&next, "7777");
    good(dir.path(), &["journal", "checkpoint"]);
    assert!(!next.exists());
}

/// When the record is durable the new key signs, whatever becomes of the files; the next start puts them in order.
#[test]
fn a_rotation_that_fails_after_its_record_has_changed_the_key() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    project(&server, "ONE");
    let keys = dir.path().join("data/keys");
    let (now, aside) = (keys.join("signing"), keys.join("aside"));
    std::fs::rename(&now, &aside).unwrap();
    std::fs::create_dir_all(now.join("in the way")).unwrap();
    let said = bad(dir.path(), &["journal", "rotate-key"]);
    assert!(
        said.contains("the key was changed, and orkestra+") && said.contains("was not replaced"),
        "{said}"
    );
    let told = newest(dir.path(), "log.key_rotated");
    let second = told["events"][0]["data"]["new"].as_str().unwrap().to_owned();
    let note = good(dir.path(), &["journal", "checkpoint"]);
    let note = journal::Checkpoint::parse(&note).unwrap();
    note.verify(&journal::VerifyingKey::parse(&second).unwrap()).unwrap();
    std::fs::remove_dir_all(&now).unwrap();
    std::fs::rename(&aside, &now).unwrap();
    // What was left is no hindrance for the next one either.
    let third = rotate(dir.path());
    project(&server, "TWO");
    server.stop();
    assert_eq!(public_key(dir.path()), third);
    for key in [&second, &third] {
        assert!(good(dir.path(), &["journal", "verify", "--key", key]).starts_with("good:"));
    }
}

#[test]
fn a_key_left_by_a_rotation_that_was_refused_is_no_hindrance() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    put(&dir.path().join("data/keys/signing.next"), &"77".repeat(32));
    let second = rotate(dir.path());
    server.stop();
    assert_eq!(public_key(dir.path()), second);
}

/// Who rotates at once: one after the other or not at all, and every record goes on from the one before.
#[test]
fn rotations_at_once_leave_one_chain() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    project(&server, "ONE");
    let first = public_key(dir.path());
    let done: usize = std::thread::scope(|scope| {
        let rotations: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| run(dir.path(), &["journal", "rotate-key"])))
            .collect();
        let said = rotations.into_iter().map(|rotation| rotation.join().unwrap());
        said.filter(|said| {
            let why = text(&said.stderr);
            assert!(
                said.status.success() || why.contains("the key is being changed"),
                "{why}"
            );
            said.status.success()
        })
        .count()
    });
    server.stop();
    let look = journal::Look::at(&dir.path().join("data/journal"), 16 << 20).unwrap();
    let chain = Chain::read(&mut look.reader(1), &mut |_| ()).unwrap();
    let keys = chain.keys(journal::VerifyingKey::parse(&first).unwrap());
    assert_eq!(
        (chain.len(), keys.at(u64::MAX).encode()),
        (done, public_key(dir.path()).as_str())
    );
    let last = chain.keys(keys.at(u64::MAX).clone());
    assert_eq!(last.leading().count(), done, "each goes on from the one before");
    assert!(good(dir.path(), &["journal", "verify", "--key", &first]).starts_with("good:"));
}

/// A key that the program does not keep is replaced with one that the operator gives, and then put in its place.
#[test]
fn a_key_that_is_kept_elsewhere_is_replaced_by_one_that_is_given() {
    let dir = tempfile::tempdir().unwrap();
    let keys: Vec<_> = (1..=2_u8)
        .map(|seed| {
            let file = dir.path().join(format!("key {seed}"));
            put(
                &file,
                &journal::SigningKey::from_seed("orkestra", [seed; 32]).unwrap().encode(),
            );
            file
        })
        .collect();
    let with = |file: &Path, words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orkestra"));
        command.env("ORKESTRA_EVIDENCE__SIGNING_KEY_FILE", file);
        command.args(words).arg("--data").arg(dir.path().join("data"));
        command
    };
    let said = |file: &Path, words: &[&str]| {
        let said = with(file, words).output().unwrap();
        (said.status.success(), text(&said.stdout) + &text(&said.stderr))
    };
    let mut program = Command::new(env!("CARGO_BIN_EXE_orkestra"));
    program.env("ORKESTRA_EVIDENCE__SIGNING_KEY_FILE", &keys[0]);
    let server = Server::start_as(dir.path(), &mut program);
    project(&server, "ONE");
    let old = kept(dir.path(), "old");
    let why = bad(dir.path(), &["journal", "rotate-key"]);
    assert!(
        why.contains("which this program does not write") && why.contains("--to FILE"),
        "{why}"
    );
    let to = keys[1].to_str().unwrap();
    std::fs::set_permissions(&keys[1], std::fs::Permissions::from_mode(0o644)).unwrap();
    let why = bad(dir.path(), &["journal", "rotate-key", "--to", to]);
    assert!(
        why.contains("the key was not changed") && why.contains("others may read"),
        "{why}"
    );
    std::fs::set_permissions(&keys[1], std::fs::Permissions::from_mode(0o600)).unwrap();
    let public = good(dir.path(), &["journal", "rotate-key", "--to", to]);
    let why = bad(dir.path(), &["journal", "rotate-key", "--to", to]);
    assert!(why.contains("signs already"), "{why}");
    project(&server, "TWO");
    server.stop();
    let (starts, why) = said(&keys[0], &["serve", "--listen", "127.0.0.1:0"]);
    assert!(!starts && why.contains("is not the key of this log"), "{why}");
    let (verifies, report) = said(&keys[1], &["journal", "verify", "--checkpoint", &old]);
    assert!(verifies, "{report}");
    let (proves, proof) = said(&keys[1], &["journal", "prove", "1", "--json"]);
    assert!(proves && proof.contains(public.trim()), "{proof}");
    assert!(!dir.path().join("data/keys/signing").exists());
}

/// A key that is lost names no successor: the log is signed anew when what it signed is taken away, and can be rotated again.
#[test]
fn a_log_whose_key_is_lost_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    project(&server, "ONE");
    let first = public_key(dir.path());
    rotate(dir.path());
    let old = kept(dir.path(), "old");
    server.stop();
    let secret = dir.path().join("data/keys/signing");
    std::fs::remove_file(&secret).unwrap();
    let said = bad(dir.path(), &["journal", "checkpoint"]);
    assert!(said.contains("none is made in its place"), "{said}");
    std::fs::rename(dir.path().join("data/journal/checkpoints"), dir.path().join("aside")).unwrap();
    std::fs::remove_file(dir.path().join("data/journal/tiles/checkpoint")).unwrap();
    let server = Server::start(dir.path());
    project(&server, "TWO");
    server.stop();
    let former = std::fs::read_to_string(&secret).unwrap();
    let third = public_key(dir.path());
    let fourth = rotate(dir.path());
    // And one that is interrupted is settled all the same.
    std::fs::rename(&secret, secret.with_extension("next")).unwrap();
    put(&secret, &former);
    good(dir.path(), &["journal", "checkpoint"]);
    assert_eq!(public_key(dir.path()), fourth);
    for key in [&third, &fourth] {
        assert!(good(dir.path(), &["journal", "verify", "--key", key]).starts_with("good:"));
    }
    let said = bad(dir.path(), &["journal", "prove", "--from", &old, "--key", &third]);
    assert!(said.contains("no verifiable signatures"), "{said}");
    assert_ne!(first, third);
}
