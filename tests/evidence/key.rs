//! The key that signs: where it comes from, and that it stays there.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use journal::SigningKey;
use serde_json::Value;

use super::{good, project, text};
use crate::server::Server;

fn doctor(command: &mut Command, dir: &std::path::Path) -> Value {
    let said = command
        .args(["doctor", "--json", "--data"])
        .arg(dir.join("data"))
        .output()
        .unwrap();
    serde_json::from_slice(&said.stdout).unwrap_or_else(|cause| panic!("{cause}: {}", text(&said.stderr)))
}

fn found(doctor: &Value) -> String {
    let checks = doctor["checks"].as_array().unwrap().iter();
    let mut checks = checks.filter(|check| check["check"] == "signing key");
    checks.next().unwrap()["found"].as_str().unwrap().to_owned()
}

#[test]
fn the_key_is_made_private_or_comes_from_a_file_or_the_environment() {
    let program = || Command::new(env!("CARGO_BIN_EXE_orkestra"));
    let dir = tempfile::tempdir().unwrap();
    Server::start(dir.path()).stop();
    let own = dir.path().join("data/keys/signing");
    assert_eq!(own.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let secret = std::fs::read_to_string(&own).unwrap();
    assert!(found(&doctor(&mut program(), dir.path())).contains("keys/signing"));

    // From a file that the configuration names: none is made in the directory.
    let apart = tempfile::tempdir().unwrap();
    let key = SigningKey::generate("orkestra").unwrap();
    let public = key.verifying_key().unwrap().encode().to_owned();
    let file = apart.path().join("key");
    std::fs::write(&file, key.encode()).unwrap();
    let with_file = |command: &mut Command| {
        command.env("ORKESTRA_EVIDENCE__SIGNING_KEY_FILE", &file);
    };
    let mut command = program();
    with_file(&mut command);
    let refused = command
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(apart.path().join("data"))
        .output()
        .unwrap();
    assert!(
        text(&refused.stderr).contains("others may read this key"),
        "{}",
        text(&refused.stderr)
    );
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut command = program();
    with_file(&mut command);
    let server = Server::start_as(apart.path(), &mut command);
    project(&server, "ONE");
    let mut command = program();
    with_file(&mut command);
    assert_eq!(
        found(&doctor(&mut command, apart.path())),
        format!("{public} from {}", file.display())
    );
    server.stop();
    assert!(!apart.path().join("data/keys/signing").exists());

    // From the environment, before all else. Nothing that the program writes or says holds it.
    let mut command = program();
    command.env("ORKESTRA_SIGNING_KEY", key.encode());
    let said = doctor(&mut command, apart.path());
    assert_eq!(found(&said), format!("{public} from ORKESTRA_SIGNING_KEY"));
    let mut command = program();
    command.env("ORKESTRA_SIGNING_KEY", key.encode());
    let server = Server::start_as(apart.path(), &mut command);
    project(&server, "TWO");
    server.stop();
    assert!(!apart.path().join("data/keys/signing").exists());
    // Base64 has plus signs of its own.
    let seed = key.encode().splitn(5, '+').last().unwrap().to_owned();
    assert_eq!(seed.len(), 44, "a byte and 32, in base64");
    let log = std::fs::read_to_string(apart.path().join("serve.log")).unwrap();
    let exported = good(apart.path(), &["journal", "export"]) + &good(dir.path(), &["journal", "export"]);
    for place in [&said.to_string(), &log, &exported] {
        assert!(
            !place.contains(&seed) && !place.contains(secret.trim()),
            "a key is in it"
        );
    }
    let mut command = program();
    command.env("ORKESTRA_SIGNING_KEY", "PRIVATE+KEY+nonsense");
    let said = command
        .args(["journal", "prove", "1", "--data"])
        .arg(apart.path().join("data"))
        .output()
        .unwrap();
    assert!(!said.status.success());
    assert!(
        text(&said.stderr).contains("ORKESTRA_SIGNING_KEY: not a signing key"),
        "{}",
        text(&said.stderr)
    );
    assert!(!text(&said.stderr).contains("nonsense"), "{}", text(&said.stderr));
}
