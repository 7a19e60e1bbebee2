//! The journal in other programs' forms.

use orkestra::audit::export::{Exporter, Format};
use serde_json::{Value, json};

use super::ground;
use crate::story::{Story, check};

fn exported(story: &Story, format: Format) -> String {
    let mut exporter = Exporter::new(format, "jrn_test");
    let mut out = exporter.head();
    for (seq, text) in (1..).zip(&story.records.0) {
        exporter.add(seq, text, &mut out).unwrap();
    }
    out
}

/// Work with a title that a spreadsheet would calculate, a read, a refusal, and something removed for good.
fn worked() -> Story {
    let mut story = ground("Exports");
    story.uses("bot", "=1+1");
    story.uses("ben", "x;=1\t=2");
    story.given("bot", "update_task", json!({"task": "OPS-1", "title": "=1+1"}));
    story.call("ben", "get_task", json!({"task": "OPS-1"})).unwrap();
    story.call("ben", "get_task", json!({"task": "OPS-9"})).unwrap_err();
    story.given("ana", "create_label", json!({"name": "bug"}));
    story.given("ana", "delete_label", json!({"label": "bug"}));
    story
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn records_are_exported_as_they_stand() {
    let story = worked();
    assert_eq!(exported(&story, Format::Records), story.records.0.join("\n") + "\n");
    let _ = story.end();
}

/// CloudEvents 1.0.2: required attributes (section 3.1) and the rules for names and values (section 3).
#[test]
fn cloudevents_are_what_the_specification_asks_for() {
    let story = worked();
    let events = lines(&exported(&story, Format::Cloudevents));
    let records: usize = lines(&exported(&story, Format::Records))
        .iter()
        .map(|record| record["events"].as_array().unwrap().len())
        .sum();
    assert_eq!(events.len(), records, "one for each event");
    let mut seen = std::collections::BTreeSet::new();
    let mut before = String::new();
    for event in &events {
        assert_eq!(event["specversion"], "1.0");
        for (name, value) in event.as_object().unwrap().iter().filter(|(name, _)| *name != "data") {
            let plain = name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
            assert!(plain && name.len() <= 20, "{name}");
            assert!(value.as_str().is_some_and(|text| !text.is_empty()), "{name}: {value}");
        }
        for required in ["id", "source", "type"] {
            assert!(event[required].is_string(), "{required}: {event}");
        }
        let id = (event["source"].to_string(), event["id"].to_string());
        assert!(seen.insert(id), "source and id tell it from all others");
        event["time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        let sequence = event["sequence"].as_str().unwrap().to_owned();
        assert!(sequence > before, "the order of the text is the order of events");
        before = sequence;
    }
    let one = |kind: &str| {
        let found = events
            .iter()
            .rfind(|event| event["type"] == format!("dev.orkestra.{kind}.v1"));
        serde_json::to_string_pretty(found.unwrap()).unwrap()
    };
    let shown = ["task.updated", "action.confirmed", "call.rejected"]
        .map(one)
        .join("\n");
    let mut story = story;
    let shown = story.named(&shown);
    check("audit_cloudevents", &shown);
    let _ = story.end();
}

/// OCSF 1.9: what API Activity and the base event require, and a fingerprint that is the record's leaf.
#[test]
fn ocsf_has_what_the_class_requires_and_the_leaf_of_each_record() {
    let mut story = worked();
    let events = lines(&exported(&story, Format::Ocsf));
    assert_eq!(events.len(), story.records.0.len(), "one for each record");
    for (event, text) in events.iter().zip(&story.records.0) {
        for required in [
            "activity_id",
            "category_uid",
            "class_uid",
            "severity_id",
            "time",
            "type_uid",
        ] {
            assert!(event[required].is_u64(), "{required}: {event}");
        }
        assert_eq!((&event["category_uid"], &event["class_uid"]), (&json!(6), &json!(6003)));
        assert_eq!(
            event["type_uid"].as_u64(),
            event["activity_id"].as_u64().map(|id| 600_300 + id)
        );
        for required in [
            "/api/operation",
            "/metadata/version",
            "/metadata/product/vendor_name",
            "/actor/user/uid",
        ] {
            assert!(
                event.pointer(required).is_some_and(Value::is_string),
                "{required}: {event}"
            );
        }
        assert!(event["src_endpoint"].is_object(), "{event}");
        assert_eq!(event["raw_data"], *text);
        let leaf = projections::Digest::of([&[0], text.as_bytes()].concat().as_slice());
        let attested = &event["attestation_list"][0];
        assert_eq!(
            event["unmapped"]["record"],
            json!({"journal": "jrn_test", "leaf": leaf.to_string()})
        );
        // Object `attestation` of the schema: over the event in canonical form without the fingerprint.
        let mut bare = event.clone();
        let fingerprint = bare["attestation_list"][0]
            .as_object_mut()
            .unwrap()
            .remove("fingerprint")
            .unwrap();
        let canonical = serde_json_canonicalizer::to_string(&bare).unwrap();
        let hash = projections::Digest::of(canonical.as_bytes()).to_string();
        assert_eq!(
            fingerprint,
            json!({
                "algorithm_id": 3, "algorithm": "SHA-256", "serialization_id": 2, "serialization": "JCS",
                "encoding_id": 1, "encoding": "Hex", "value": hash,
            })
        );
        bare["raw_data"] = "".into();
        assert!(
            !bare.to_string().contains("null"),
            "what is not there is left out: {bare}"
        );
        assert_eq!(attested["chain_uid"], "jrn_test");
    }
    let found = |name: &str| {
        events
            .iter()
            .rfind(|event| event["message"].as_str().unwrap().contains(name))
    };
    for (name, activity, status) in [
        ("call.answered", 2, 1),
        ("call.rejected", 99, 2),
        ("label.created", 1, 1),
        ("task.updated", 3, 1),
        ("label.deleted", 4, 1),
        ("action.proposed", 99, 1),
    ] {
        let event = found(name).unwrap();
        assert_eq!(event["activity_id"], activity, "{name}");
        assert_eq!(event["status_id"], status, "{name}");
    }
    assert_eq!(found("task.updated").unwrap()["api"]["operation"], "update_task");
    let mut shown = found("task.updated").unwrap().clone();
    shown["raw_data"] = "…".into();
    let shown = story.named(&serde_json::to_string_pretty(&shown).unwrap());
    check("audit_ocsf", &shown);
    let _ = story.end();
}

/// RFC 4180, read back with a reader of our own: every row has as many cells as the first, and none calculates.
#[test]
fn a_table_is_whole_and_calculates_nothing() {
    let mut story = worked();
    let text = exported(&story, Format::Csv);
    assert!(!text.contains([';', '\t']), "some take these for the end of a cell");
    let rows = rows(&text);
    let width = rows[0].len();
    assert!(rows.len() > story.records.0.len(), "one for each event");
    for row in &rows {
        assert_eq!(row.len(), width, "{row:?}");
        for cell in row {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{cell}");
        }
    }
    let at = |name: &str| rows[0].iter().position(|column| column == name).unwrap();
    let updated = rows.iter().find(|row| row[at("event")] == "task.updated").unwrap();
    assert_eq!(updated[at("client")], "'=1+1");
    let clients: Vec<&String> = rows.iter().map(|row| &row[at("client")]).collect();
    assert!(clients.iter().any(|client| *client == "x\u{ff1b}=1 =2"), "{clients:?}");
    assert_eq!(updated[at("tool")], "update_task");
    assert!(
        updated[at("facts")].contains("\"=1+1\""),
        "inside the facts it is no formula"
    );
    let shown: Vec<String> = [rows[0].join(" | "), updated.join(" | ")].into();
    let shown = story.named(&shown.join("\n"));
    check("audit_csv", &shown);
    let _ = story.end();
}

/// A write that has nothing to do answers at once, as a read does.
#[test]
fn a_write_without_a_change_is_no_reading() {
    let mut story = ground("A write without a change");
    let same = json!({"task": "OPS-1", "title": "Fix the door"});
    let said = story.call("ben", "update_task", same).unwrap();
    assert_eq!(said["status"], "noop", "{said}");
    let events = lines(&exported(&story, Format::Ocsf));
    let last = events.last().unwrap();
    assert_eq!(
        (&last["message"], &last["activity_id"]),
        (&"call.answered".into(), &99.into())
    );
    let _ = story.end();
}

fn rows(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => cell.extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            letter => cell.push(letter),
        }
    }
    assert!(row.is_empty() && cell.is_empty() && !quoted, "the last row ends");
    rows
}
