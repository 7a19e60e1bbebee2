//! Alerts while the disk is full: none is lost.

use std::time::Duration;

use journal::Log;
use journal::disk::{Fate, SimulatedDisk};
use orkestra::modules::audit::Alert;
use orkestra::processor::Handle;
use serde_json::json;

use super::{object, opened, work, work_once};

fn alerts(handle: &Handle) -> Vec<(u32, Vec<u64>)> {
    let snapshot = handle.snapshot();
    let alerts = snapshot.table::<Alert>().unwrap().rows();
    alerts.map(|row| (row.times, row.evidence.clone())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_waits_for_room() {
    let disk = SimulatedDisk::new();
    let (journal, handle, caller) = opened(&disk);
    disk.set(Fate {
        space_bytes: Some(40_000),
        ..Fate::default()
    });
    // The reserve is kept from when the journal knows that no segment can be had.
    let mut number = 0;
    while journal.health().full.is_none() {
        work_once(&handle, &caller, &format!("before {number}")).await.unwrap();
        number += 1;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let pending = object(&json!({"name": "never"}));
    let pending = handle.call(caller.clone(), "create_label", pending).await.unwrap();
    work(handle.clone(), caller.clone(), 0).await;
    let full_at = journal.durable();
    let wrong = object(&json!({"actionId": pending["actionId"], "confirmToken": format!("ct_{}", "0".repeat(40))}));
    for _ in 0..5 {
        let no = handle
            .call(caller.clone(), "confirm_action", wrong.clone())
            .await
            .unwrap_err();
        assert_eq!(no.code, "token_invalid");
    }
    // A further refusal comes after the alert was tried.
    handle
        .call(caller.clone(), "no_such_tool", object(&json!({})))
        .await
        .unwrap_err();
    assert!(
        alerts(&handle).is_empty() && handle.tight().is_some(),
        "there is no room for it"
    );
    disk.set(Fate::default());
    for _ in 0..1000 {
        if !alerts(&handle).is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let raised = alerts(&handle);
    assert_eq!(
        (raised.len(), raised[0].0),
        (1, 1),
        "once, and without anybody asking for anything"
    );
    let since: Vec<u64> = (full_at + 1..full_at + 6).collect();
    assert_eq!(raised[0].1, since);
    journal.close().unwrap();
}
