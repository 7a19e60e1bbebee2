//! Limits outlive a restart: a bucket begins with what the journal says was used in the last minute. Requests that are not
//! journaled (lists of tools, health) are not remembered.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use journal::Log;
use projections::record::Record;
use projections::{ActorKind, actions};
use serde::Deserialize;

use super::{Class, Limits, Rates};
use crate::kernel::Registry;

/// The time that a full bucket takes to refill.
const WINDOW: SignedDuration = SignedDuration::from_mins(1);
/// The most records that are looked at, the newest.
const RECORDS_MAX: u64 = 20_000;

/// How much of a caller's bucket was used at an hour.
type Levels = BTreeMap<(String, Class), (f64, Timestamp)>;

#[derive(Deserialize)]
struct Tool<'a> {
    #[serde(borrow)]
    tool: Option<std::borrow::Cow<'a, str>>,
}

impl Limits {
    /// Limits that begin with what was used before `now`. What cannot be read is not charged: a limit is no reason not to start.
    pub fn recalled(rates: Rates, log: &dyn Log, registry: &Registry, now: Timestamp) -> Self {
        let limits = Self::new(rates);
        for ((caller, class), (level, at)) in levels(rates, log, registry, now) {
            limits.used(&caller, class, left(rates, class, level, at, now));
        }
        limits
    }
}

fn levels(rates: Rates, log: &dyn Log, registry: &Registry, now: Timestamp) -> Levels {
    let mut levels = Levels::new();
    let since = now - WINDOW;
    let Ok(records) = log.read(begin(log, since)) else {
        return levels;
    };
    for line in records.map_while(Result::ok) {
        let mut room = String::new();
        let Ok(record) = Record::parse(line.seq, &line.text, &mut room) else {
            break;
        };
        if record.at < since || record.actor.kind == ActorKind::System || record.actor.via == "cli" {
            continue;
        }
        let data = record.events.first().and_then(|event| event.data);
        let tool = data.and_then(|data| serde_json::from_str::<Tool<'_>>(data.get()).ok()?.tool);
        let class = Limits::class(tool.as_deref().and_then(|name| registry.tool(name)));
        let (level, at) = levels
            .entry((actions::caller(&record.actor).to_owned(), class))
            .or_insert((0.0, record.at));
        *level = left(rates, class, *level, *at, record.at) + 1.0;
        *at = record.at;
    }
    levels
}

/// What is left of a level after a while.
fn left(rates: Rates, class: Class, level: f64, from: Timestamp, to: Timestamp) -> f64 {
    let refilled = to.duration_since(from).as_secs_f64() / WINDOW.as_secs_f64() * f64::from(rates.of(class).get());
    (level - refilled).max(0.0)
}

/// The first record of the window; journal time never goes back.
fn begin(log: &dyn Log, since: Timestamp) -> u64 {
    let last = log.durable();
    let (mut low, mut high) = (last.saturating_sub(RECORDS_MAX) + 1, last + 1);
    let early = |seq| {
        let line = log.get(seq).ok().flatten();
        let mut room = String::new();
        let record = line.as_ref().map(|line| Record::parse(seq, &line.text, &mut room));
        record.is_some_and(|record| record.is_ok_and(|record| record.at < since))
    };
    while low < high {
        let middle = low.midpoint(high);
        if early(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}
