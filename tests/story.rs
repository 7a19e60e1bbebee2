//! The test language: people call tools, time passes, and at the end the journal alone must rebuild the state.

mod people;
pub mod reacting;
pub mod restarted;
pub mod watching;
pub mod working;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use orkestra::audit::{self, check::Report};
use orkestra::kernel::engine::{Call, Step};
use orkestra::kernel::token::ConfirmKey;
use orkestra::kernel::{Caller, Engine, Past, Plan, Registry, Rejection, State, View};
use projections::{Actor, Id};
use serde_json::{Value, json};

use restarted::{restarted, same};

/// The records of a story, in order; record 1 stands first.
#[derive(Default, Clone)]
pub struct Records(pub Vec<String>);

impl Past for Records {
    fn record(&self, seq: u64) -> Result<Option<String>, Rejection> {
        Ok(usize::try_from(seq)
            .ok()
            .and_then(|seq| self.0.get(seq.checked_sub(1)?).cloned()))
    }
}

/// One story. `ana` is the owner of the organisation `Acme`; others are added with [`Story::human`] and [`Story::agent`].
pub struct Story {
    pub engine: Engine,
    pub records: Records,
    pub now: Timestamp,
    people: BTreeMap<String, Caller>,
    transcript: String,
    names: BTreeMap<String, String>,
    counts: BTreeMap<String, usize>,
}

pub fn key() -> ConfirmKey {
    ConfirmKey::new([7; 32])
}

impl Story {
    pub fn new(title: &str) -> Self {
        Self::with(title, Arc::new(orkestra::modules::registry()))
    }

    pub fn with(title: &str, registry: Arc<Registry>) -> Self {
        let state = State::new(&registry.kinds());
        let mut story = Self {
            engine: Engine::new(registry, state, key()),
            records: Records::default(),
            now: "2026-03-02T09:00:00Z".parse().unwrap(),
            people: BTreeMap::new(),
            transcript: format!("# {title}\n"),
            names: BTreeMap::new(),
            counts: BTreeMap::new(),
        };
        story.found("acme", "Acme", "ana");
        story
    }

