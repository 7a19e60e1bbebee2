//! The engine makes records through the tools, and the journal writes them in large batches.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use journal::{Journal, Log, Options};
use orkestra::data::{self, DataDir, How, ORIGIN};
use orkestra::door::Keys;
use orkestra::kernel::engine::Call;
use orkestra::kernel::identity::Member;
use orkestra::kernel::{Caller, Engine, Past, Rejection, State};
use serde_json::{Value, json};

const TOGETHER: usize = 512;

/// The journal, and beside it the records that are not in it yet.
pub struct Written(Journal, BTreeMap<u64, String>);

impl Past for Written {
    fn record(&self, seq: u64) -> Result<Option<String>, Rejection> {
        let waiting = self.1.get(&seq).cloned();
        Ok(waiting.or_else(|| self.0.get(seq).unwrap().map(|line| line.text)))
    }
}

/// Opens the journal in a data directory; with its last record.
pub fn journal(dir: &Path) -> (Journal, u64) {
    let (journal, found) = Journal::open(&dir.join("journal"), Options::default(), ORIGIN).unwrap();
    (journal, found.last_seq)
}

/// Makes records in a data directory that nobody else has open.
pub struct Maker {
    pub engine: Engine,
    pub past: Written,
    pub owner: Caller,
    waiting: Vec<String>,
    /// The batch before, which may still be on its way.
    written: Option<Receiver<u64>>,
}

impl Maker {
    pub fn open(dir: &Path) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let opened = data::open(&DataDir(dir.to_owned()), &How::default()).unwrap();
            opened.close().unwrap();
        });
        std::fs::remove_dir_all(dir.join("projections")).unwrap();
        let registry = Arc::new(data::registry());
        let (journal, _) = journal(dir);
        let key = Keys::open(&dir.join("keys")).unwrap().confirm;
        let mut engine = Engine::new(Arc::clone(&registry), State::new(&registry.kinds()), key);
        for line in journal.read(1).unwrap().map(Result::unwrap) {
            engine.absorb(line.seq, &line.text).unwrap();
        }
        let members = engine.state().table::<Member>().unwrap();
        let member = members.rows().next().unwrap().clone();
        let owner = orkestra::demo::author(member.org.clone(), member.id);
        Self {
            engine,
            past: Written(journal, BTreeMap::new()),
            owner,
            waiting: Vec::new(),
            written: None,
        }
    }

    pub fn position(&self) -> u64 {
        self.engine.state().position
    }

    /// Hands over records that the engine has made; the newest have its position.
    pub fn write(&mut self, records: impl IntoIterator<Item = String>, least: usize) {
        let records: Vec<String> = records.into_iter().collect();
        let first = self.position() + 1 - records.len() as u64;
        self.past.1.extend((first..).zip(records.iter().cloned()));
        self.waiting.extend(records);
        if self.waiting.len() < least.max(1) {
            return;
        }
        if let Some(before) = self.written.take() {
            let durable = before.recv().unwrap();
            self.past.1 = self.past.1.split_off(&(durable + 1));
        }
        let (done, written) = channel();
        let batch = std::mem::take(&mut self.waiting);
        let done = move |result: Result<u64, journal::Error>| done.send(result.unwrap()).unwrap();
        self.past.0.append(batch, Box::new(done)).unwrap();
        self.written = Some(written);
    }

    pub fn call(&mut self, caller: &Caller, tool: &str, args: &Value) -> Value {
        let call = Call {
            caller: caller.clone(),
            tool: tool.to_owned(),
            args: args.as_object().cloned().unwrap(),
        };
        let step = self.engine.call(&call, data::now(), &self.past).unwrap();
        self.write(step.records, TOGETHER);
        step.answer.unwrap()
    }

    pub fn done(&mut self, tool: &str, args: &Value) {
        let owner = self.owner.clone();
        let pending = self.call(&owner, tool, args);
        let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
        assert_eq!(self.call(&owner, "confirm_action", &confirm)["status"], "succeeded");
    }

    /// Writes what is left, and closes the journal.
    pub fn end(mut self) {
        self.write([], 0);
        self.written.take().unwrap().recv().unwrap();
        self.past.0.close().unwrap();
    }
}

/// Words of two syllables, as many as people use of a language.
pub fn word(number: u64) -> String {
    const PARTS: [&str; 40] = [
        "ba", "be", "bi", "bo", "da", "de", "di", "do", "fa", "fe", "fi", "fo", "ga", "ge", "gi", "go", "ka", "ke",
        "ki", "ko", "la", "le", "li", "lo", "ma", "me", "mi", "mo", "na", "ne", "ni", "no", "ra", "re", "ri", "ro",
        "sa", "se", "si", "so",
    ];
    let part = |number: u64| PARTS[usize::try_from(number % 40).unwrap()];
    format!("{}{}n", part(number), part(number / 40))
}

/// A title of ten words.
pub fn title(number: u64) -> String {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let words = [0, 11, 22, 33].map(|shift| word((mixed >> shift) % 1600));
    format!(
        "Fix the {} of the {} before the {} {}",
        words[0], words[1], words[2], words[3]
    )
}
