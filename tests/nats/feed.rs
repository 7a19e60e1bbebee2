//! The record feed: a follower at the broker gets every record, in order and once, whoever dies.

use serde_json::json;

use super::broker::{Broker, until};
use super::hand::Hand;
use super::{LONG, begun};
use crate::server::Server;

fn serve(broker: &Broker) -> Server {
    let mut program = broker.program("server");
    program.env("ORKESTRA_NATS__FEED", "true");
    Server::start_as(broker.dir(), &mut program)
}

#[test]
fn a_follower_gets_every_record_in_order_and_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::started(dir.path());
    let mut server = serve(&broker);
    for number in 0..30 {
        match number {
            10 => {
                server.kill();
                server = serve(&broker);
            }
            20 => {
                broker.kill();
                broker.start();
            }
            _ => {}
        }
        begun(&server, "create_label", &json!({"name": format!("label {number}")}));
    }
    let bearer = format!("Bearer {}", server.token);
    let (mut records, mut followed) = (Vec::new(), Vec::new());
    until("the feed is complete", LONG, || {
        let (_, _, body) = server
            .raw("GET", "/v1/journal?from=1", &[("authorization", &bearer)], b"")
            .unwrap();
        let lines = body.lines().filter(|line| line.starts_with('{'));
        records = lines
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .collect();
        followed = Hand::of(&broker, "follower").follow();
        followed.len() >= usize::try_from(records.last().unwrap()["seq"].as_u64().unwrap()).unwrap()
    });
    let ids: Vec<u64> = followed.iter().map(|(id, ..)| *id).collect();
    assert_eq!(ids, (1..=u64::try_from(ids.len()).unwrap()).collect::<Vec<_>>());
    for record in records {
        let (id, subject, text) = &followed[usize::try_from(record["seq"].as_u64().unwrap()).unwrap() - 1];
        assert_eq!(
            (record["seq"].as_u64(), &record["events"]),
            (Some(*id), &text["events"])
        );
        let org = record["org"].as_str().unwrap_or("system");
        assert!(subject.starts_with(&format!("orkestra.journal.{org}.")), "{subject}");
    }
    assert!(
        followed
            .iter()
            .any(|(_, subject, _)| subject.ends_with(".action.proposed"))
    );
    server.stop();
}
