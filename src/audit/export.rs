//! The journal in the forms that other programs read. One record after the other, with nothing looked up: the same records
//! give the same bytes.

mod cloudevents;
mod csv;
mod ocsf;

use std::collections::{BTreeMap, BTreeSet};

use projections::event::names;
use projections::record::Entry;
use projections::{Digest, Record, Unread};
use serde::Deserialize;
use thiserror::Error;

use crate::kernel::tool::Run;

crate::choice! {
    /// The forms that there are.
    #[derive(Default)]
    pub enum Format {
        /// Records as they stand in the journal, one a line.
        #[default]
        Records = "records",
        /// CloudEvents 1.0 in JSON, one event a line.
        Cloudevents = "cloudevents",
        /// OCSF 1.9 API Activity (class 6003) with the profile record_integrity, one record a line.
        Ocsf = "ocsf",
        /// A table for spreadsheets (RFC 4180), one event a line.
        Csv = "csv",
    }
}

/// Why a record cannot be exported.
#[derive(Debug, Error)]
pub enum Error {
    /// It cannot be read.
    #[error(transparent)]
    Unread(#[from] Unread),
    /// It cannot be written.
    #[error("record {seq} cannot be written: {cause}")]
    Unwritten {
        /// The record.
        seq: u64,
        /// What serde says.
        cause: serde_json::Error,
    },
}

/// Writes records in one form.
pub struct Exporter {
    format: Format,
    /// The journal's identifier: where the records come from.
    journal: String,
    /// The tools of actions that are not over yet, as far as their proposals were among the records.
    tools: BTreeMap<String, String>,
    /// The tools that only read.
    reads: BTreeSet<&'static str>,
}

/// One record with what every form says of it.
struct Source<'a, 'r> {
    journal: &'a str,
    seq: u64,
    text: &'a str,
    record: &'a Record<'r>,
    /// Its leaf in the journal's tree (RFC 6962, section 2.1).
    leaf: Digest,
    /// The tool that was called, where that is known.
    tool: Option<&'a str>,
    /// Whether that tool only reads.
    is_read: bool,
    /// The action that it is about.
    action: Option<&'a str>,
}

/// The facts that matter to every form.
#[derive(Default, Deserialize)]
struct Facts {
    tool: Option<String>,
    action: Option<String>,
    code: Option<String>,
    message: Option<String>,
    /// Of a failed attempt: whether there will be another.
    #[serde(default)]
    yes: bool,
}

impl Facts {
    fn of(entry: &Entry<'_>) -> Self {
        let data = entry.data.map(|data| serde_json::from_str(data.get()));
        data.and_then(Result::ok).unwrap_or_default()
    }
}

impl Exporter {
    /// An exporter for the records of a journal.
    pub fn new(format: Format, journal: &str) -> Self {
        let registry = crate::modules::registry();
        let reads = registry
            .tools()
            .iter()
            .filter(|tool| matches!(tool.run, Run::Answer(_)));
        Self {
            format,
            journal: journal.to_owned(),
            tools: BTreeMap::new(),
            reads: reads.map(|tool| tool.name).collect(),
        }
    }

    /// What stands before the first record.
    pub fn head(&self) -> String {
        match self.format {
            Format::Csv => csv::head(),
            _ => String::new(),
        }
    }

    /// Adds a record, with the newline.
    ///
    /// # Errors
    /// [`Error`]; then nothing of it was added.
    pub fn add(&mut self, seq: u64, text: &str, out: &mut String) -> Result<(), Error> {
        if self.format == Format::Records {
            out.push_str(text);
            out.push('\n');
            return Ok(());
        }
        let mut room = String::new();
        let record = Record::parse(seq, text, &mut room)?;
        let facts: Vec<Facts> = record.events.iter().map(Facts::of).collect();
        self.learn(&record);
        let action = facts.iter().find_map(|facts| facts.action.as_deref());
        let named = facts.iter().find_map(|facts| facts.tool.as_deref());
        let tool = named.or_else(|| self.tools.get(action?).map(String::as_str));
        let source = Source {
            journal: &self.journal,
            seq,
            text,
            record: &record,
            leaf: Digest::leaf(text.as_bytes()),
            tool,
            is_read: tool.is_some_and(|tool| self.reads.contains(tool)),
            action,
        };
        let written = match self.format {
            Format::Cloudevents => cloudevents::add(&source, out),
            Format::Ocsf => ocsf::add(&source, &facts, out),
            _ => csv::add(&source, out),
        };
        self.forget(&record);
        written.map_err(|cause| Error::Unwritten { seq, cause })
    }

    fn learn(&mut self, record: &Record<'_>) {
        for entry in record.events.iter().filter(|entry| entry.name == names::PROPOSED) {
            if let Ok(facts) = entry.offer() {
                self.tools.insert(facts.action.to_string(), facts.tool.to_string());
            }
        }
    }

    /// An export of a long journal must not grow with it.
    fn forget(&mut self, record: &Record<'_>) {
        const OVER: [&str; 6] = [
            names::SUCCEEDED,
            names::RECONCILED,
            names::DECLINED,
            names::CANCELLED,
            names::EXPIRED,
            names::SUPERSEDED,
        ];
        for entry in &record.events {
            let facts = Facts::of(entry);
            let is_over = OVER.contains(&entry.name.as_ref()) || (entry.name == names::FAILED && !facts.yes);
            if let Some(action) = facts.action.filter(|_| is_over) {
                self.tools.remove(&action);
            }
        }
    }
}
