//! The engine: one step at a time, from a call to the records that say what came of it. Pure: it is given the hour and the
//! recorded past, and gives back records and an answer; the processor makes them durable before anybody hears of them.

mod again;
mod confirm;
mod drawn;
mod end;
mod events;
mod execute;
mod gate;
mod operate;
mod over;
mod propose;
mod react;
mod receipt;
mod settle;

pub use confirm::ConfirmArgs;
pub use end::CancelArgs;
pub use operate::{NewToken, Refused, bootstrap};
pub use over::{caller_as, caller_for, caller_of};
pub use react::{Caused, Worked};
pub use receipt::receipt;
pub use settle::{Order, Settled};

use events::{answered, raw, rejected, said, veiled};
pub use events::{log_read, payload_viewed};

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use projections::{Action, Actor, Body, Digest, Event, Id, Unread};
use serde_json::{Map, Value};

use crate::kernel::Rejection;
use crate::kernel::authority;
use crate::kernel::identity::{Organization, OrganizationStatus};
use crate::kernel::leak;
use crate::kernel::past::Past;
use crate::kernel::principal::Caller;
use crate::kernel::schedule::Due;
use crate::kernel::state::{State, Unfit};
use crate::kernel::token::ConfirmKey;
use crate::kernel::tool::{Reach, Registry, Run, Tool};
use crate::kernel::view::View;

/// How long an offer stands.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(15);
/// Most actions one caller may have waiting. More is a loop, not work.
pub const PENDING_PER_CALLER_MAX: u32 = 50;
/// Arguments that hosts put in by themselves; dropped, and said so (n8n injects `toolCallId`).
pub const HOST_INJECTED: [&str; 1] = ["toolCallId"];

/// What a caller hears.
pub type Answer = Result<Value, Rejection>;

/// The state, and the rules that move it.
#[derive(Debug)]
pub struct Engine {
    registry: Arc<Registry>,
    state: State,
    key: ConfirmKey,
    /// Timers that a module does not take away when their hour comes: a fault of the program, tried again after a restart.
    stuck: BTreeSet<Due>,
}

/// One call of a tool.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who.
    pub caller: Caller,
    /// The tool's name.
    pub tool: String,
    /// The arguments as given.
    pub args: Map<String, Value>,
}

/// What a step leaves behind: the texts of its records, already folded into the state, and the answer.
#[derive(Debug)]
pub struct Step {
    /// Record texts, in order; the journal numbers them.
    pub records: Vec<String>,
    /// What to say once they are durable.
    pub answer: Answer,
}

/// What a read left behind: what to journal before the answer leaves.
#[derive(Debug)]
pub struct Reading {
    /// Who.
    pub caller: Caller,
    /// The event.
    pub event: Event,
    /// What stands beside it: that the security log was read, that payloads of others were opened.
    pub also: Vec<Event>,
    /// What to say once it is durable.
    pub answer: Answer,
}

impl Engine {
    /// An engine over a state.
    pub fn new(registry: Arc<Registry>, mut state: State, key: ConfirmKey) -> Self {
        state.index();
        Self {
            registry,
            state,
            key,
            stuck: BTreeSet::new(),
        }
    }

    /// The state as it is now, durable or not.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What there is to call.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// The key that confirm tokens derive from.
    pub fn key(&self) -> &ConfirmKey {
        &self.key
    }

    /// Folds in a record of the journal (at the start, and when replaying).
    pub fn absorb(&mut self, seq: u64, text: &str) -> Result<(), Unfit> {
        self.state.apply(seq, text)
    }

    /// Goes back to an earlier state: what followed it could not be written.
    pub fn reset(&mut self, state: State) {
        self.state = state;
    }

