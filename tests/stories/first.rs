//! The first story: an organisation exists, and what is unknown is answered helpfully.

use serde_json::json;

use crate::story::{Story, check};

#[test]
fn an_unknown_tool_and_an_unknown_action() {
    let mut story = Story::new("What is not there");
    story.when("ana", "make_coffee", json!({}));
    check("unknown_tool", &story.end());
}
