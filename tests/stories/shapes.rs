//! A journal of an older shape: folded with the steps for it, it gives the state that today's shape gives.

use orkestra::kernel::State;
use projections::upcast::{Facts, Shape, Step, Upcasters};
use serde_json::{Value, json};

use crate::story::Story;

/// As if the title of a task had once been its name, and its description, later, its text.
const CHANGED: Upcasters = Upcasters {
    versions: &[(Shape::Entity("task"), 3)],
    steps: &[
        Step {
            of: Shape::Entity("task"),
            from: 1,
            run: |change| Ok(renamed(change, "name", "title")),
        },
        Step {
            of: Shape::Entity("task"),
            from: 2,
            run: |change| Ok(renamed(change, "text", "description")),
        },
    ],
};

fn renamed(mut change: Facts, from: &str, to: &str) -> Facts {
    let fields = change.get_mut("fields").and_then(Value::as_object_mut).unwrap();
    if let Some(field) = fields.remove(from) {
        fields.insert(to.to_owned(), field);
    }
    change
}

/// The same record as a version of the task's shape would have it.
fn aged(text: &str, version: u16) -> String {
    let mut record: Value = serde_json::from_str(text).unwrap();
    for event in record["events"].as_array_mut().unwrap() {
        if event["change"]["entity"] != "task" {
            continue;
        }
        let change = event["change"].as_object_mut().unwrap();
        *change = renamed(std::mem::take(change), "description", "text");
        if version == 1 {
            *change = renamed(std::mem::take(change), "title", "name");
        }
        event["v"] = version.into();
    }
    record.to_string()
}

#[test]
fn a_journal_of_an_older_shape_gives_the_same_state() {
    let mut story = Story::new("Older shapes");
    story.given("ana", "create_project", json!({"name": "Ops", "key": "OPS"}));
    let task = json!({"project": "OPS", "title": "Fix the door", "description": "It squeaks."});
    story.given("ana", "create_task", task);
    let later = json!({"task": "OPS-1", "title": "Fix both doors", "description": "They squeak."});
    story.given("ana", "update_task", later);
    story.given("ana", "move_task", json!({"task": "OPS-1", "to": "To do"}));
    story.given("ana", "delete_task", json!({"task": "OPS-1"}));
    let kinds = story.engine.registry().kinds();
    let mut state = State::new(&kinds);
    let mut old = 0;
    for (seq, text) in (1..).zip(&story.records.0) {
        // The first half of an older version than the second.
        let text = aged(text, if old < 2 { 1 } else { 2 });
        let mut room = String::new();
        let record = CHANGED.read(seq, &text, &mut room).unwrap();
        let as_it_stands = state.clone().apply(seq, &text);
        state.fold(seq, record).unwrap();
        assert_eq!(
            as_it_stands.is_ok(),
            room.is_empty(),
            "without the steps it is not taken: {text}"
        );
        old += usize::from(!room.is_empty());
    }
    assert!(old >= 4, "{old} records held an older shape");
    assert_eq!(state.digest().unwrap(), story.engine.state().digest().unwrap());
    let _ = story.end();
}
