//! The first story: an organisation exists, and what is unknown is answered helpfully.

use serde_json::json;

use crate::story::{Story, check};

#[test]
fn an_unknown_tool_and_an_unknown_action() {
    let mut story = Story::new("What is not there");
    story.when("ana", "make_coffee", json!({}));
    check("unknown_tool", &story.end());
}

#[test]
fn a_record_or_an_event_of_a_later_version_stops_the_fold() {
    let story = Story::new("The future");
    let kinds = orkestra::modules::registry().kinds();
    let first = story.records.0.first().unwrap().clone();
    let later_record = first.replacen("\"v\":1", "\"v\":2", 1);
    let at = first.find("\"events\"").unwrap();
    let later_event = first[..at].to_owned() + &first[at..].replacen("\"v\":1", "\"v\":2", 1);
    orkestra::kernel::State::new(&kinds).apply(1, &first).unwrap();
    for text in [later_record, later_event] {
        let said = orkestra::kernel::State::new(&kinds)
            .apply(1, &text)
            .unwrap_err()
            .to_string();
        assert!(said.contains("version 2, this program knows up to 1"), "{said}");
    }
}
