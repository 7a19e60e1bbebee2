//! A server in one process on a simulated disk, with a clock that a test sets and a plug that it pulls.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use journal::disk::SimulatedDisk;
use journal::{Journal, Log as _, Options};
use orkestra::kernel::Caller;
use orkestra::kernel::identity::{Member, MemberKind};
use orkestra::processor::{self, Handle};
use projections::ActorKind;
use serde_json::{Value, json};

use crate::full::{object, opening, owner};
use crate::story::Records;

/// A server of which a test sets the hour and which it kills.
pub struct House {
    pub disk: SimulatedDisk,
    pub hour: Arc<AtomicI64>,
    pub journal: Journal,
    pub handle: Handle,
}

fn opened(disk: &SimulatedDisk, hour: &Arc<AtomicI64>) -> (Journal, Handle) {
    let (journal, _) = Journal::open_on(Arc::new(disk.clone()), Options::default(), "example.org/log").unwrap();
    let mut opening = opening(Arc::new(journal.clone()));
    let clock = Arc::clone(hour);
    opening.clock = Arc::new(move || Timestamp::from_second(clock.load(Ordering::Acquire)).unwrap());
    let handle = processor::open(opening).unwrap();
    (journal, handle)
}

impl House {
    pub fn open(at: &str) -> Self {
        let (disk, at): (_, Timestamp) = (SimulatedDisk::new(), at.parse().unwrap());
        let hour = Arc::new(AtomicI64::new(at.as_second()));
        let (journal, handle) = opened(&disk, &hour);
        Self {
            disk,
            hour,
            journal,
            handle,
        }
    }

    /// It becomes this hour; whatever is due by then happens.
    pub async fn at(&self, hour: &str) {
        let hour: Timestamp = hour.parse().unwrap();
        assert!(
            self.hour.load(Ordering::Acquire) <= hour.as_second(),
            "a week goes forward"
        );
        self.hour.store(hour.as_second(), Ordering::Release);
        let ana = owner(&self.handle);
        self.handle.call(ana, "get_me", object(&json!({}))).await.unwrap();
    }

    /// Nothing is said any more; what was acknowledged is on the disk, of the rest any part. Another server opens it.
    pub fn killed(self) -> Self {
        let disk = self.disk.after_kill();
        drop((self.handle, self.journal));
        let (journal, handle) = opened(&disk, &self.hour);
        Self {
            disk,
            hour: self.hour,
            journal,
            handle,
        }
    }

    pub fn caller(&self, handle: &str) -> Caller {
        let snapshot = self.handle.snapshot();
        let mut rows = snapshot.table::<Member>().unwrap().rows();
        let row = rows.find(|row| row.handle == handle).unwrap();
        let mut caller = orkestra::demo::author(row.org.clone(), row.id);
        if row.kind != MemberKind::Human {
            caller.kind = ActorKind::Agent;
            caller.sponsor = row.sponsor;
        }
        caller
    }

    pub async fn ask(&self, who: &str, tool: &str, args: Value) -> Value {
        let said = self.handle.call(self.caller(who), tool, object(&args)).await;
        said.unwrap_or_else(|no| panic!("{who} {tool} {args}: {no:?}"))
    }

    pub async fn refused(&self, who: &str, tool: &str, args: Value) -> String {
        let said = self.handle.call(self.caller(who), tool, object(&args)).await;
        said.expect_err("it must be refused").code.to_string()
    }

    pub async fn does(&self, who: &str, tool: &str, args: Value) -> Value {
        let pending = self.ask(who, tool, args.clone()).await;
        assert_eq!(pending["status"], "pending", "{who} {tool} {args}: {pending}");
        let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
        let receipt = self.ask(who, "confirm_action", confirm).await;
        assert_eq!(receipt["status"], "succeeded", "{who} {tool} {args}: {receipt}");
        receipt
    }

    /// Waits until something that nobody calls for has come.
    pub async fn until(&self, what: &str, tool: &str, args: Value, holds: impl Fn(&Value) -> bool) {
        for _ in 0..2_000 {
            if holds(&self.ask("ana", tool, args.clone()).await) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("it did not come about: {what}");
    }

    pub fn records(&self) -> Records {
        let lines = self.journal.read(1).unwrap();
        Records(lines.map(|line| line.unwrap().text).collect())
    }
}
