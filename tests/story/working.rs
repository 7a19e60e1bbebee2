//! Workers in a story: an attempt is handed over, a worker reports, an operator settles.

use orkestra::kernel::Rejection;
use orkestra::kernel::engine::{Refused, Settled};
use orkestra::kernel::execution::{Report, Word};
use projections::{Action, Actor, Id};
use serde_json::{Value, json};

use super::Story;

/// What a worker says when all went well.
pub fn succeeded(result: &Value) -> Word {
    let result = Some(serde_json::value::to_raw_value(result).unwrap());
    Word::Succeeded { result }
}

/// What a worker says when nothing happened.
pub fn failed(reason: &str, may_retry: bool) -> Word {
    Word::Failed {
        reason: reason.to_owned(),
        may_retry,
    }
}

/// What a worker says when it cannot tell.
pub fn unknown(reason: &str) -> Word {
    Word::Unknown {
        reason: reason.to_owned(),
    }
}

impl Story {
    /// Where an action stands.
    pub fn action(&self, answer: &Value) -> Action {
        let id: Id<Action> = answer["actionId"].as_str().unwrap().parse().unwrap();
        Action::clone(self.engine.state().actions.get(id).unwrap())
    }

    /// Hands the current attempt to its worker; false where nobody waits for it.
    pub fn handed_over(&mut self, answer: &Value) -> bool {
        let action = self.action(answer);
        let deadline = self.now + self.engine.registry().terms.patience;
        let text = self
            .engine
            .handed_over(action.id, action.attempt, deadline, self.now)
            .unwrap();
        self.records.0.extend(text.iter().cloned());
        self.write(&format!("(attempt {} is handed over)", action.attempt));
        text.is_some()
    }

    /// The report that the right worker would make of the current attempt.
    pub fn report(&self, answer: &Value, word: Word) -> Report {
        let action = self.action(answer);
        Report {
            action: action.id.to_string(),
            attempt: action.attempt,
            digest: action.digest.to_string(),
            worker: self.engine.worker_of(&action).to_owned(),
            trace: None,
            word,
        }
    }

    /// A worker reports; written down.
    pub fn hears(&mut self, report: &Report) -> Value {
        let past = self.records.clone();
        let step = self.engine.hear(report, self.now, &past).unwrap();
        self.records.0.extend(step.records.iter().cloned());
        let answer = step.answer.unwrap_or_else(|no| no.to_json());
        let (worker, attempt) = (&report.worker, report.attempt);
        let said = match &report.word {
            Word::Succeeded { .. } => "succeeded".to_owned(),
            Word::Failed { reason, may_retry } => format!("failed ({reason}), may retry: {may_retry}"),
            Word::Unknown { reason } => format!("cannot tell ({reason})"),
        };
        self.write(&format!("{worker}> attempt {attempt} {said}\n{answer:#}"));
        answer
    }

    /// The hour strikes: what is overdue is given up.
    pub fn give_up(&mut self) -> usize {
        let texts = self.engine.give_up(self.now).unwrap();
        self.records.0.extend(texts.iter().cloned());
        texts.len()
    }

    /// An operator orders another attempt; written down.
    pub fn retry(&mut self, answer: &Value) -> Value {
        let (id, past) = (self.action(answer).id, self.records.clone());
        let done = self
            .engine
            .retry(Actor::system(), id, "the door is open now", self.now, &past);
        self.settled("retry", done)
    }

    /// Somebody reconciles with evidence; written down.
    pub fn reconcile(&mut self, actor: Actor, answer: &Value, happened: bool, evidence: &str) -> Value {
        let (id, past) = (self.action(answer).id, self.records.clone());
        let settled = Settled {
            happened,
            evidence: evidence.to_owned(),
        };
        let done = self.engine.reconcile(actor, id, &settled, self.now, &past);
        self.settled(&format!("reconcile, happened: {happened}, {evidence:?}"), done)
    }

    fn settled(&mut self, what: &str, done: Result<(String, Value), Refused>) -> Value {
        let answer = match done {
            Ok((text, answer)) => {
                self.records.0.push(text);
                answer
            }
            Err(Refused::No(no)) => Rejection::to_json(&no),
            Err(Refused::Unfit(cause)) => json!({"unfit": cause.to_string()}),
        };
        self.write(&format!("operator> {what}\n{answer:#}"));
        answer
    }

    pub(super) fn write(&mut self, text: &str) {
        use std::fmt::Write as _;
        let text = self.plain(text);
        let _ = writeln!(self.transcript, "\n{text}");
    }
}
