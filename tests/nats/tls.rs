//! A broker with TLS that asks for the client's certificate: with one executions are published, without one they wait.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::broker::{broker_with, tool, until};
use super::{LONG, begun, shown};
use crate::server::Server;

fn server(dir: &Path, port: u16, more: &str) -> Server {
    let config = format!(
        "execution = \"nats\"\n[nats]\nurl = \"tls://127.0.0.1:{port}\"\nca_file = \"{}\"\n{more}\n\
         [[route]]\nmodules = [\"labels\"]\nworker = \"paint\"\n",
        dir.join("authority.pem").display()
    );
    let file = dir.join("orkestra.toml");
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_orkestra"));
    command.env("ORKESTRA_CONFIG", file);
    Server::start_as(dir, &mut command)
}

#[test]
fn a_broker_with_tls_knows_its_clients_by_their_certificates() {
    let dir = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nats/certificates.py");
    let made = Command::new(tool("python/bin/python"))
        .arg(script)
        .arg(dir.path())
        .status()
        .unwrap();
    assert!(made.success());
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let file = |name: &str| dir.path().join(name).display().to_string();
    let config = format!(
        "listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: \"{}\" }}\n\
         tls {{ cert_file: \"{}\", key_file: \"{}\", ca_file: \"{}\", verify: true }}\n",
        file("broker"),
        file("broker.pem"),
        file("broker.key"),
        file("authority.pem")
    );
    let _broker = broker_with(dir.path(), "tls", &config, port);
    let stranger = server(dir.path(), port, "");
    let action = begun(&stranger, "create_label", &json!({"name": "bug"}));
    std::thread::sleep(Duration::from_secs(2));
    assert!(
        shown(&stranger, &action)["outcomeDueBy"].is_null(),
        "nothing is published without a certificate"
    );
    stranger.stop();
    let more = format!(
        "cert_file = \"{}\"\nkey_file = \"{}\"",
        file("client.pem"),
        file("client.key")
    );
    let known = server(dir.path(), port, &more);
    until("it is published", LONG, || {
        shown(&known, &action)["outcomeDueBy"].is_string()
    });
    known.stop();
}
