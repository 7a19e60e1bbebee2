//! The state as rows of a checkpoint: what the order of hits may not depend on, and what is refused.

use orkestra::kernel::state::Spoilt;
use orkestra::kernel::table::Unlike;
use orkestra::kernel::{Engine, State};
use projections::{Actor, Body};
use serde_json::{Value, json};

use crate::story::restarted::restarted;
use crate::story::{Story, key};

/// Three tasks that say `chimney`; the second one proposed came to be last. Gives the actions of the last two proposed.
fn chimneys(story: &mut Story) -> (Value, Value) {
    story.given("ana", "create_project", json!({"name": "Office", "key": "OFF"}));
    story.given(
        "ana",
        "create_task",
        json!({"project": "OFF", "title": "Chimney oldest"}),
    );
    let mut propose = |title: &str| {
        story.wait(1);
        story
            .call("ana", "create_task", json!({"project": "OFF", "title": title}))
            .unwrap()
    };
    let (early, late) = (propose("Chimney early"), propose("Chimney late"));
    story.confirm("ana", &late);
    story.confirm("ana", &early);
    (early["actionId"].clone(), late["actionId"].clone())
}

/// Every call is also answered by an engine that was restarted from rows, and must be answered the same.
fn search(story: &mut Story, args: Value) -> (Vec<String>, Value) {
    let answer = story.call("ana", "search", args).unwrap();
    let items = answer["items"].as_array().unwrap();
    let titles = items.iter().map(|item| item["title"].as_str().unwrap().to_owned());
    (titles.collect(), answer["page"]["nextCursor"].clone())
}

#[test]
fn hits_come_in_the_order_of_confirming_after_a_restart_too() {
    let mut story = Story::new("Checkpoint: order of hits");
    chimneys(&mut story);
    let (titles, _) = search(&mut story, json!({"q": "chimney"}));
    assert_eq!(titles, ["Chimney early", "Chimney late", "Chimney oldest"]);
    let _ = story.end();
}

#[test]
fn a_page_whose_last_hit_was_taken_back_goes_on_where_it_stopped() {
    let mut story = Story::new("Checkpoint: a hit is taken back between pages");
    let (early, _) = chimneys(&mut story);
    let (titles, cursor) = search(&mut story, json!({"q": "chimney", "limit": 1}));
    assert_eq!(titles, ["Chimney early"]);
    story.given("ana", "undo_action", json!({"actionId": early}));
    // Without `call`: an engine restarted from rows has forgotten where the row stood, and may show a hit again.
    let rest = story
        .alone("ana", "search", json!({"q": "chimney", "cursor": cursor}))
        .unwrap();
    let titles: Vec<&Value> = rest["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["title"])
        .collect();
    assert_eq!(titles, ["Chimney late", "Chimney oldest"]);
    let _ = story.end();
}

#[test]
fn a_task_that_comes_back_is_new_again() {
    let mut story = Story::new("Checkpoint: a hit comes back");
    let (_, late) = chimneys(&mut story);
    let undone = story.call("ana", "undo_action", json!({"actionId": late})).unwrap();
    story.confirm("ana", &undone);
    story.given("ana", "undo_action", json!({"actionId": undone["actionId"]}));
    // Rows of a checkpoint made in between could not tell where it stood, so nobody may remember it.
    let (titles, _) = search(&mut story, json!({"q": "chimney"}));
    assert_eq!(titles, ["Chimney late", "Chimney early", "Chimney oldest"]);
    let _ = story.end();
}

#[test]
fn the_last_use_of_a_token_is_a_row() {
    let story = Story::new("Checkpoint: tokens");
    let actor = Actor {
        token_id: Some("tok_01".to_owned()),
        ..Actor::system()
    };
    let mut state = story.engine.state().clone();
    let text = Body::new(story.now, None, actor, Vec::new()).text().unwrap();
    state.apply(state.position + 1, &text).unwrap();
    let used = Engine::new(story.engine.registry().clone(), state, key());
    let again = restarted(&used);
    assert_eq!(again.state().used.get("tok_01"), Some(&story.now));
    assert_eq!(again.state().digest().unwrap(), used.state().digest().unwrap());
    let _ = story.end();
}

#[test]
fn rows_that_cannot_be_are_refused_and_named() {
    let mut story = Story::new("Checkpoint: spoilt rows");
    chimneys(&mut story);
    let registry = story.engine.registry().clone();
    let task = |title: &str| {
        let mut all = story.engine.state().keep_all().map(Result::unwrap);
        all.find(|kept| kept.kind == "task" && kept.text.contains(title))
            .unwrap()
    };
    let (one, other) = (task("Chimney early"), task("Chimney late"));
    let spoil = |text: &str, member: &str, value: Value| {
        let mut row: Value = serde_json::from_str(text).unwrap();
        row[member] = value;
        row.to_string()
    };
    let mut state = State::new(&registry.kinds());
    state.restore(one.kind, &one.id, &one.text).unwrap();
    let place = serde_json::from_str::<Value>(&one.text).unwrap()["place"].clone();

    let mut refuse = |kind: &str, text: &str| state.restore(kind, &other.id, text).unwrap_err();
    let taken = refuse("task", &spoil(&other.text, "place", place));
    assert!(
        matches!(
            taken,
            Spoilt::Unreadable {
                cause: Unlike::Taken(_),
                ..
            }
        ),
        "{taken}"
    );
    assert!(taken.to_string().contains(&other.id), "{taken}");
    let twice = refuse("task", &spoil(&one.text, "place", json!(40)));
    assert!(
        matches!(
            twice,
            Spoilt::Unreadable {
                cause: Unlike::Taken(40),
                ..
            }
        ),
        "{twice}"
    );
    let huge = refuse("task", &spoil(&other.text, "place", json!(u32::MAX)));
    assert!(
        matches!(
            huge,
            Spoilt::Unreadable {
                cause: Unlike::Place(u32::MAX),
                ..
            }
        ),
        "{huge}"
    );
    for (kind, text) in [("task", "{\"row\": 1}"), ("action", "{}"), ("used", "yesterday")] {
        let no = refuse(kind, text);
        assert!(
            matches!(
                no,
                Spoilt::Unreadable {
                    cause: Unlike::Row(_),
                    ..
                }
            ),
            "{no}"
        );
    }
    let unknown = refuse("spaceship", "{}");
    assert!(matches!(unknown, Spoilt::UnknownKind(kind) if kind == "spaceship"));
    let _ = story.end();
}
