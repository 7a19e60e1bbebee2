//! What nobody calls for in a story: hours strike, rules react.

use projections::Record;
use serde_json::{Value, json};

use super::Story;
use super::restarted::restarted;

impl Story {
    /// One bounded turn of what is due; an engine that was restarted from rows must write the same. True where it did something.
    pub fn turn(&mut self, most: usize) -> bool {
        let (mut other, past) = (restarted(&self.engine), self.records.clone());
        let worked = self.engine.work(self.now, &past, most).unwrap();
        assert_eq!(worked.faults, Vec::<String>::new());
        assert_eq!(
            other.work(self.now, &past, most).unwrap().records,
            worked.records,
            "a restart from rows reacts otherwise"
        );
        self.records.0.extend(worked.records.iter().cloned());
        !worked.records.is_empty()
    }

    /// Proposes and confirms on this engine alone; for a ground of many things.
    pub fn alone_given(&mut self, who: &str, tool: &str, args: Value) {
        let pending = self.alone(who, tool, args).unwrap();
        let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
        assert_eq!(
            self.alone(who, "confirm_action", confirm).unwrap()["status"],
            "succeeded"
        );
    }

    /// Everything that is due and owed, written down in short; the events of it.
    pub fn reacts(&mut self) -> Vec<String> {
        let first = self.records.0.len();
        while self.turn(64) {}
        assert!(!self.engine.has_work(self.now), "there is still something to do");
        let texts: Vec<String> = self.records.0[first..].to_vec();
        let mut all = Vec::new();
        for (seq, text) in (first as u64 + 1..).zip(&texts) {
            let mut room = String::new();
            let record = Record::parse(seq, text, &mut room).unwrap();
            let names: Vec<String> = record.events.iter().map(|entry| entry.name.to_string()).collect();
            let cause = record.cause.as_ref().map_or_else(
                || "nobody called".to_owned(),
                |cause| {
                    format!(
                        "{} answers {} (from {}, depth {})",
                        cause.by(),
                        cause.causation_id,
                        cause.correlation_id,
                        cause.chain_depth
                    )
                },
            );
            let why = record.events.iter().filter(|entry| entry.name == "reaction.passed");
            let why: Vec<&str> = why
                .filter_map(|entry| entry.data)
                .map(serde_json::value::RawValue::get)
                .collect();
            let why = why.iter().fold(String::new(), |all, one| {
                all + "
    " + one
            });
            self.write(&format!("({seq}: {cause}: {}{why})", names.join(", ")));
            all.extend(names);
        }
        all
    }
}
