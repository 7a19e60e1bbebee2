//! Searching: what is found, and in which order.

mod hidden;

use serde_json::{Value, json};

use crate::story::{Story, check};

fn keys(answer: &Value) -> Vec<String> {
    let items = answer["items"].as_array().unwrap_or_else(|| panic!("{answer}"));
    items
        .iter()
        .map(|item| item["key"].as_str().unwrap_or("-").to_owned())
        .collect()
}

fn found(story: &mut Story, who: &str, args: Value) -> Vec<String> {
    keys(&story.call(who, "search", args).unwrap())
}

fn office(title: &str) -> Story {
    let mut story = Story::new(title);
    story.human("ben", "member");
    story.given("ana", "create_project", json!({"name": "Office", "key": "OFF"}));
    for (title, description) in [
        ("Fix the kitchen door", "It squeaks since the move."),
        (
            "Paint the walls",
            "Begin beside the kitchen, then do the door frames in white.",
        ),
        ("Order Ánforas for the garden", "Twelve of them."),
        ("Kitchen: new lamp", "The old lamp is broken."),
    ] {
        story.wait(1);
        story.given(
            "ana",
            "create_task",
            json!({"project": "OFF", "title": title, "description": description}),
        );
    }
    story
}

#[test]
fn words_are_found_best_first() {
    let mut story = office("Search: words, order, snippets");
    let answer = story.when("ben", "search", json!({"q": "kitchen"}));
    assert_eq!(keys(&answer), ["OFF-4", "OFF-1", "OFF-2"]);
    assert!(
        answer["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|item| item["untrusted"] == true && item["author"] == "@ana")
    );
    assert_eq!(
        found(&mut story, "ben", json!({"q": "kitchen door"})),
        ["OFF-1", "OFF-2"]
    );
    assert_eq!(found(&mut story, "ben", json!({"q": "door kitch"})), ["OFF-1", "OFF-2"]);
    assert_eq!(
        found(&mut story, "ben", json!({"q": "kitch door"})),
        Vec::<String>::new()
    );
    assert_eq!(
        found(&mut story, "ben", json!({"q": "kitch doo", "mode": "prefix"})),
        ["OFF-1", "OFF-2"]
    );
    assert_eq!(found(&mut story, "ben", json!({"q": "ANFORAS"})), ["OFF-3"]);
    assert_eq!(found(&mut story, "ben", json!({"q": "off-2"})), ["OFF-2"]);
    story.when("ben", "search", json!({"q": "fixing kitchen doors", "mode": "similar"}));
    let people = story
        .call("ben", "search", json!({"q": "ana", "types": ["member"]}))
        .unwrap();
    assert_eq!(keys(&people), ["@ana"]);
    check("search_words", &story.end());
}

#[test]
fn pages_go_on_where_they_stopped() {
    let mut story = office("Search: pages");
    let first = story.when(
        "ana",
        "search",
        json!({"q": "kitchen", "limit": 2, "fields": ["key"], "count": "exact"}),
    );
    assert_eq!(
        (&first["page"]["hasMore"], &first["page"]["total"]),
        (&json!(true), &json!(3))
    );
    story.given("ana", "create_task", json!({"project": "OFF", "title": "Kitchen sink"}));
    let cursor = first["page"]["nextCursor"].clone();
    let rest = story.when(
        "ana",
        "search",
        json!({"q": "kitchen", "limit": 2, "fields": ["key"], "cursor": cursor}),
    );
    assert_eq!(
        (keys(&first), keys(&rest)),
        (vec!["OFF-4".into(), "OFF-1".into()], vec!["OFF-2".to_owned()])
    );
    assert_eq!(
        (&rest["page"]["hasMore"], &rest["page"]["nextCursor"]),
        (&json!(false), &Value::Null)
    );
    let sorted = found(&mut story, "ana", json!({"q": "kitchen", "sort": "key"}));
    assert_eq!(sorted, ["OFF-1", "OFF-2", "OFF-4", "OFF-5"]);
    check("search_pages", &story.end());
}

#[test]
fn filters_and_what_follows_changes() {
    let mut story = office("Search: filters, changes, deletion");
    story.given("ana", "create_project", json!({"name": "Kitchen studio", "key": "KIT"}));
    story.given(
        "ana",
        "add_task_comment",
        json!({"task": "OFF-3", "body": "please carry it past the kitchen, @ben"}),
    );
    let all = story.when("ben", "search", json!({"q": "kitchen", "fields": ["key", "type"]}));
    assert_eq!(keys(&all), ["KIT", "OFF-4", "OFF-1", "OFF-2", "-"]);
    let in_project = found(
        &mut story,
        "ben",
        json!({"q": "kitchen", "project": "OFF", "types": ["task"]}),
    );
    assert_eq!(in_project, ["OFF-4", "OFF-1", "OFF-2"]);
    assert!(found(&mut story, "ben", json!({"q": "kitchen", "author": "@ben"})).is_empty());
    assert!(
        found(
            &mut story,
            "ben",
            json!({"q": "kitchen", "since": "2026-04-01T00:00:00Z"})
        )
        .is_empty()
    );
    assert_eq!(
        found(
            &mut story,
            "ben",
            json!({"q": "kitchen", "until": "2026-03-02T09:01:30Z"})
        ),
        ["OFF-1"]
    );
    story.given(
        "ana",
        "update_task",
        json!({"task": "OFF-1", "title": "Fix the bathroom door"}),
    );
    assert_eq!(found(&mut story, "ben", json!({"q": "bathroom"})), ["OFF-1"]);
    assert_eq!(
        found(&mut story, "ben", json!({"q": "kitchen", "types": ["task"]})),
        ["OFF-4", "OFF-2"]
    );
    story.given("ana", "delete_task", json!({"task": "OFF-4"}));
    assert_eq!(
        found(&mut story, "ben", json!({"q": "kitchen", "types": ["task"]})),
        ["OFF-2"]
    );
    check("search_filters", &story.end());
}

#[test]
fn wrong_questions_are_refused() {
    let mut story = office("Search: refusals");
    for (tool, args, code) in [
        ("search", json!({"q": "lamp", "types": ["page"]}), "not_available_yet"),
        ("search", json!({"q": "?!"}), "validation_failed"),
        ("search", json!({"q": "lamp", "project": "NOPE"}), "not_found"),
        ("search", json!({"q": "lamp", "cursor": "xyz"}), "validation_failed"),
        (
            "search",
            json!({"q": "lamp", "since": "2026-03-02T00:00:00Z", "until": "2026-03-01T00:00:00Z"}),
            "validation_failed",
        ),
        ("find_similar", json!({}), "validation_failed"),
        (
            "find_similar",
            json!({"text": "lamp", "types": ["risk"]}),
            "not_available_yet",
        ),
        ("get_my_work", json!({"member": "@nobody"}), "not_found"),
        ("get_my_work", json!({"horizonDays": 61}), "validation_failed"),
    ] {
        assert_eq!(story.when("ben", tool, args)["error"]["code"], code);
    }
    check("search_refusals", &story.end());
}

#[test]
fn duplicates_are_named_before_they_are_made() {
    let mut story = office("Search: duplicates");
    let near = story.when("ben", "find_similar", json!({"text": "Fixing the kitchen doors"}));
    assert_eq!(near["items"][0]["key"], "OFF-1");
    assert_eq!(near["items"][0]["sharedWords"], json!(["doors", "kitchen"]));
    let other = story.call("ben", "find_similar", json!({"entity": "OFF-1"})).unwrap();
    assert!(
        !keys(&other).contains(&"OFF-1".to_owned()),
        "a thing is no duplicate of itself"
    );
    let none = story
        .call("ben", "find_similar", json!({"text": "Quarterly revenue report"}))
        .unwrap();
    assert_eq!(none["items"], json!([]));
    check("search_duplicates", &story.end());
}

#[test]
fn my_work_comes_by_urgency() {
    let mut story = office("Search: my work");
    story.given(
        "ana",
        "update_project_members",
        json!({"project": "OFF", "add": [{"member": "@ben"}]}),
    );
    for (task, due, priority) in [
        ("OFF-1", json!("2026-03-05"), "low"),
        ("OFF-2", json!("2026-02-27"), "low"),
        ("OFF-3", Value::Null, "urgent"),
        ("OFF-4", json!("2026-05-01"), "urgent"),
    ] {
        let mut change = json!({"task": task, "priority": priority});
        if !due.is_null() {
            change["dueDate"] = due;
        }
        if priority != "medium" {
            story.given("ana", "update_task", change);
        }
        story.given(
            "ana",
            "assign_task",
            json!({"task": task, "assignees": {"add": ["@ben"]}}),
        );
    }
    story.given(
        "ana",
        "add_task_comment",
        json!({"task": "OFF-3", "body": "how many, @ben?"}),
    );
    let work = story.when("ben", "get_my_work", json!({}));
    let order: Vec<_> = work["item"]["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| task["key"].clone())
        .collect();
    assert_eq!(order, ["OFF-2", "OFF-1", "OFF-4", "OFF-3"]);
    assert_eq!(work["item"]["counts"]["soon"], 1);
    assert_eq!(work["item"]["mentions"][0]["about"]["key"], "OFF-3");
    let narrow = story.when("ben", "get_my_work", json!({"horizonDays": 0, "fields": ["counts"]}));
    assert_eq!(
        (&narrow["item"]["counts"]["soon"], &narrow["item"]["counts"]["later"]),
        (&json!(0), &json!(2))
    );
    check("search_my_work", &story.end());
}
