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

#[test]
fn a_feed_does_not_go_on_from_a_history_that_is_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::started(dir.path());
    let (journal, kept) = (broker.data().join("journal"), dir.path().join("kept"));
    let first = serve(&broker);
    begun(&first, "create_label", &json!({"name": "kept"}));
    first.stop();
    crate::rows::copy(&journal, &kept);
    let second = serve(&broker);
    begun(&second, "create_label", &json!({"name": "lost"}));
    until("the feed is made", LONG, || Hand::of(&broker, "follower").has_feed());
    let count = || Hand::of(&broker, "follower").follow().len();
    let lost = usize::try_from(second.get("/readyz").1["position"].as_u64().unwrap()).unwrap();
    until("the feed is complete", LONG, || count() >= lost);
    second.kill();
    let before = count();
    std::fs::remove_dir_all(&journal).unwrap();
    crate::rows::copy(&kept, &journal);
    let third = serve(&broker);
    for name in ["other", "another", "a third"] {
        begun(&third, "create_label", &json!({"name": name}));
    }
    let log = dir.path().join("serve.log");
    until("it is said", LONG, || {
        std::fs::read_to_string(&log).unwrap().contains("is of another journal")
    });
    assert_eq!(count(), before, "nothing was published");
    let deleted = Hand::of(&broker, "operator").asks("STREAM.DELETE.ORKESTRA_JOURNAL", "");
    assert_eq!(deleted["success"], true, "{deleted}");
    third.stop();
    let fourth = serve(&broker);
    until("the feed is made again", LONG, || {
        Hand::of(&broker, "follower").has_feed()
    });
    let all = usize::try_from(fourth.get("/readyz").1["position"].as_u64().unwrap()).unwrap();
    until("the feed begins anew", LONG, || count() >= all);
    fourth.stop();
}
