//! Random histories in which people are asked in, mentioned and erased: nothing written tells who was erased, and all of it
//! folds and is decided again as before.

use std::sync::Arc;

use journal::{Line, Log, MemoryLog};
use orkestra::kernel::entity::NAMES;
use orkestra::kernel::identity::Member;
use orkestra::kernel::{Engine, Plan, State, sealed};
use orkestra::modules::organizations;
use orkestra::subjects::{Erased, Ring, Sealing};
use proptest::prelude::*;
use serde_json::json;

use crate::story::{Story, decided_again, key};

#[derive(Clone, Copy, Debug)]
enum Step {
    Invite(usize),
    Mention(usize),
    List,
    Erase(usize),
    Restart,
}

const PEOPLE: usize = 3;

fn address(who: usize) -> String {
    format!("zoë.{who}@ünusual-{who}.example")
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..PEOPLE).prop_map(Step::Invite),
        3 => (0..PEOPLE).prop_map(Step::Mention),
        2 => Just(Step::List),
        3 => (0..PEOPLE).prop_map(Step::Erase),
        1 => Just(Step::Restart),
    ]
}

/// A story whose records go through keys.
struct Kept {
    story: Story,
    log: Sealing<MemoryLog>,
    ring: Arc<Ring>,
    /// Who was mentioned since they were last erased, and who was ever erased.
    mentioned: [bool; PEOPLE],
    erased: [bool; PEOPLE],
    projects: usize,
}

impl Kept {
    fn new(dir: &std::path::Path) -> Self {
        let ring = Arc::new(Ring::open(dir).unwrap());
        Self {
            story: Story::new("erasures"),
            log: Sealing::over(MemoryLog::new(), Arc::clone(&ring)),
            ring,
            mentioned: [false; PEOPLE],
            erased: [false; PEOPLE],
            projects: 0,
        }
    }

    /// Writes down what is new.
    fn write(&mut self) {
        let known = usize::try_from(self.log.durable()).unwrap();
        let fresh = self.story.records.0.get(known..).unwrap().to_vec();
        if !fresh.is_empty() {
            self.log.append(fresh, Box::new(|done| assert!(done.is_ok()))).unwrap();
        }
    }

    /// Goes on from what is written, as a server that was started anew.
    fn restart(&mut self) {
        self.write();
        let lines: Vec<Line> = self.log.read(1).unwrap().map(Result::unwrap).collect();
        let registry = Arc::clone(self.story.engine.registry());
        let folded = || {
            let mut engine = Engine::new(registry.clone(), State::new(&registry.kinds()), key());
            for line in &lines {
                engine.absorb(line.seq, &line.text).unwrap();
            }
            engine
        };
        self.story.engine = folded();
        let digest = |engine: &Engine| engine.state().digest().unwrap();
        assert_eq!(digest(&folded()), digest(&self.story.engine));
        self.story.records.0 = lines.into_iter().map(|line| line.text).collect();
    }

    fn member(&self, address: &str) -> Option<orkestra::kernel::Row<Member>> {
        let members = self.story.engine.state().table::<Member>()?.rows();
        let mut theirs = members.filter(|row| row.email.as_deref() == Some(address));
        theirs.next().map(|row| orkestra::kernel::Row::clone(row))
    }

    fn take(&mut self, step: Step) {
        self.story.wait(1);
        match step {
            Step::Invite(who) if self.member(&address(who)).is_none() => {
                self.mentioned[who] = true;
                let invites = json!([{"email": address(who)}]);
                self.story.given(
                    "ana",
                    "manage_organization",
                    json!({"op": "invite_members", "invites": invites}),
                );
            }
            Step::Mention(who) => {
                (self.mentioned[who], self.projects) = (true, self.projects + 1);
                let name = format!("Write to\n{}, or <{}>", address(who), address(who).to_uppercase());
                let key = format!("P{}", self.projects);
                self.story.given(
                    "ana",
                    "create_project",
                    json!({"name": key, "key": key, "description": name}),
                );
            }
            Step::Erase(who) => self.erase(who),
            Step::Restart => self.restart(),
            Step::Invite(_) | Step::List => {
                self.story.call("ana", "list_organization_members", json!({})).unwrap();
                self.story.call("ana", "list_projects", json!({})).unwrap();
            }
        }
    }

    fn erase(&mut self, who: usize) {
        let (subject, key) = self.ring.subject(&address(who)).unwrap();
        if let Some(row) = self.member(&address(who)) {
            let planned = self.story.operate(|view| {
                assert_eq!(
                    view.find::<Member>(NAMES, &orkestra::kernel::text::fold(&row.handle))
                        .count(),
                    1
                );
                let mut plan = Plan::new("Erase a person");
                organizations::erase(&mut plan, view, &row).map(|()| plan)
            });
            planned.unwrap();
        }
        let event = Erased::of(subject, key).event().unwrap();
        let now = self.story.now;
        let text = self.story.engine.system(now, None, vec![event]).unwrap();
        self.story.records.0.push(text);
        self.write();
        assert!(self.ring.destroy(subject, key).unwrap());
        assert!(!self.ring.destroy(subject, key).unwrap(), "a second time there is none");
        (self.mentioned[who], self.erased[who]) = (false, true);
        self.restart();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whoever_is_erased_nothing_written_tells_and_all_folds_the_same(steps in prop::collection::vec(step(), 1..14)) {
        let dir = tempfile::tempdir().unwrap();
        let mut kept = Kept::new(dir.path());
        for step in steps {
            kept.take(step);
        }
        kept.restart();
        let written: Vec<Line> = kept.log.read_written(1).unwrap().map(Result::unwrap).collect();
        for line in &written {
            prop_assert!(sealed::addresses(&line.text).is_empty(), "{}", line.text);
        }
        for who in 0..PEOPLE {
            let tells = kept.story.records.0.iter().any(|text| text.contains(&address(who)));
            prop_assert_eq!(tells, kept.mentioned[who], "{}", who);
        }
        let report = decided_again(Arc::clone(kept.story.engine.registry()), &kept.story.records);
        prop_assert_eq!(report.divergences, 0, "{:#?}", report);
        if kept.erased == [false; PEOPLE] {
            prop_assert_eq!(report.erased, 0);
        }
        // The same keys, read again from their files, open the same.
        let looked = Ring::look(dir.path()).unwrap();
        for (line, text) in written.iter().zip(&kept.story.records.0) {
            prop_assert_eq!(&looked.unseal(&line.text).into_owned(), text);
        }
    }
}