    /// Carries out one call of a tool that does not answer from a snapshot.
    pub fn call(&mut self, call: &Call, now: Timestamp, past: &dyn Past) -> Result<Step, Unfit> {
        let registry = Arc::clone(&self.registry);
        match self.allowed(&registry, call, self.hour(now)) {
            Err(no) => self.refuse(call, now, no),
            Ok(tool) => match &tool.run {
                Run::Decide(_) => self.propose(tool, call, now, past),
                Run::Confirm => self.confirm(call, now, past),
                Run::Cancel => self.cancel(call, now),
                Run::Answer(_) => {
                    let reading = answer(&registry, &self.state, call, now, past);
                    self.note(reading, now)
                }
            },
        }
    }

    /// The tool, where the caller may call it with these arguments.
    fn allowed<'r>(&self, registry: &'r Registry, call: &Call, now: Timestamp) -> Result<&'r Tool, Rejection> {
        let tool = registry.tool(&call.tool).ok_or_else(|| unknown_tool(&call.tool))?;
        admit(&self.state, &call.caller, tool, now)?;
        leak::none_in(&call.args, matches!(tool.run, Run::Confirm).then_some("confirmToken"))?;
        Ok(tool)
    }

    /// Journals a call of a tool that is not there for the caller.
    pub fn unknown(&mut self, call: &Call, now: Timestamp) -> Result<String, Unfit> {
        let drawn = self.refused(call, unknown_tool(&call.tool));
        self.commit(now, &call.caller, drawn.events)
    }

    /// Journals what a read answered.
    pub fn note(&mut self, reading: Reading, now: Timestamp) -> Result<Step, Unfit> {
        let events = [vec![reading.event], reading.also].concat();
        let text = self.commit(now, &reading.caller, events)?;
        Ok(Step {
            records: vec![text],
            answer: reading.answer,
        })
    }

    /// Journals events of the system itself.
    pub fn system(&mut self, now: Timestamp, org: Option<String>, events: Vec<Event>) -> Result<String, Unfit> {
        self.fold(Body::new(self.hour(now), org, Actor::system(), events))
    }

    /// Journals folded refusals in the name of whoever they were refused to.
    pub fn record(&mut self, now: Timestamp, caller: &Caller, events: Vec<Event>) -> Result<String, Unfit> {
        self.commit(now, caller, events)
    }

    /// Journals what concerns the log as a whole, and so every organisation, in the name of whoever did it.
    pub fn record_for_all(&mut self, now: Timestamp, caller: &Caller, events: Vec<Event>) -> Result<String, Unfit> {
        self.commit_in(None, now, caller, events)
    }

    fn refuse(&mut self, call: &Call, now: Timestamp, no: Rejection) -> Result<Step, Unfit> {
        let drawn = self.refused(call, no.clone());
        let text = self.commit(now, &call.caller, drawn.events)?;
        Ok(Step {
            records: vec![text],
            answer: Err(no),
        })
    }

    fn commit(&mut self, now: Timestamp, caller: &Caller, events: Vec<Event>) -> Result<String, Unfit> {
        self.commit_in(Some(caller.org.clone()), now, caller, events)
    }

    fn commit_in(
        &mut self,
        org: Option<String>,
        now: Timestamp,
        caller: &Caller,
        events: Vec<Event>,
    ) -> Result<String, Unfit> {
        let mut body = Body::new(self.hour(now), org, caller.actor(), events);
        body.trace.clone_from(&caller.trace);
        self.fold(body)
    }

    /// Journal time never goes back, whatever the clock does.
    fn hour(&self, now: Timestamp) -> Timestamp {
        now.max(self.state.at)
    }

    fn fold(&mut self, body: Body) -> Result<String, Unfit> {
        let seq = self.state.position + 1;
        let text = body.text().map_err(|cause| Unread::Text { seq, cause })?;
        self.state.apply(seq, &text)?;
        Ok(text)
    }
}

/// The answer to a name that no tool has, or that the caller may not see: the same.
pub fn unknown_tool(name: &str) -> Rejection {
    Rejection::new("unknown_tool", format!("there is no tool `{name}`"))
        .hint("find_tools finds the tool for an intent")
        .next("find_tools", serde_json::json!({"intent": name.replace('_', " ")}))
}

