//! Three brokers with three copies of everything: one is killed and brought back under load, and nothing is lost.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::broker::{Process, broker_with, painter_at, until};
use super::{begun, journal, labels, shown};
use crate::server::Server;

const SIZE: usize = 3;
const LABELS: usize = 150;
/// A killed leader stalls publishes for some seconds, and what a worker had is given out again after thirty.
const PATIENCE: Duration = Duration::from_mins(3);

struct Cluster<'a> {
    dir: &'a Path,
    ports: Vec<(u16, u16)>,
    brokers: Vec<Option<Process>>,
}

impl<'a> Cluster<'a> {
    fn started(dir: &'a Path) -> Self {
        let free: Vec<_> = (0..2 * SIZE)
            .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
            .collect();
        let ports: Vec<u16> = free.iter().map(|one| one.local_addr().unwrap().port()).collect();
        drop(free);
        let ports = ports.chunks(2).map(|two| (two[0], two[1])).collect();
        let mut cluster = Self {
            dir,
            ports,
            brokers: Vec::new(),
        };
        for number in 0..SIZE {
            let broker = cluster.spawn(number);
            cluster.brokers.push(Some(broker));
        }
        cluster
    }

    fn spawn(&self, number: usize) -> Process {
        let (port, routes) = self.ports[number];
        let mut text = format!(
            "server_name: n{number}\nlisten: \"127.0.0.1:{port}\"\njetstream {{ store_dir: \"{}\" }}\ncluster {{ name: c, listen: \"127.0.0.1:{routes}\", routes: [",
            self.dir.join(format!("n{number}")).display()
        );
        for (_, routes) in &self.ports {
            let _ = write!(text, " \"nats://127.0.0.1:{routes}\",");
        }
        text.push_str(" ] }\n");
        broker_with(self.dir, &format!("n{number}"), &text, port)
    }

    fn urls(&self) -> String {
        let urls: Vec<String> = self
            .ports
            .iter()
            .map(|(port, _)| format!("nats://127.0.0.1:{port}"))
            .collect();
        urls.join(",")
    }

    fn server(&self) -> Server {
        let config = format!(
            "execution = \"nats\"\n[nats]\nurl = \"{}\"\nreplicas = 3\n[[route]]\nmodules = [\"labels\"]\nworker = \"paint\"\n\
             [limits]\nnormal_per_minute = 1000000\n",
            self.urls()
        );
        let file = self.dir.join("orkestra.toml");
        std::fs::write(&file, config).unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_orkestra"));
        command.env("ORKESTRA_CONFIG", file);
        Server::start_as(self.dir, &mut command)
    }
}

#[test]
fn a_broker_of_three_is_killed_under_load_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::started(dir.path());
    let (server, _painter) = (cluster.server(), painter_at(dir.path(), &cluster.urls()));
    let mut actions: Vec<Value> = Vec::new();
    for number in 0..LABELS {
        match number {
            50 => cluster.brokers[0].take().unwrap().kill(),
            100 => cluster.brokers[0] = Some(cluster.spawn(0)),
            _ => {}
        }
        actions.push(begun(
            &server,
            "create_label",
            &json!({"name": format!("label {number}")}),
        ));
    }
    for action in &actions {
        until("it ends", PATIENCE, || shown(&server, action)["status"] != "executing");
        assert_eq!(shown(&server, action)["status"], "succeeded");
    }
    assert_eq!(
        journal(&server, "execution.published").len(),
        LABELS,
        "each is published once"
    );
    assert_eq!(labels(&server).len(), 100, "a page of them");
    server.stop();
}
