//! What is otherwise at the broker than it should be.

use std::fmt;

use async_nats::jetstream::consumer::{self, pull};
use async_nats::jetstream::stream::Config;

use super::{EXECUTIONS, OWNER, owner};

/// What is otherwise than it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The stream or consumer.
    pub of: String,
    /// What differs.
    pub what: &'static str,
    /// As found.
    pub found: String,
    /// As wanted.
    pub wanted: String,
    /// Whether it was changed.
    pub changed: bool,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            of,
            what,
            found,
            wanted,
            changed,
        } = self;
        if *changed {
            return write!(f, "{of}: {what} was {found}, now it is {wanted}");
        }
        write!(f, "{of}: {what} is {found}, not {wanted}")
    }
}

pub(super) fn changed(differences: &mut [Difference]) {
    for difference in differences {
        difference.changed = true;
    }
}

pub(super) fn missing(of: &str) -> Difference {
    Difference {
        of: of.to_owned(),
        what: "it",
        found: "missing".to_owned(),
        wanted: "there".to_owned(),
        changed: false,
    }
}

type Row = (&'static str, String, String);

fn differing(of: &str, rows: Vec<Row>) -> Vec<Difference> {
    let differ = rows.into_iter().filter(|(_, found, wanted)| found != wanted);
    let difference = |(what, found, wanted)| Difference {
        of: of.to_owned(),
        what,
        found,
        wanted,
        changed: false,
    };
    differ.map(difference).collect()
}

pub(super) fn of_stream(found: &Config, wanted: &Config) -> Vec<Difference> {
    let rows = vec![
        ("subjects", found.subjects.join(" "), wanted.subjects.join(" ")),
        (
            "retention",
            format!("{:?}", found.retention),
            format!("{:?}", wanted.retention),
        ),
        (
            "discard",
            format!("{:?}", found.discard),
            format!("{:?}", wanted.discard),
        ),
        (
            "replicas",
            found.num_replicas.to_string(),
            wanted.num_replicas.to_string(),
        ),
        (
            "max_age",
            format!("{:?}", found.max_age),
            format!("{:?}", wanted.max_age),
        ),
        (
            "duplicate_window",
            format!("{:?}", found.duplicate_window),
            format!("{:?}", wanted.duplicate_window),
        ),
    ];
    differing(&wanted.name, rows)
}

pub(super) fn of_consumer(found: &consumer::Config, wanted: &pull::Config, name: &str) -> Vec<Difference> {
    let rows = vec![
        (OWNER, owner(&found.metadata), owner(&wanted.metadata)),
        ("filter", found.filter_subject.clone(), wanted.filter_subject.clone()),
        (
            "ack_wait",
            format!("{:?}", found.ack_wait),
            format!("{:?}", wanted.ack_wait),
        ),
        (
            "max_deliver",
            found.max_deliver.to_string(),
            wanted.max_deliver.to_string(),
        ),
    ];
    differing(&format!("{EXECUTIONS}/{name}"), rows)
}
