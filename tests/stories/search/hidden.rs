//! What stays hidden from a search.

use serde_json::json;

use super::{found, keys, office};
use crate::story::check;

#[test]
fn nobody_finds_what_he_may_not_see() {
    let mut story = office("Search: sight");
    story.found("rival", "Rival", "eve");
    story.given(
        "ana",
        "create_project",
        json!({"name": "Kitchen secret", "key": "SEC", "visibility": "private"}),
    );
    story.given(
        "ana",
        "create_task",
        json!({"project": "SEC", "title": "Buy the kitchen rival", "description": "zanzibar"}),
    );
    story.given(
        "ana",
        "add_task_comment",
        json!({"task": "SEC-1", "body": "zanzibar, quietly"}),
    );
    story.given(
        "ana",
        "assign_task",
        json!({"task": "SEC-1", "assignees": {"add": ["@ana"]}}),
    );
    let hers = story.when(
        "ana",
        "search",
        json!({"q": "zanzibar", "count": "exact", "fields": ["key", "type"]}),
    );
    assert_eq!(hers["page"]["total"], 2);
    for who in ["ben", "eve"] {
        for mode in ["words", "prefix", "similar"] {
            let none = story
                .call(who, "search", json!({"q": "zanzibar", "count": "exact", "mode": mode}))
                .unwrap();
            assert_eq!(
                (&none["items"], &none["page"]["total"]),
                (&json!([]), &json!(0)),
                "{who} {mode}"
            );
        }
        let none = story.when(who, "find_similar", json!({"text": "Buy the kitchen rival"}));
        assert!(!none.to_string().contains("SEC"), "{none}");
        let no = story.when(who, "find_similar", json!({"entity": "SEC-1"}));
        assert_eq!(no["error"]["code"], "not_found");
    }
    let his = story.when(
        "ben",
        "search",
        json!({"q": "kitchen", "count": "exact", "fields": ["key"]}),
    );
    assert_eq!(
        (keys(&his), &his["page"]["total"]),
        (vec!["OFF-4".into(), "OFF-1".into(), "OFF-2".into()], &json!(3))
    );
    assert!(found(&mut story, "eve", json!({"q": "kitchen"})).is_empty());
    let work = story.when("ben", "get_my_work", json!({"member": "@ana"}));
    assert_eq!(
        (&work["item"]["tasks"], &work["item"]["counts"]["open"]),
        (&json!([]), &json!(0))
    );
    check("search_sight", &story.end());
}

/// More words begin with a letter than are looked at: those of others must neither be told of nor push mine out.
#[test]
fn hidden_words_neither_show_nor_stand_in_the_way() {
    let mut story = office("Search: broad beginnings");
    story.given(
        "ana",
        "create_project",
        json!({"name": "Secret", "key": "SEC", "visibility": "private"}),
    );
    let letters = || 'a'..='z';
    let words: Vec<String> = letters()
        .flat_map(|one| letters().map(move |two| format!("q{one}{two}")))
        .collect();
    assert!(words.len() > 512);
    let many = json!({"project": "SEC", "title": "Words", "description": words.join(" ")});
    story.given("ana", "create_task", many);
    story.given(
        "ana",
        "add_task_comment",
        json!({"task": "SEC-1", "body": words.join(" ")}),
    );
    story.given("ana", "create_task", json!({"project": "OFF", "title": "A qzzz"}));
    for (mode, open) in [("words", "q"), ("prefix", "q a")] {
        let ask = json!({"q": open, "mode": mode, "fields": ["key"], "types": ["task"]});
        let his = story.when("ben", "search", ask.clone());
        assert_eq!((keys(&his), &his["notices"]), (vec!["OFF-5".into()], &json!([])));
        let hers = story.call("ana", "search", ask).unwrap();
        assert!(
            hers["notices"][0].as_str().unwrap().contains("begin with `q`"),
            "{hers}"
        );
    }
    let comments = story
        .call("ana", "search", json!({"q": "q", "types": ["comment"]}))
        .unwrap();
    assert_eq!(comments["notices"].as_array().unwrap().len(), 1, "{comments}");
    check("search_broad", &story.end());
}
