//! What is owed, folded from the journal: every reaction that is due, how far it is, and who reacted to what on the way.

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use projections::cause::{Fired, Passed};
use projections::event::{Proposed, Rejected, names};
use projections::record::Entry;
use projections::{Cause, Record};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{CHAIN_MAX, Stop};

crate::choice! {
    /// What came of one step of a reaction.
    pub enum Outcome {
        /// It is done.
        Done = "done",
        /// There was nothing to change.
        Noop = "noop",
        /// It was refused.
        Refused = "refused",
        /// A worker has it.
        Executing = "executing",
    }
}

/// One step that a reaction has taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Took {
    /// What came of it.
    pub outcome: Outcome,
    /// The action that it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The code of the refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What the refusal said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// One reaction that is owed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Debt {
    /// The record that is reacted to.
    pub seq: u64,
    /// Who reacts.
    pub by: String,
    /// The thing that changed; empty where only the hour came.
    pub about: String,
    /// The organisation.
    pub org: String,
    /// The record that the chain began with.
    pub root: u64,
    /// Those whose reactions led here, the first first.
    pub chain: Vec<String>,
    /// How many debts of the same reactor the same record made before this one.
    pub place: u32,
    /// The steps taken.
    pub steps: Vec<Took>,
}

type Key = (u64, String, String);

impl Debt {
    fn key(&self) -> Key {
        (self.seq, self.by.clone(), self.about.clone())
    }

    /// What a record of this reaction says of itself.
    pub fn cause(&self, ends: bool) -> Cause {
        let chain: Vec<String> = self.chain.iter().cloned().chain([self.by.clone()]).collect();
        Cause {
            causation_id: self.seq,
            correlation_id: self.root,
            chain_depth: u32::try_from(chain.len()).unwrap_or(u32::MAX),
            chain,
            about: self.about.clone(),
            ends,
        }
    }
}

/// Everything that is owed. Cloning shares structure.
#[derive(Clone, Debug, Default)]
pub struct Debts {
    due: OrdMap<Key, Arc<Debt>>,
    /// How many debts there are of each chain.
    roots: OrdMap<u64, u32>,
    /// Who reacted to what in the chains that go on.
    seen: OrdSet<Key>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    due: Vec<Debt>,
    seen: Vec<Key>,
}

