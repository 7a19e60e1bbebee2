//! What expressions may say, what they are refused for, and where the mistake stands.

use serde_json::{Map, Value, json};

use super::{Type, Variables, parse};

fn variables() -> Variables {
    let task = Variables::default()
        .with("title", Type::Text)
        .with("estimate", Type::Number)
        .with("labels", Type::List)
        .with("dueDate", Type::Text);
    Variables::default()
        .with("task", Type::Thing(task))
        .with("day", Type::Text)
}

fn facts() -> Map<String, Value> {
    let facts = json!({"task": {"title": "Fix the door", "estimate": 8, "labels": ["bug", "safe"], "dueDate": null}, "day": "mon"});
    facts.as_object().cloned().unwrap()
}

#[test]
fn what_holds_holds() {
    for (source, holds) in [
        (r#"task.title.startsWith("Fix") && task.estimate <= 8"#, true),
        (r#""bug" in task.labels"#, true),
        (r#"task.labels.exists(label, label == "red")"#, false),
        ("task.labels.all(label, size(label) >= 3)", true),
        ("task.dueDate == null", true),
        ("task.estimate * 2.0 > 15.0 || false", true),
        ("!(task.estimate > 8.5)", true),
        (r#"day in ["mon", "tue"] ? task.estimate > 1 : false"#, true),
    ] {
        let read = parse(source, &variables()).unwrap_or_else(|wrong| panic!("{source}: {wrong}"));
        assert_eq!(read.holds(&facts()), Ok(holds), "{source}");
    }
}

#[test]
fn what_is_not_there_is_neither_yes_nor_no() {
    let read = parse(r#"task.dueDate < "2026-03-31""#, &variables()).unwrap();
    assert!(read.holds(&facts()).is_err());
}

#[test]
fn a_mistake_has_a_position_and_the_nearest_name() {
    for (source, position, nearest) in [
        ("tsk.title == 'x'", 1, Some("task")),
        ("task.estimate > 3 && task.titel == 'x'", 26, Some("title")),
        ("task.title > 3", 12, None),
        ("task.title", 1, None),
        ("task.labels.map(l, l) == []", 16, None),
        ("task.title.matches('a+')", 19, None),
        ("now() > day", 4, None),
        ("task.estimate >", 16, None),
        ("", 1, None),
        ("task.estimate && true", 15, None),
        ("task.labels.exists(a, task.labels.exists(b, a == b))", 41, None),
    ] {
        let wrong = parse(source, &variables()).expect_err(source);
        assert_eq!(
            (wrong.position, wrong.nearest.as_deref()),
            (position, nearest),
            "{source}: {wrong}"
        );
    }
}

#[test]
fn what_would_cost_too_much_is_refused_before_it_runs() {
    let many = vec!["task.estimate > 1"; 60].join(" && ");
    let deep = format!("{}task.estimate > 1{}", "(".repeat(100), ")".repeat(100));
    let signs = format!("{}true", "!".repeat(500));
    let long = format!("task.title == '{}'", "x".repeat(2_000));
    for source in [many, deep, signs, long] {
        assert!(parse(&source, &variables()).is_err(), "{}", &source[..40]);
    }
}

#[test]
fn strange_texts_are_refused_and_nothing_else() {
    for source in [
        "'",
        "\"\\",
        "\u{0}",
        "(((",
        "a.b.?c",
        "{'a': 1}",
        "🚪",
        "1 == 1u == ",
        "[1,",
        "task.`title`",
        "b'\\xff'",
        "--1 > 0",
    ] {
        let _ = parse(source, &variables()).map(|read| read.holds(&facts()));
    }
}
