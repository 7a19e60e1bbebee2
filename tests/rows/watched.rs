//! What nobody looked at before a stop is looked at after it, however long that was.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use journal::{Log, MemoryLog};
use orkestra::modules::audit::Alert;
use orkestra::processor;
use serde_json::json;

use crate::full;
use crate::story::Story;

/// The records of somebody whose confirms were refused, written without anybody who watches, and an offer that is not over.
fn unwatched() -> Story {
    let mut story = Story::new("Nobody watches");
    let pending = story.call("ana", "create_label", json!({"name": "one"})).unwrap();
    let wrong = json!({"actionId": pending["actionId"], "confirmToken": format!("ct_{}", "0".repeat(40))});
    for _ in 0..5 {
        story.call("ana", "confirm_action", wrong.clone()).unwrap_err();
    }
    story
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_is_not_lost_with_a_long_stop() {
    let story = unwatched();
    let log = MemoryLog::default();
    log.append(story.records.0.clone(), Box::new(|_| ())).unwrap();
    log.wait(story.records.0.len() as u64 - 1, Duration::from_secs(10));
    for round in 0..3 {
        let later = story.now + SignedDuration::from_mins(40 + 40 * round);
        let handle = processor::open(processor::Opening {
            clock: Arc::new(move || later),
            ..full::opening(Arc::new(log.clone()))
        });
        let handle = handle.unwrap();
        let alerts = || -> Vec<(u32, usize)> {
            let snapshot = handle.snapshot();
            let rows = snapshot.table::<Alert>().unwrap().rows();
            rows.map(|row| (row.times, row.evidence.len())).collect()
        };
        for _ in 0..1000 {
            if !alerts().is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Later ones find it raised.
        super::ask(&handle, "list_labels", json!({})).await;
        assert_eq!(alerts(), [(1, 5)], "round {round}");
    }
    let texts: Vec<String> = log.read(1).unwrap().map(|line| line.unwrap().text).collect();
    assert!(texts.iter().any(|text| text.contains("action.expired")));
    let _ = story.end();
}
