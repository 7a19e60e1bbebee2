//! Old shapes become today's before anybody sees them. The tables are of this test's own: the product has no old shape yet.
#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]

use std::borrow::Cow;

use projections::event::{Moved, event, names};
use projections::upcast::{Facts, Shape, Step, TODAY, Upcasters};
use projections::{Actions, Actor, Body, Record, Stage, Timestamp, Unread};
use serde_json::{Value, json};

const ACTION: &str = "act_01M8638RK31MJFDRQNFHEPTMKA";

/// As if three shapes had changed: the envelope once, `action.proposed` twice, the fields of a task once.
const CHANGED: Upcasters = Upcasters {
    versions: &[
        (Shape::Envelope, 2),
        (Shape::Event(names::PROPOSED), 3),
        (Shape::Entity("task"), 2),
    ],
    // Not in order: a step is found, not counted.
    steps: &[
        Step {
            of: Shape::Event(names::PROPOSED),
            from: 2,
            run: |facts| renamed(facts, "called", "tool"),
        },
        Step {
            of: Shape::Entity("task"),
            from: 1,
            run: |mut change| {
                let fields = change
                    .get_mut("fields")
                    .and_then(Value::as_object_mut)
                    .ok_or("it has no fields")?;
                *fields = renamed(std::mem::take(fields), "name", "title")?;
                Ok(change)
            },
        },
        Step {
            of: Shape::Event(names::PROPOSED),
            from: 1,
            run: |facts| renamed(facts, "name", "called"),
        },
        Step {
            of: Shape::Envelope,
            from: 1,
            run: |record| renamed(record, "who", "actor"),
        },
    ],
};

/// The same without steps.
const WITHOUT: Upcasters = Upcasters { steps: &[], ..CHANGED };

fn renamed(mut facts: Facts, from: &str, to: &str) -> Result<Facts, String> {
    if let Some(value) = facts.remove(from) {
        facts.insert(to.to_owned(), value);
        return Ok(facts);
    }
    // An update of a task need not name it; an offer always names its tool.
    if facts.contains_key("digest") {
        return Err(format!("there is no `{from}`"));
    }
    Ok(facts)
}

/// An offer of a version, with its tool under a name.
fn proposed(v: u16, tool: &str) -> Value {
    let digest = "0".repeat(64);
    json!({"type": names::PROPOSED, "v": v, "data": {
        "action": ACTION, tool: "create_task", "kind": "write", "risk": "low", "policy": "self", "args": {"b": 1, "a": 2},
        "key": digest, "digest": digest, "plan": {}, "now": "2026-11-24T10:00:00Z", "expiresAt": "2026-11-24T10:15:00Z",
        "decider": 1}})
}

/// A new task of a version, with its title under a name.
fn task(v: u16, title: &str) -> Value {
    json!({"type": "task.created", "v": v, "change": {"entity": "task", "id": "tsk_1", "version": 1, "op": "create",
        "fields": {title: {"to": "Fix the door"}}}})
}

/// A record of a version, with its actor under a name.
fn record(v: u16, who: &str, events: Value) -> String {
    json!({"seq": 7, "v": v, "at": "2026-11-24T10:00:00Z", "org": "org_1", who: Actor::system(), "events": events})
        .to_string()
}

fn unread(table: &Upcasters, text: &str) -> Unread {
    table.read(7, text, &mut String::new()).unwrap_err()
}

#[test]
fn steps_are_taken_in_order_and_the_fold_sees_what_they_made() {
    for (v, tool) in [(1, "name"), (2, "called"), (3, "tool")] {
        let confirmed = event(names::CONFIRMED, &Moved::of(ACTION)).unwrap();
        let text = record(1, "who", json!([proposed(v, tool), confirmed]));
        let mut room = String::new();
        let record = CHANGED.read(7, &text, &mut room).unwrap();
        assert_eq!((record.seq, record.v, record.actor.via.as_ref()), (7, 2, "system"));
        assert_eq!(record.events.iter().map(|event| event.v).collect::<Vec<_>>(), [3, 1]);
        let mut actions = Actions::default();
        actions.apply(7, &record).unwrap();
        let action = actions.get(ACTION.parse().unwrap()).unwrap();
        assert_eq!(&*action.tool, "create_task", "from version {v}");
        assert_eq!(action.stage, Stage::Executing);
    }
}

#[test]
fn the_fields_of_a_change_are_renamed_whatever_the_event() {
    for name in ["task.created", "task.restored", "label.merged"] {
        let mut old = task(1, "name");
        old["type"] = name.into();
        let text = record(2, "actor", json!([old, task(2, "title")]));
        let mut room = String::new();
        let record = CHANGED.read(7, &text, &mut room).unwrap();
        for entry in &record.events {
            let change = entry.change.as_ref().unwrap();
            let names: Vec<&str> = change.fields.keys().map(AsRef::as_ref).collect();
            assert_eq!((entry.v, names), (2, vec!["title"]));
            let title = change.fields.get("title").and_then(|field| field.to).unwrap();
            assert_eq!(title.get(), "\"Fix the door\"");
        }
    }
}

