//! A broker that knows its clients by their keys: an nkey alone, and a JWT with its seed in a credentials file.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

use super::broker::{Process, broker_with, until};
use super::{LONG, begun, shown};
use crate::server::Server;

struct Ground {
    dir: tempfile::TempDir,
    port: u16,
}

fn ground() -> Ground {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    Ground {
        dir: tempfile::tempdir().unwrap(),
        port: free.local_addr().unwrap().port(),
    }
}

impl Ground {
    fn broker(&self, users: &str) -> Process {
        let config = format!(
            "listen: \"127.0.0.1:{}\"\njetstream {{ store_dir: \"{}\" }}\n{users}\n",
            self.port,
            self.dir.path().join("broker").display()
        );
        broker_with(self.dir.path(), "keys", &config, self.port)
    }

    /// A file with what a client has to show.
    fn file(&self, name: &str, text: &str) -> String {
        let file = self.dir.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    }

    fn configured(&self, key: &str) -> Command {
        let config = format!(
            "execution = \"nats\"\n[nats]\nurl = \"nats://127.0.0.1:{}\"\n{key}\n\
             [[route]]\nmodules = [\"labels\"]\nworker = \"paint\"\n",
            self.port
        );
        let mut command = Command::new(env!("CARGO_BIN_EXE_orkestra"));
        command.env("ORKESTRA_CONFIG", self.file("orkestra.toml", &config));
        command
    }

    /// With a stranger's key nothing is published, with the right one what waited is.
    fn knows(&self, stranger: &str, friend: &str) {
        assert!(told(self.configured(stranger), self.dir.path()).contains("authorization violation"));
        let server = Server::start_as(self.dir.path(), &mut self.configured(stranger));
        let action = begun(&server, "create_label", &json!({"name": "bug"}));
        std::thread::sleep(Duration::from_secs(1));
        assert!(
            shown(&server, &action)["outcomeDueBy"].is_null(),
            "a stranger publishes nothing"
        );
        server.stop();
        let server = Server::start_as(self.dir.path(), &mut self.configured(friend));
        until("it is published", LONG, || {
            shown(&server, &action)["outcomeDueBy"].is_string()
        });
        assert!(told(self.configured(friend), self.dir.path()).contains("has streams and consumers"));
        server.stop();
    }
}

/// What the doctor says of the broker.
fn told(mut command: Command, dir: &Path) -> String {
    let said = command
        .args(["doctor", "--json", "--data"])
        .arg(dir.join("doctor"))
        .output()
        .unwrap();
    let findings: Value = serde_json::from_slice(&said.stdout).unwrap();
    let nats = findings["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|found| found["check"] == "nats")
        .unwrap();
    nats["found"].as_str().unwrap().to_owned()
}

#[test]
fn a_broker_knows_its_clients_by_their_nkeys() {
    let ground = ground();
    let (friend, stranger) = (KeyPair::new_user(), KeyPair::new_user());
    let users = format!("authorization {{ users = [{{ nkey: \"{}\" }}] }}", friend.public_key());
    let _broker = ground.broker(&users);
    let key = |name: &str, of: &KeyPair| format!("nkey_file = \"{}\"", ground.file(name, &of.seed().unwrap()));
    ground.knows(&key("stranger.nk", &stranger), &key("friend.nk", &friend));
}

/// A JWT of NATS (its ADR-14): what `claims` says of `of`, signed by `by`.
fn jwt(by: &KeyPair, of: &KeyPair, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let now = jiff::Timestamp::now().as_second();
    let body = json!({"jti": "for-a-test", "iat": now, "iss": by.public_key(), "sub": of.public_key(), "name": "test", "nats": claims});
    let text = format!(
        "{}.{}",
        part(&json!({"typ": "JWT", "alg": "ed25519-nkey"})),
        part(&body)
    );
    let signature = URL_SAFE_NO_PAD.encode(by.sign(text.as_bytes()).unwrap());
    format!("{text}.{signature}")
}

/// A credentials file as `nsc` writes it.
fn credentials(account: &KeyPair) -> String {
    let user = KeyPair::new_user();
    let claims = json!({"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1});
    format!(
        "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
        jwt(account, &user, &claims),
        user.seed().unwrap()
    )
}

#[test]
fn a_broker_knows_its_clients_by_their_credentials() {
    let ground = ground();
    let operator = KeyPair::new_operator();
    let [account, other, system] = [(); 3].map(|()| KeyPair::new_account());
    let limits = json!({"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1,
        "leaf": -1, "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1});
    let account_claims = |limits: &Value| json!({"type": "account", "version": 2, "limits": limits});
    let users = format!(
        "operator: {}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{\n{}: {}\n{}: {}\n}}",
        jwt(&operator, &operator, &json!({"type": "operator", "version": 2})),
        system.public_key(),
        account.public_key(),
        jwt(&operator, &account, &account_claims(&limits)),
        system.public_key(),
        jwt(&operator, &system, &account_claims(&json!({"conn": -1, "subs": -1}))),
    );
    let _broker = ground.broker(&users);
    let key = |name: &str, of: &KeyPair| format!("credentials_file = \"{}\"", ground.file(name, &credentials(of)));
    ground.knows(&key("stranger.creds", &other), &key("friend.creds", &account));
}
