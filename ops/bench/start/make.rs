//! A journal as work leaves it: the engine makes its records through the tools, and the journal writes them in large batches.
//!
//! Of ten records five are reads, four are two proposals with their confirmations (a new task, a new title), and one is an
//! offer that nobody confirms; the offers come last.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use journal::{Journal, Log};
use orkestra::data::{self, DataDir, How};
use orkestra::door::Keys;
use orkestra::kernel::engine::{Call, NewToken, PENDING_PER_CALLER_MAX};
use orkestra::kernel::identity::{ConfirmPolicy, Member};
use orkestra::kernel::{Caller, Engine, Past, Rejection, State};
use projections::{Actor, Digest};
use serde_json::{Value, json};

const TOGETHER: usize = 512;
/// A project never has more tasks.
const TASKS_PER_PROJECT: u64 = 1000;

/// How many of so many records are offers.
pub fn pending(records: u64) -> u64 {
    records / 10
}

/// The journal, and beside it the records that are not in it yet.
struct Written(Journal, BTreeMap<u64, String>);

impl Past for Written {
    fn record(&self, seq: u64) -> Result<Option<String>, Rejection> {
        let waiting = self.1.get(&seq).cloned();
        Ok(waiting.or_else(|| self.0.get(seq).unwrap().map(|line| line.text)))
    }
}

struct Maker {
    engine: Engine,
    past: Written,
    owner: Caller,
    waiting: Vec<String>,
    /// The batch before, which may still be on its way.
    written: Option<Receiver<u64>>,
}

impl Maker {
    fn open(dir: &Path) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let opened = data::open(&DataDir(dir.to_owned()), &How::default()).unwrap();
            opened.close().unwrap();
        });
        std::fs::remove_dir_all(dir.join("projections")).unwrap();
        let registry = Arc::new(data::registry());
        let (journal, _) = super::measure::journal(dir);
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

    fn position(&self) -> u64 {
        self.engine.state().position
    }

    /// Hands over records that the engine has made; the newest have its position.
    fn write(&mut self, records: impl IntoIterator<Item = String>, least: usize) {
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

    fn call(&mut self, caller: &Caller, tool: &str, args: &Value) -> Value {
        let call = Call {
            caller: caller.clone(),
            tool: tool.to_owned(),
            args: args.as_object().cloned().unwrap(),
        };
        let step = self.engine.call(&call, data::now(), &self.past).unwrap();
        self.write(step.records, TOGETHER);
        step.answer.unwrap()
    }

    fn done(&mut self, tool: &str, args: &Value) {
        let owner = self.owner.clone();
        let pending = self.call(&owner, tool, args);
        let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
        assert_eq!(self.call(&owner, "confirm_action", &confirm)["status"], "succeeded");
    }

    fn token(&mut self, number: u64) -> Caller {
        let new = NewToken {
            name: format!("agent {number}"),
            member: self.owner.member,
            hash: Digest::of(&number.to_be_bytes()),
            prefix: format!("ork_live_{number:08}"),
            profile: None,
            scopes: vec!["*".to_owned()],
            read_only: false,
            confirm: ConfirmPolicy::ItsProposer,
            elicit: false,
            expires_at: None,
        };
        let org = self.owner.org.clone();
        let made = self.engine.create_token(Actor::system(), &org, new, data::now());
        let (id, text) = made.unwrap();
        self.write([text], TOGETHER);
        Caller {
            token: Some(id),
            via: "mcp",
            client: Some("bench 1.0".to_owned()),
            ..self.owner.clone()
        }
    }
}

fn project(number: u64) -> String {
    format!("P{}", number / TASKS_PER_PROJECT + 1)
}

/// Words of two syllables, as many as people use of a language.
fn word(number: u64) -> String {
    const PARTS: [&str; 40] = [
        "ba", "be", "bi", "bo", "da", "de", "di", "do", "fa", "fe", "fi", "fo", "ga", "ge", "gi", "go", "ka", "ke",
        "ki", "ko", "la", "le", "li", "lo", "ma", "me", "mi", "mo", "na", "ne", "ni", "no", "ra", "re", "ri", "ro",
        "sa", "se", "si", "so",
    ];
    let part = |number: u64| PARTS[usize::try_from(number % 40).unwrap()];
    format!("{}{}n", part(number), part(number / 40))
}

fn title(number: u64) -> String {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let words = [0, 11, 22, 33].map(|shift| word((mixed >> shift) % 1600));
    format!(
        "Fix the {} of the {} before the {} {}",
        words[0], words[1], words[2], words[3]
    )
}

/// Makes a journal of about so many records in an empty directory.
pub fn journal(dir: &Path, records: u64) {
    let mut maker = Maker::open(dir);
    let offers = pending(records);
    let callers = offers.div_ceil(u64::from(PENDING_PER_CALLER_MAX));
    let callers: Vec<Caller> = (0..callers).map(|number| maker.token(number)).collect();
    let mut number = 0;
    while maker.position() + offers < records {
        if number % TASKS_PER_PROJECT == 0 {
            let key = project(number);
            maker.done("create_project", &json!({"key": key, "name": format!("Project {key}")}));
        }
        let task = format!("{}-{}", project(number), number % TASKS_PER_PROJECT + 1);
        maker.done(
            "create_task",
            &json!({"project": project(number), "title": title(number)}),
        );
        maker.done("update_task", &json!({"task": task, "title": title(number + 1)}));
        let reader = &callers[usize::try_from(number).unwrap() % callers.len()];
        for _ in 0..5 {
            maker.call(reader, "get_task", &json!({"task": task}));
        }
        number += 1;
        if number % 10_000 == 0 {
            eprintln!("{} of {records} records made", maker.position());
        }
    }
    let last = project(number - 1);
    for offer in 0..offers {
        let caller = &callers[usize::try_from(offer).unwrap() / PENDING_PER_CALLER_MAX as usize];
        maker.call(caller, "create_task", &json!({"project": last, "title": title(offer)}));
    }
    maker.write([], 0);
    maker.written.take().unwrap().recv().unwrap();
    eprintln!("{} records made, {offers} of them offers", maker.position());
    maker.past.0.close().unwrap();
}
