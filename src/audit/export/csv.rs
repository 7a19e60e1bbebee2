//! A table for spreadsheets (RFC 4180), one event a line. A value that a spreadsheet would take for a formula gets an
//! apostrophe in front, and none has a character that some of them take for the end of a cell.

use super::{Facts, Source};

const COLUMNS: [&str; 18] = [
    "seq",
    "event_no",
    "at",
    "organization",
    "event",
    "actor_kind",
    "actor",
    "on_behalf_of",
    "token",
    "client",
    "via",
    "tool",
    "action",
    "entity",
    "entity_id",
    "version",
    "facts",
    "record_hash",
];

pub(super) fn head() -> String {
    row(COLUMNS.map(ToOwned::to_owned))
}

pub(super) fn add(source: &Source<'_, '_>, out: &mut String) -> Result<(), serde_json::Error> {
    let (record, mut rows) = (source.record, String::new());
    let actor = &record.actor;
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    for (at, entry) in record.events.iter().enumerate() {
        let change = entry.change.as_ref();
        let facts = match (entry.data, change) {
            (Some(data), _) => data.get().to_owned(),
            (None, Some(change)) => serde_json::to_string(&change.to_owned().fields)?,
            (None, None) => String::new(),
        };
        let action = Facts::of(entry).action;
        // In JSON they only stand in strings.
        let facts = facts.replace(';', "\\u003b").replace('\t', "\\u0009");
        rows.push_str(&row([
            source.seq.to_string(),
            at.to_string(),
            record.at.to_string(),
            text(record.org.as_deref()),
            entry.name.to_string(),
            serde_json::to_string(&actor.kind)?.trim_matches('"').to_owned(),
            text(actor.principal_id.as_deref()),
            text(actor.on_behalf_of.as_deref()),
            text(actor.token_id.as_deref()),
            text(actor.client.as_deref()),
            actor.via.to_string(),
            text(source.tool),
            text(action.as_deref().or(source.action)),
            text(change.map(|change| change.entity.as_ref())),
            text(change.map(|change| change.id.as_ref())),
            change.map(|change| change.version.to_string()).unwrap_or_default(),
            facts,
            source.leaf.to_string(),
        ]));
    }
    out.push_str(&rows);
    Ok(())
}

fn row(values: [String; COLUMNS.len()]) -> String {
    values.map(|value| cell(&value)).join(",") + "\r\n"
}

/// What a cell begins with where a spreadsheet calculates instead of showing it.
const FORMULA: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\n'];

/// Quoted, whatever is in it. Where a spreadsheet takes semicolons or tabs for the ends of cells, what follows one would
/// begin a cell of its own.
fn cell(value: &str) -> String {
    let sign = if value.starts_with(FORMULA) { "'" } else { "" };
    let whole = value.replace(';', "\u{ff1b}").replace('\t', " ").replace('"', "\"\"");
    format!("\"{sign}{whole}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_begins_like_a_formula() {
        for (value, shown) in [
            ("=1+1", "\"'=1+1\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@ana", "\"'@ana\""),
            ("\tx", "\"' x\""),
            ("\rx", "\"'\rx\""),
            ("\n=1", "\"'\n=1\""),
            ("a=b", "\"a=b\""),
            ("x;=1", "\"x\u{ff1b}=1\""),
            ("x\t=1", "\"x =1\""),
            ("=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""),
            ("a, b", "\"a, b\""),
            ("", "\"\""),
        ] {
            assert_eq!(cell(value), shown);
        }
    }
}
