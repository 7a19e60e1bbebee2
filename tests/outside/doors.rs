//! A module for tests whose one tool needs something outside, and a performer that counts.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use orkestra::args;
use orkestra::execution::perform::{Done, Perform, Performers};
use orkestra::kernel::arg::Str;
use orkestra::kernel::plan::Effect;
use orkestra::kernel::{Caller, Module, Plan, Registry, Rejection, ToolKind, Undo, View};
use orkestra::processor::Handle;
use projections::Id;
use serde_json::{Value, json};

use crate::full::object;

args! {
    /// Arguments of `knock`.
    pub struct Knock {
        /// Where.
        door: Str<1, 40>,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "a tool may refuse; this one never does")]
fn knock(args: Knock, _: &View<'_>) -> Result<Plan, Rejection> {
    let mut plan = Plan::new(format!("Knock at {}", &*args.door));
    plan.undo = Undo::Never("it was heard");
    plan.effects.push(Effect {
        kind: "knock".into(),
        detail: json!({"door": &*args.door}),
    });
    Ok(plan)
}

/// Everything there is, and doors.
pub fn registry() -> Registry {
    let doors = Module::new("doors", "Doors", "Doors, for tests")
        .write(ToolKind::Write, "knock", "Knocks.", knock)
        .write(ToolKind::Write, "ring", "Rings, which may be done twice.", knock)
        .repeatable();
    let mut modules = orkestra::modules::all();
    modules.push(doors);
    let mut registry = Registry::new(modules);
    registry.terms.pause = jiff::SignedDuration::from_millis(20);
    registry
}

/// Counts how often each key was heard. Doors behave as they are called: `slow …` takes its time (`slow once …` the first time only), `steady …`
/// a moment, `deaf …` fails twice.
#[derive(Clone, Default)]
pub struct Knocker(Arc<Mutex<BTreeMap<String, u32>>>);

impl Knocker {
    pub fn performers(&self) -> Performers {
        Performers::default().with("knock", Arc::new(self.clone()))
    }

    /// How often each key was heard.
    pub fn heard(&self) -> Vec<u32> {
        self.0.lock().unwrap().values().copied().collect()
    }

    fn count(&self, key: &str) -> u32 {
        let mut heard = self.0.lock().unwrap();
        let count = heard.entry(key.to_owned()).or_default();
        *count += 1;
        *count
    }
}

impl Perform for Knocker {
    fn perform<'a>(&'a self, effect: &'a Effect, key: &'a str) -> Pin<Box<dyn Future<Output = Done> + Send + 'a>> {
        Box::pin(async move {
            let (door, count) = (effect.detail["door"].as_str().unwrap(), self.count(key));
            if door.starts_with("slow") && (count == 1 || !door.starts_with("slow once")) {
                tokio::time::sleep(Duration::from_mins(10)).await;
            }
            if door.starts_with("steady") {
                tokio::time::sleep(Duration::from_millis(700)).await;
            }
            match (door, count) {
                (door, 1 | 2) if door.starts_with("deaf") => Done::Failed {
                    reason: "nobody heard".to_owned(),
                    may_retry: true,
                },
                _ => Done::Done(json!({"knocks": count})),
            }
        })
    }
}

/// Proposes and confirms; the action.
pub async fn knocks(handle: &Handle, caller: &Caller, door: &str) -> Id<projections::Action> {
    does(handle, caller, "knock", door).await
}

/// The same with either tool.
pub async fn does(handle: &Handle, caller: &Caller, tool: &'static str, door: &str) -> Id<projections::Action> {
    let call = |tool: &'static str, args: Value| handle.call(caller.clone(), tool, object(&args));
    let pending = call(tool, json!({"door": door})).await.unwrap();
    let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
    let receipt = call("confirm_action", confirm).await.unwrap();
    assert_eq!(receipt["status"], "executing", "{receipt}");
    pending["actionId"].as_str().unwrap().parse().unwrap()
}