/// The answer to every write in a closed organisation but its reopening.
pub fn closed() -> Rejection {
    Rejection::new(
        "organization_closed",
        "this organisation is closed, and nothing in it can be changed",
    )
    .hint("an owner can reopen it with manage_organization, op reopen")
}

/// Whether a caller may use a tool at all.
pub fn admit(state: &State, caller: &Caller, tool: &Tool, now: Timestamp) -> Result<(), Rejection> {
    let rights = authority::rights(state, caller, now);
    if rights.read_only() && !tool.is_read() {
        return Err(Rejection::forbidden(&tool.permission).hint("this token may only read"));
    }
    if tool.reach == Reach::Everywhere || !rights.allow_somewhere(&tool.permission) {
        let lesser = tool.lesser.is_some_and(|lesser| rights.allow(lesser));
        if !lesser {
            rights.require(&tool.permission)?;
        }
    }
    tool.over.map_or(Ok(()), |over| rights.require(over.permission))?;
    let organization = caller
        .org
        .parse()
        .ok()
        .and_then(|id| state.table::<Organization>()?.get(id));
    let is_closed = organization.is_some_and(|row| row.status == OrganizationStatus::Closed);
    if is_closed && matches!(tool.run, Run::Decide(_)) && tool.name != "manage_organization" {
        return Err(closed());
    }
    let denied = || {
        let denied = organization.map(|row| &row.settings.agent_policy.denied_tools);
        let is = |name: &String| name == tool.name || tool.over.is_some_and(|over| name == over.tool);
        denied.is_some_and(|denied| denied.iter().any(is))
    };
    if !caller.is_human() && !tool.is_read() && denied() {
        return Err(Rejection::new(
            "policy_denied",
            format!("agents may not propose `{}` in this organisation", tool.name),
        ));
    }
    Ok(())
}

/// Answers a read from a snapshot; nothing is changed, and the answer waits until what it says is journaled.
pub fn answer(registry: &Registry, state: &State, call: &Call, now: Timestamp, past: &dyn Past) -> Reading {
    let (args, dropped) = without_injected(&call.args);
    let mut also = Vec::new();
    let said = registry
        .tool(&call.tool)
        .ok_or_else(|| unknown_tool(&call.tool))
        .and_then(|tool| {
            admit(state, &call.caller, tool, now)?;
            leak::none_in(&call.args, None)?;
            let Run::Answer(run) = &tool.run else {
                return Err(unknown_tool(&call.tool));
            };
            let view = View::new(state, &call.caller, now, registry, past, None);
            let answer = run(args, &view)?;
            also.extend(events::beside(tool, &answer, &view)?);
            Ok(answer)
        });
    let said = said.map(|answer| with_notice(answer, &dropped));
    let at = (state.position, registry.tool(&call.tool).map_or(1, |tool| tool.decider));
    let event = match &said {
        Ok(answer) => answered(call, answer, at, now),
        Err(no) => rejected(call, no, at),
    };
    Reading {
        caller: call.caller.clone(),
        event,
        also,
        answer: said,
    }
}

fn without_injected(args: &Map<String, Value>) -> (Map<String, Value>, Vec<String>) {
    let mut args = args.clone();
    let dropped = HOST_INJECTED
        .iter()
        .filter(|name| args.remove(**name).is_some())
        .map(ToString::to_string)
        .collect();
    (args, dropped)
}

fn with_notice(mut answer: Value, dropped: &[String]) -> Value {
    if let (Some(Value::Array(notices)), false) = (answer.get_mut("notices"), dropped.is_empty()) {
        notices.push(format!("ignored what the host added: {}", dropped.join(", ")).into());
    }
    answer
}

fn proposal_key(call: &Call, canonical: &str) -> Digest {
    let actor = call.caller.actor();
    let caller = projections::actions::caller(&actor);
    Digest::of(
        format!(
            "{}|{caller}|{}|{}|{canonical}",
            call.caller.org, call.caller.member, call.tool
        )
        .as_bytes(),
    )
}

fn action_id(text: &str) -> Option<Id<Action>> {
    text.parse().ok()
}
