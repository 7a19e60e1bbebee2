//! A journal as work leaves it: the engine makes its records through the tools, and the journal writes them in large batches.
//!
//! Of ten records five are reads, four are two proposals with their confirmations (a new task, a new title), and one is an
//! offer that nobody confirms; the offers come last.

use std::path::Path;

use orkestra::data;
use orkestra::kernel::Caller;
use orkestra::kernel::engine::{NewToken, PENDING_PER_CALLER_MAX};
use orkestra::kernel::identity::ConfirmPolicy;
use projections::{Actor, Digest};
use serde_json::json;

use super::maker::{Maker, title};

/// A project never has more tasks.
const TASKS_PER_PROJECT: u64 = 1000;

/// How many of so many records are offers.
pub fn pending(records: u64) -> u64 {
    records / 10
}

fn project(number: u64) -> String {
    format!("P{}", number / TASKS_PER_PROJECT + 1)
}

/// Another agent with a token of its own.
fn token(maker: &mut Maker, number: u64) -> Caller {
    let new = NewToken {
        name: format!("agent {number}"),
        member: maker.owner.member,
        hash: Digest::of(&number.to_be_bytes()),
        prefix: format!("ork_live_{number:08}"),
        profile: None,
        scopes: vec!["*".to_owned()],
        read_only: false,
        confirm: ConfirmPolicy::ItsProposer,
        elicit: false,
        expires_at: None,
    };
    let org = maker.owner.org.clone();
    let made = maker.engine.create_token(Actor::system(), &org, new, data::now());
    let (id, text) = made.unwrap();
    maker.write([text], 1);
    Caller {
        token: Some(id),
        via: "mcp",
        client: Some("bench 1.0".to_owned()),
        ..maker.owner.clone()
    }
}

/// Makes a journal of about so many records in an empty directory.
pub fn journal(dir: &Path, records: u64) {
    let mut maker = Maker::open(dir);
    let offers = pending(records);
    let callers = offers.div_ceil(u64::from(PENDING_PER_CALLER_MAX));
    let callers: Vec<Caller> = (0..callers).map(|number| token(&mut maker, number)).collect();
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
    eprintln!("{} records made, {offers} of them offers", maker.position());
    maker.end();
}
