//! Another key for the log, and what the former one signed.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use super::{bad, good, newest, project, public_key, text};
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
    for (key, good) in [(&first, true), (&third, false)] {
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