impl Debts {
    /// Whether nothing is owed.
    pub fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    /// What is owed, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Debt>> {
        self.due.values()
    }

    /// One of them.
    pub fn get(&self, seq: u64, by: &str, about: &str) -> Option<&Arc<Debt>> {
        self.due.get(&(seq, by.to_owned(), about.to_owned()))
    }

    /// Why a debt must not be paid by acting.
    pub fn stop(&self, debt: &Debt) -> Option<Stop> {
        if !debt.steps.is_empty() {
            return None;
        }
        let seen = self.seen.contains(&(debt.root, debt.by.clone(), debt.about.clone()));
        match seen {
            true if debt.chain.contains(&debt.by) => Some(Stop::Loop),
            true => Some(Stop::Twice),
            false => (debt.chain.len() >= CHAIN_MAX).then_some(Stop::Depth),
        }
    }

    /// Takes in what a record says; `reactors` gives those of an organisation that react to an event.
    pub(in crate::kernel) fn apply(
        &mut self,
        seq: u64,
        record: &Record<'_>,
        reactors: impl Fn(&str, &str) -> Vec<String>,
    ) -> Result<(), serde_json::Error> {
        self.owe(seq, record, reactors)?;
        if let Some(cause) = &record.cause {
            self.step(cause, record);
        }
        let passed = record.events.iter().filter(|entry| entry.name == names::PASSED);
        for data in passed.filter_map(|entry| entry.data) {
            let passed: Passed = serde_json::from_str(data.get())?;
            for one in passed.passed {
                self.forget(&(one.seq, one.by, one.about));
            }
        }
        Ok(())
    }

    fn owe(
        &mut self,
        seq: u64,
        record: &Record<'_>,
        reactors: impl Fn(&str, &str) -> Vec<String>,
    ) -> Result<(), serde_json::Error> {
        let org = record.org.as_deref().unwrap_or_default();
        let mut made = BTreeMap::new();
        for entry in &record.events {
            if let Some(change) = &entry.change {
                let org = change.org.as_deref().unwrap_or(org);
                for by in reactors(org, &entry.name) {
                    self.put_new((seq, by, change.id.to_string()), org, record.cause.as_ref(), &mut made);
                }
            }
            if let (names::FIRED, Some(data)) = (entry.name.as_ref(), entry.data) {
                let fired: Fired = serde_json::from_str(data.get())?;
                for owed in fired.owes {
                    self.put_new((seq, owed.by, owed.about), org, None, &mut made);
                }
            }
        }
        Ok(())
    }

    /// `made` counts what each reactor owes for the record so far.
    fn put_new(&mut self, key: Key, org: &str, cause: Option<&Cause>, made: &mut BTreeMap<String, u32>) {
        let (seq, by, about) = &key;
        // Nobody reacts to what happens to themselves, nor to what they did.
        let own = by == about || cause.is_some_and(|cause| cause.by() == by);
        if own || self.due.contains_key(&key) {
            return;
        }
        let place = made.entry(by.clone()).or_default();
        let debt = Debt {
            seq: *seq,
            by: by.clone(),
            about: about.clone(),
            org: org.to_owned(),
            root: cause.map_or(*seq, |cause| cause.correlation_id),
            chain: cause.map(|cause| cause.chain.clone()).unwrap_or_default(),
            place: *place,
            steps: Vec::new(),
        };
        *place += 1;
        self.put(debt);
    }

    fn put(&mut self, debt: Debt) {
        *self.roots.entry(debt.root).or_default() += 1;
        self.due.insert(debt.key(), Arc::new(debt));
    }

    fn step(&mut self, cause: &Cause, record: &Record<'_>) {
        let key = (cause.causation_id, cause.by().to_owned(), cause.about.clone());
        self.seen.insert((cause.correlation_id, key.1.clone(), key.2.clone()));
        if cause.ends {
            self.forget(&key);
        } else if let Some(debt) = self.due.get(&key) {
            let mut debt = Debt::clone(debt);
            debt.steps.push(took(&record.events));
            self.due.insert(key, Arc::new(debt));
        }
        self.prune(cause.correlation_id);
    }

    fn forget(&mut self, key: &Key) {
        let Some(debt) = self.due.remove(key) else { return };
        if let Some(count) = self.roots.get_mut(&debt.root) {
            *count = count.saturating_sub(1);
        }
        self.prune(debt.root);
    }

    /// A chain of which nothing is owed any more cannot go on.
    fn prune(&mut self, root: u64) {
        if self.roots.get(&root).copied().unwrap_or(0) > 0 {
            return;
        }
        self.roots.remove(&root);
        let from = (root, String::new(), String::new());
        let over: Vec<Key> = self
            .seen
            .range(from..)
            .take_while(|key| key.0 == root)
            .cloned()
            .collect();
        for key in over {
            self.seen.remove(&key);
        }
    }

    /// Everything as one row; `None` where nothing is owed.
    pub(in crate::kernel) fn keep(&self) -> Option<Result<String, serde_json::Error>> {
        let due = self.due.values().map(|debt| Debt::clone(debt)).collect();
        let seen = self.seen.iter().cloned().collect();
        (!self.is_empty()).then(|| serde_json::to_string(&Kept { due, seen }))
    }

    pub(in crate::kernel) fn restore(text: &str) -> Result<Self, serde_json::Error> {
        let kept: Kept = serde_json::from_str(text)?;
        let mut debts = Self::default();
        kept.due.into_iter().for_each(|debt| debts.put(debt));
        debts.seen = kept.seen.into_iter().collect();
        Ok(debts)
    }
}

/// What came of the step that a record holds.
fn took(events: &[Entry<'_>]) -> Took {
    let data = |name: &str| {
        let mut found = events.iter().filter(|entry| entry.name == name);
        found.next().and_then(|entry| entry.data).map(RawValue::get)
    };
    let mut took = Took {
        outcome: Outcome::Done,
        action: None,
        code: None,
        message: None,
    };
    if let Some(facts) = data(names::CALL_REJECTED).and_then(|text| serde_json::from_str::<Rejected<'_>>(text).ok()) {
        took.outcome = Outcome::Refused;
        took.code = Some(facts.code.into_owned());
        took.message = Some(facts.message.into_owned());
    } else if data(names::CALL_ANSWERED).is_some() {
        took.outcome = Outcome::Noop;
    } else if data(names::CONFIRMED).is_some() && data(names::SUCCEEDED).is_none() {
        took.outcome = Outcome::Executing;
    }
    let proposed = data(names::PROPOSED).and_then(|text| serde_json::from_str::<Proposed<'_>>(text).ok());
    took.action = proposed.map(|facts| facts.action.into_owned());
    took
}