#[test]
fn what_has_todays_shape_is_borrowed_as_it_stands() {
    let text = record(2, "actor", json!([proposed(3, "tool"), task(2, "title")]));
    let mut room = String::new();
    let record = CHANGED.read(7, &text, &mut room).unwrap();
    let within = text.as_bytes().as_ptr_range();
    for entry in &record.events {
        let data = entry.data.map(|data| data.get().as_ptr());
        let change = entry.change.as_ref().map(|change| change.entity.as_ptr());
        assert!(matches!(entry.name, Cow::Borrowed(_)) && within.contains(&entry.name.as_ptr()));
        assert!(within.contains(&data.or(change).unwrap()));
    }
    drop(record);
    assert_eq!(room.capacity(), 0, "no room was needed");
}

#[test]
fn a_later_version_is_refused_whatever_else_it_holds() {
    let newer = [
        (
            json!({"v": 3, "unknown": "shape"}).to_string(),
            "the envelope has version 3, this program knows up to 2",
        ),
        (
            json!({"v": 70_000}).to_string(),
            "the envelope has version 65535, this program knows up to 2",
        ),
        (
            record(2, "actor", json!([{"type": names::PROPOSED, "v": 4, "data": []}])),
            "event `action.proposed` has version 4, this program knows up to 3",
        ),
        (
            record(1, "who", json!([task(3, "title")])),
            "a change of `task` has version 3, this program knows up to 2",
        ),
        (
            record(2, "actor", json!([{"type": "never.heard_of", "v": 2}])),
            "event `never.heard_of` has version 2, this program knows up to 1",
        ),
    ];
    for (text, said) in newer {
        let no = unread(&CHANGED, &text);
        assert!(matches!(no, Unread::Future { seq: 7, .. }), "{no}");
        assert_eq!(no.to_string(), format!("record 7: {said}: use the newer program"));
    }
}

#[test]
fn a_missing_step_is_named() {
    let texts = [
        (record(1, "who", json!([])), "the envelope has version 1"),
        (
            record(2, "actor", json!([proposed(2, "called")])),
            "event `action.proposed` has version 2",
        ),
        (
            record(2, "actor", json!([task(1, "name")])),
            "a change of `task` has version 1",
        ),
        (
            record(2, "actor", json!([task(0, "name")])),
            "a change of `task` has version 0",
        ),
    ];
    for (text, said) in texts {
        let no = unread(&WITHOUT, &text);
        assert!(matches!(no, Unread::NoStep { seq: 7, .. }), "{no}");
        assert!(
            no.to_string()
                .starts_with(&format!("record 7: {said}, and this program has no step")),
            "{no}"
        );
        assert!(
            no.to_string().contains("go back to the program that ran before"),
            "{no}"
        );
    }
}

#[test]
fn a_step_that_fails_says_where_and_why() {
    let no = unread(&CHANGED, &record(2, "actor", json!([proposed(2, "name")])));
    assert!(matches!(no, Unread::Failed { seq: 7, from: 2, .. }), "{no}");
    let said = "record 7: event `action.proposed` cannot be brought from version 2 to 3: there is no `called`: go back";
    assert!(no.to_string().starts_with(said), "{no}");
}

#[test]
fn what_is_no_record_is_refused_with_its_position() {
    let half = record(2, "actor", json!([]));
    for text in [
        "",
        "[]",
        "{}",
        r#"{"v":2}"#,
        r#"{"v":1,"events":7}"#,
        half.split_at(20).0,
    ] {
        let no = unread(&CHANGED, text);
        assert!(matches!(no, Unread::Text { seq: 7, .. }), "{text}: {no}");
    }
    let twice = half.clone() + &half;
    assert!(matches!(unread(&CHANGED, &twice), Unread::Text { .. }));
}

#[test]
fn every_old_version_of_the_product_has_its_step() {
    for (at, (shape, version)) in TODAY.versions.iter().enumerate() {
        assert!(*version > 1, "{shape} never changed and need not be listed");
        assert!(
            TODAY.versions.iter().skip(at + 1).all(|(other, _)| other != shape),
            "{shape} is listed twice"
        );
        for from in 1..*version {
            let steps = TODAY.steps.iter().filter(|step| step.of == *shape && step.from == from);
            assert_eq!(steps.count(), 1, "{shape} from version {from}");
        }
    }
    for step in TODAY.steps {
        assert!(
            TODAY.version(step.of) > step.from,
            "{} from version {} leads nowhere",
            step.of,
            step.from
        );
    }
}

#[test]
fn what_is_written_today_is_read_as_it_stands() {
    let moved = event(names::CONFIRMED, &Moved::of(ACTION)).unwrap();
    let body = Body::new(Timestamp::UNIX_EPOCH, None, Actor::system(), vec![moved]);
    let (text, mut room) = (body.text().unwrap(), String::new());
    let record = Record::parse(7, &text, &mut room).unwrap();
    assert_eq!(record.v, TODAY.version(Shape::Envelope));
    drop(record);
    assert!(room.is_empty());
}
