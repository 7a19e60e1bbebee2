//! The company: projects of a thousand tasks each, with people, descriptions and dates.

use std::path::Path;

use orkestra::kernel::identity::{Member, MemberStatus};
use orkestra::kernel::{Plan, View};
use orkestra::modules::organizations::invitation;
use projections::Actor;
use serde_json::{Value, json};

use super::goods::goods;
use super::maker::{Maker, title, word};

/// Tasks for one movement of goods.
pub const TASKS_PER_MOVEMENT: u64 = 4;
/// A project never has more tasks.
pub const TASKS_PER_PROJECT: u64 = 1000;
const PEOPLE: u64 = 40;
/// Words of a description.
const WORDS: u64 = 40;

/// The key of the task with a number, the first of which is 0.
pub fn task(number: u64) -> String {
    format!("P{}-{}", number / TASKS_PER_PROJECT + 1, number % TASKS_PER_PROJECT + 1)
}

/// The handle of somebody who works here.
pub fn person(number: u64) -> String {
    format!("@p{}", number % PEOPLE)
}

fn hire(maker: &mut Maker) {
    let people: Vec<Value> = (0..PEOPLE)
        .map(|number| json!({"email": format!("p{number}@example.com"), "role": "member"}))
        .collect();
    for some in people.chunks(10) {
        maker.done("manage_organization", &json!({"op": "invite_members", "invites": some}));
    }
    let members = maker.engine.state().table::<Member>().unwrap();
    let invited = members.rows().filter(|row| row.status == MemberStatus::Invited);
    let invited: Vec<_> = invited.map(|row| row.id).collect();
    for member in invited {
        let text = {
            let now = orkestra::data::now();
            let view = View::new(
                maker.engine.state(),
                &maker.owner,
                now,
                maker.engine.registry(),
                &maker.past,
                None,
            );
            let mut plan = Plan::new("Join");
            invitation::accept(&mut plan, &view, view.need(member).unwrap()).unwrap();
            drop(view);
            let org = maker.owner.org.clone();
            maker.engine.operate(Actor::system(), org, &plan, now).unwrap()
        };
        maker.write([text], 1);
    }
}

fn description(number: u64) -> String {
    let words = (0..WORDS).map(|at| {
        let mixed = (number * WORDS + at).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        word((mixed >> 30) % 1600)
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Makes the company in an empty directory.
pub fn company(dir: &Path, tasks: u64) {
    let mut maker = Maker::open(dir);
    hire(&mut maker);
    for number in 0..tasks {
        let project = format!("P{}", number / TASKS_PER_PROJECT + 1);
        if number % TASKS_PER_PROJECT == 0 {
            let members: Vec<Value> = (0..PEOPLE).map(|number| json!({"member": person(number)})).collect();
            let args = json!({"key": project, "name": format!("Project {project}"), "members": members});
            maker.done("create_project", &args);
        }
        let day = jiff::civil::date(2027, 1, 1) + jiff::Span::new().days(i64::try_from(number % 365).unwrap());
        let priority = ["urgent", "high", "medium", "low"][usize::try_from(number % 4).unwrap()];
        let args = json!({"project": project, "title": title(number), "description": description(number),
            "assignees": [person(number / 7)], "priority": priority, "dueDate": day});
        maker.done("create_task", &args);
        if number % 10_000 == 9_999 {
            eprintln!("{} of {tasks} tasks made", number + 1);
        }
    }
    goods(&mut maker, tasks / TASKS_PER_MOVEMENT);
    maker.end();
}