    /// Carries out a plan as an operator would, in the eyes of `ana`.
    pub fn operate(&mut self, plan: impl FnOnce(&View<'_>) -> Result<Plan, Rejection>) -> Result<(), Rejection> {
        let (caller, past) = (self.caller("ana"), self.records.clone());
        let seed = Some(Id::derive(self.now, b"operate"));
        let plan = {
            let view = View::new(
                self.engine.state(),
                &caller,
                self.now,
                self.engine.registry(),
                &past,
                seed,
            );
            plan(&view)?
        };
        let text = self
            .engine
            .operate(Actor::system(), caller.org, &plan, self.now)
            .unwrap();
        self.records.0.push(text);
        Ok(())
    }

    pub fn caller(&self, who: &str) -> Caller {
        self.people[who].clone()
    }

    /// Lets time pass.
    pub fn wait(&mut self, minutes: i64) -> &mut Self {
        self.now = self.now.checked_add(SignedDuration::from_mins(minutes)).unwrap();
        let _ = writeln!(self.transcript, "\n(… {minutes} minutes later)");
        self
    }

    /// Calls a tool, without writing it down. An engine that was restarted from rows must say and write the same.
    pub fn call(&mut self, who: &str, tool: &str, args: Value) -> Result<Value, Rejection> {
        let (mut restarted, call, past) = (
            restarted(&self.engine),
            self.asked(who, tool, &args),
            self.records.clone(),
        );
        let step = self.take(&call);
        same(tool, &step, &restarted.call(&call, self.now, &past).unwrap());
        step.answer
    }

    /// Calls a tool of this engine alone.
    pub fn alone(&mut self, who: &str, tool: &str, args: Value) -> Result<Value, Rejection> {
        let call = self.asked(who, tool, &args);
        self.take(&call).answer
    }

    fn asked(&self, who: &str, tool: &str, args: &Value) -> Call {
        Call {
            caller: self.caller(who),
            tool: tool.to_owned(),
            args: args.as_object().cloned().unwrap_or_default(),
        }
    }

    fn take(&mut self, call: &Call) -> Step {
        let past = self.records.clone();
        let step = self.engine.call(call, self.now, &past);
        let step = step.expect("the engine takes its own records");
        self.records.0.extend(step.records.iter().cloned());
        step
    }

    /// Calls a tool and writes call and answer into the transcript. Gives the answer, or `{"error": …}`.
    pub fn when(&mut self, who: &str, tool: &str, args: Value) -> Value {
        let answer = self.call(who, tool, args.clone()).unwrap_or_else(|no| no.to_json());
        let shown = serde_json::to_string_pretty(&answer).unwrap();
        let (args, shown) = (self.plain(&args.to_string()), self.plain(&shown));
        let _ = writeln!(self.transcript, "\n{who}> {tool} {args}\n{shown}");
        answer
    }

    /// Confirms a pending action with its token, written down.
    pub fn confirm(&mut self, who: &str, pending: &Value) -> Value {
        let args = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
        self.when(who, "confirm_action", args)
    }

    /// Proposes and confirms without writing it down; for what a story only needs as its ground. Gives the result.
    pub fn given(&mut self, who: &str, tool: &str, args: Value) -> Value {
        let pending = self
            .call(who, tool, args.clone())
            .unwrap_or_else(|no| panic!("{tool} {args}: {no:?}"));
        assert_eq!(pending["status"], "pending", "{tool} {args}: {pending}");
        let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
        let receipt = self
            .call(who, "confirm_action", confirm)
            .unwrap_or_else(|no| panic!("{tool} {args}: {no:?}"));
        assert_eq!(receipt["status"], "succeeded", "{receipt}");
        receipt["result"].clone()
    }

    /// Proposes and confirms, both written down; gives the receipt.
    pub fn does(&mut self, who: &str, tool: &str, args: Value) -> Value {
        let pending = self.when(who, tool, args);
        self.confirm(who, &pending)
    }

    /// Calls a tool that must say no with this code, written down in short. Gives the error.
    pub fn refused(&mut self, who: &str, tool: &str, args: Value, code: &str) -> Value {
        let said = self.call(who, tool, args.clone());
        let no = said.expect_err("it must be refused").to_json()["error"].clone();
        assert_eq!(no["code"], code, "{tool} {args}: {no}");
        let mut short = no.clone();
        let (message, hint) = (no["message"].as_str().unwrap(), no["hint"].as_str());
        for told in ["code", "message", "hint"] {
            short.as_object_mut().unwrap().remove(told);
        }
        let (args, rest) = (self.plain(&args.to_string()), self.plain(&short.to_string()));
        let message = self.plain(message);
        let hint = hint
            .map(|hint| format!("\n  hint: {}", self.plain(hint)))
            .unwrap_or_default();
        let _ = writeln!(
            self.transcript,
            "\n{who}> {tool} {args}\n  no, {code}: {message}{hint}\n  {rest}"
        );
        no
    }

    /// Proposes, lets something else happen, and confirms: the offer must be stale and nothing executed.
    pub fn stale(&mut self, who: &str, tool: &str, args: Value, meanwhile: impl FnOnce(&mut Self)) {
        let pending = self
            .call(who, tool, args.clone())
            .unwrap_or_else(|no| panic!("{tool} {args}: {no:?}"));
        meanwhile(self);
        let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
        let events = self.records.0.len();
        let no = self.call(who, "confirm_action", confirm).expect_err("it must be stale");
        assert_eq!(no.code, "preview_stale", "{tool} {args}: {no:?}");
        let (code, message) = (no.code.to_string(), self.plain(&no.message));
        let executed = self.records.0[events..].iter().any(|text| text.contains("execution."));
        assert!(!executed, "{tool} {args}: executed although stale");
        let args = self.plain(&args.to_string());
        let _ = writeln!(
            self.transcript,
            "\n{who}> {tool} {args}\n  (meanwhile …) confirm: no, {code}: {message}"
        );
    }

    /// Ends the story: the journal alone must rebuild the same state. Gives the transcript.
    #[must_use = "snapshot the transcript"]
    pub fn end(self) -> String {
        self.end_with(0)
    }

    /// [`Story::end`] for a story whose records were altered: so many decisions come out differently when they are made again.
    #[must_use = "snapshot the transcript"]
    pub fn end_with(self, divergences: u64) -> String {
        let registry = Arc::clone(self.engine.registry());
        let mut again = Engine::new(registry.clone(), State::new(&registry.kinds()), key());
        for (seq, text) in (1..).zip(&self.records.0) {
            again.absorb(seq, text).expect("the journal replays");
        }
        assert_eq!(
            again.state().digest().unwrap(),
            self.engine.state().digest().unwrap(),
            "the replayed state differs"
        );
        assert_eq!(
            restarted(&self.engine).state().digest().unwrap(),
            self.engine.state().digest().unwrap(),
            "the state that went through a checkpoint differs"
        );
        let report = decided_again(registry, &self.records);
        assert_eq!(
            (report.divergences, report.late, report.other_version),
            (divergences, 0, 0),
            "what was decided comes out otherwise than expected: {report:#?}"
        );
        assert_eq!(report.state, self.engine.state().digest().unwrap().to_string());
        self.transcript
    }

    /// Replaces identifiers and confirm tokens by short names in order of appearance.
    pub fn plain(&mut self, text: &str) -> String {
        let mut out = String::new();
        let mut word = String::new();
        for letter in text.chars().chain([' ']) {
            if letter.is_ascii_alphanumeric() || letter == '_' {
                word.push(letter);
                continue;
            }
            out.push_str(&self.short(&word));
            word.clear();
            out.push(letter);
        }
        out.pop();
        out
    }

    fn short(&mut self, word: &str) -> String {
        let Some((prefix, rest)) = word.split_once('_') else {
            return word.to_owned();
        };
        let is_id = prefix.len() == 3 && rest.len() == 26 && rest.starts_with("01");
        let is_token = prefix == "ct" && rest.len() == 40;
        if !is_id && !is_token {
            return word.to_owned();
        }
        if let Some(known) = self.names.get(word) {
            return known.clone();
        }
        let count = self.counts.entry(prefix.to_owned()).or_insert(0);
        *count += 1;
        let name = format!("{prefix}#{count}");
        self.names.insert(word.to_owned(), name.clone());
        name
    }
}

/// Every decision of some records, made once more.
pub fn decided_again(registry: Arc<Registry>, records: &Records) -> Report {
    let lines = (1..)
        .zip(records.0.clone())
        .map(|(seq, text)| Ok(journal::Line { seq, text }));
    audit::check::check(registry, lines, records, &mut |_| {}).expect("the journal replays")
}

/// Compares a story's transcript with the one kept under `snapshots/`.
pub fn check(name: &str, transcript: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, transcript));
}
