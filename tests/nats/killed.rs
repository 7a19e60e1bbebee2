//! Server, worker and broker are killed at random moments; every confirmed action ends once, or is unknown and listed.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::broker::Broker;
use super::{journal, shown};
use crate::killed::cancel_all;
use crate::server::Server;

const ROUNDS: usize = 100;
/// Longer than the broker waits for a worker that died, and than the server waits for word.
const LAST: Duration = Duration::from_mins(3);

/// `SplitMix64`; the seed is told, so that a failure can be had again.
fn random(chance: &mut u64, below: u64) -> u64 {
    *chance = chance.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *chance;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed ^ (mixed >> 31)) % below
}

/// Proposes and confirms one label after the other for a while; those that were said to be on their way, and those of which
/// the answer was lost.
fn work(server: &Server, round: usize, lasts: Duration) -> (Vec<Value>, Vec<String>) {
    let (begun, mut known, mut lost) = (Instant::now(), Vec::new(), Vec::new());
    for number in 0.. {
        if begun.elapsed() > lasts {
            break;
        }
        let name = format!("label {round} {number}");
        let Some((_, pending)) = server.call("create_label", &json!({"name": name})) else {
            break;
        };
        let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
        match server.call("confirm_action", &confirm) {
            Some((200, _)) => known.push(pending),
            Some(refused) => panic!("{name}: {refused:?}"),
            None => lost.push(name),
        }
    }
    (known, lost)
}

/// A broker that is killed may have forgotten what it said it had: then nobody knows, after the deadline. That is later than a
/// busy machine takes for a hundred rounds: a worker that gets something after its hour says, rightly, that it failed.
fn serve(broker: &Broker) -> Server {
    let mut program = broker.program("server");
    program.env("ORKESTRA_ATTEMPTS__PATIENCE_SECONDS", "120");
    Server::start_as(broker.dir(), &mut program)
}

#[test]
fn whatever_is_killed_each_confirmed_action_ends_once_or_is_unknown_and_listed() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::started(dir.path());
    let (mut server, mut painter) = (serve(&broker), broker.painter());
    let mut chance = u64::from(std::process::id());
    println!("seed {chance}");
    let (mut known, mut lost) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (victim, moment) = (random(&mut chance, 3), Duration::from_millis(random(&mut chance, 60)));
        let (more, unsure) = std::thread::scope(|scope| {
            let working = scope.spawn(|| work(&server, round, Duration::from_millis(60)));
            std::thread::sleep(moment);
            match victim {
                0 => drop(
                    Command::new("kill")
                        .args(["-9", &server.id().to_string()])
                        .status()
                        .unwrap(),
                ),
                1 => painter.kill(),
                _ => broker.kill(),
            }
            working.join().unwrap()
        });
        match victim {
            0 => {
                server.kill();
                server = serve(&broker);
                cancel_all(&server);
            }
            1 => painter = broker.painter(),
            _ => broker.start(),
        }
        known.extend(more);
        lost.extend(unsure);
    }
    let executing = |server: &Server| server.get("/v1/actions?state=executing&limit=1000").1["items"].clone();
    let waited = Instant::now();
    while executing(&server) != json!([]) {
        assert!(
            waited.elapsed() < LAST,
            "not ended:\n{:#}\n{}",
            executing(&server),
            broker.logs()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    let (_, unknown) = server.get("/v1/actions?state=unknown&limit=1000");
    let unknown = unknown["items"].as_array().unwrap();
    let ended = |action: &Value| shown(&server, action)["status"].clone();
    for action in &known {
        let status = ended(action);
        let listed = unknown.iter().any(|item| item["id"] == action["actionId"]);
        assert!(
            status == "succeeded" || (status == "unknown" && listed),
            "{:#}\n{}",
            shown(&server, action),
            broker.logs()
        );
    }
    // What the journal says was done is what the worker did, each once: its table takes no identifier twice.
    let done: Vec<String> = journal(&server, "label.created").iter().map(created).collect();
    let once: BTreeSet<&String> = done.iter().collect();
    assert_eq!(once.len(), done.len());
    let kept = broker.painted("SELECT id FROM labels ORDER BY id");
    let kept: BTreeSet<String> = kept
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row[0].as_str().unwrap().to_owned())
        .collect();
    assert!(once.iter().all(|id| kept.contains(*id)), "what succeeded was done");
    assert!(
        kept.len() <= done.len() + unknown.len(),
        "what was done is journaled or unknown"
    );
    assert_eq!(broker.painted("SELECT count(*) FROM done"), json!([[kept.len()]]));
    assert!(
        done.len() > ROUNDS,
        "{} of {} labels, {} answers lost",
        done.len(),
        known.len(),
        lost.len()
    );
    println!(
        "{} done, {} unknown, {} answers lost",
        done.len(),
        unknown.len(),
        lost.len()
    );
    server.stop();
}

fn created(record: &Value) -> String {
    let events = record["events"].as_array().unwrap().iter();
    let id = events
        .filter_map(|event| event["change"]["id"].as_str())
        .find(|id| id.starts_with("lbl_"));
    id.unwrap().to_owned()
}
