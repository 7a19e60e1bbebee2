//! A restart after offers have ended, from the whole journal and from a checkpoint.

use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use journal::{Log, MemoryLog};
use orkestra::kernel::State;
use orkestra::processor::{self, Opening};
use serde_json::json;

use super::{ask, confirming};
use crate::full;

fn rows_of(state: &State) -> State {
    let mut again = State::new(&orkestra::modules::registry().kinds());
    for kept in state.keep_all().map(Result::unwrap) {
        again.restore(kept.kind, &kept.id, &kept.text).unwrap();
    }
    (again.position, again.at) = (state.position, state.at);
    again
}

/// Security test 51: what expired while the server was down is journaled as expired before anything is served, and the boot
/// report counts it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_expired_while_the_server_was_down_is_told_first() {
    for from_checkpoint in [false, true] {
        let (log, clock) = (MemoryLog::default(), Arc::new(Mutex::new(orkestra::data::now())));
        let opening = |checkpoint: Option<State>| {
            let clock = Arc::clone(&clock);
            Opening {
                checkpoint,
                clock: Arc::new(move || *clock.lock().unwrap()),
                ..full::opening(Arc::new(log.clone()))
            }
        };
        let later = |minutes: i64| {
            let mut now = clock.lock().unwrap();
            *now = now.checked_add(SignedDuration::from_mins(minutes)).unwrap();
        };
        let handle = processor::open(opening(None)).unwrap();
        let early = ask(&handle, "create_label", json!({"name": "early"})).await;
        ask(&handle, "create_label", json!({"name": "early too"})).await;
        later(10);
        let late = ask(&handle, "create_label", json!({"name": "late"})).await;
        let kept = from_checkpoint.then(|| rows_of(&handle.snapshot()));
        drop(handle);
        later(10);
        let before = log.durable();
        let handle = processor::open(opening(kept)).unwrap();
        let boot = handle.boot();
        assert_eq!(
            (boot.pending, boot.expired, boot.without_outcome),
            (1, 2, 0),
            "{boot:?}"
        );
        assert_eq!(boot.checkpoint > 0, from_checkpoint);
        let told: Vec<String> = log.read(before + 1).unwrap().map(|line| line.unwrap().text).collect();
        let at = |what: &str| told.iter().position(|text| text.contains(what)).unwrap();
        assert!(at("action.expired") < at("system.started"), "{told:?}");
        assert_eq!(
            told.iter()
                .map(|text| text.matches("\"action.expired\"").count())
                .sum::<usize>(),
            2
        );
        assert!(told[at("system.started")].contains(r#""pending":1,"expired":2,"withoutOutcome":0"#));
        let said = ask(&handle, "confirm_action", confirming(&early)).await;
        assert_eq!(said["error"]["code"], "not_pending", "{said}");
        let said = ask(&handle, "confirm_action", confirming(&late)).await;
        assert_eq!(said["status"], "succeeded", "{said}");
    }
}
