//! A line of a timeline as people read it.

use std::fmt;

use projections::ActorKind;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Changed, Entry};
use crate::kernel::text;

/// What is shown of arguments.
const ARGS_CHARS_MAX: usize = 160;
/// What is shown of one side of a change.
const SIDE_CHARS_MAX: usize = 48;
/// What is shown of a name.
const NAME_CHARS_MAX: usize = 100;
/// Changes that are shown one by one.
const CHANGES_MAX: usize = 12;

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:<7} {:.0}  ", self.seq, self.at)?;
        self.actor(f)?;
        write!(f, "\n         ")?;
        self.sentence(f)?;
        for change in self.changes.iter().take(CHANGES_MAX) {
            write!(f, "\n           {change}")?;
        }
        match self.changes.len().saturating_sub(CHANGES_MAX) {
            0 => Ok(()),
            more => write!(f, "\n           and {more} more changes"),
        }
    }
}

impl Entry {
    fn actor(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |name: Option<&String>, id: Option<&String>| match (name, id) {
            (Some(name), _) => format!("@{name}"),
            (None, Some(id)) => id.clone(),
            (None, None) => "the system".to_owned(),
        };
        f.write_str(&named(self.who.as_ref(), self.actor.principal_id.as_ref()))?;
        if self.actor.kind != ActorKind::System && self.actor.kind != ActorKind::Human {
            let kind = serde_json::to_value(self.actor.kind).unwrap_or_default();
            write!(f, " ({}", kind.as_str().unwrap_or_default())?;
            if self.actor.on_behalf_of.is_some() {
                write!(
                    f,
                    " for {}",
                    named(self.on_behalf_of.as_ref(), self.actor.on_behalf_of.as_ref())
                )?;
            }
            f.write_str(")")?;
        }
        if self.actor.via != "system" {
            write!(f, " via {}", self.actor.via)?;
        }
        if let Some(client) = &self.actor.client {
            write!(f, ", {}", clip(client, NAME_CHARS_MAX))?;
        }
        match &self.cause {
            Some(cause) => write!(f, ", because of #{} ({})", cause.causation_id, cause.by()),
            None => Ok(()),
        }
    }

    fn sentence(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tool = clip(self.tool.as_deref().unwrap_or("?"), NAME_CHARS_MAX);
        let action = self.action.as_deref().unwrap_or("?");
        match self.what.as_str() {
            "answered" => {
                write!(f, "calls {tool}{} → answered", shown(self.args.as_deref()))?;
                match self.position {
                    Some(position) => write!(f, " from the state at {position}"),
                    None => Ok(()),
                }
            }
            "rejected" if self.tool.is_some() => {
                write!(f, "calls {tool}{} → no, {}", shown(self.args.as_deref()), self.no())
            }
            "proposed" => {
                write!(f, "proposes {tool}{} → {action}", shown(self.args.as_deref()))?;
                write!(f, "\n           {}", self.plan())?;
                self.replaced(f)
            }
            "confirm refused" => write!(f, "confirms {action} → no, {}", self.no()),
            "outcome refused" => write!(f, "reports on {action} → no, {}", self.no()),
            "rejected" | "refused" => write!(f, "{} requests refused: {}", self.count.unwrap_or(0), self.no()),
            "changed" => f.write_str("changes"),
            what => {
                f.write_str(verb(what))?;
                if self.action.is_some() {
                    write!(f, " {action}")?;
                }
                if self.tool.is_some() {
                    write!(f, " ({tool})")?;
                }
                self.durations(f)?;
                self.replaced(f)?;
                match &self.said {
                    Some(said) => write!(f, ": {}", clip(said, ARGS_CHARS_MAX)),
                    None => Ok(()),
                }
            }
        }
    }

    fn durations(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(waited) = self.waited_ms {
            write!(f, " after {}", lasted(waited))?;
        }
        if let Some(outcome) = self.outcome.as_deref().filter(|outcome| *outcome != self.what) {
            write!(f, " → {outcome}")?;
        }
        match self.took_ms.filter(|took| *took > 0) {
            Some(took) => write!(f, " in {}", lasted(took)),
            None => Ok(()),
        }
    }

    fn replaced(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.by, self.what.as_str()) {
            (Some(by), "proposed") => write!(f, ", in place of {by}"),
            (Some(by), "superseded") => write!(f, ", {by} takes its place"),
            (Some(by), _) => write!(f, ", which undoes {by}"),
            (None, _) => Ok(()),
        }
    }

    fn no(&self) -> String {
        let code = self.code.as_deref().unwrap_or_default();
        match &self.said {
            Some(said) => format!("{code}: {}", clip(said, ARGS_CHARS_MAX)),
            None => code.to_owned(),
        }
    }

    /// The sentence of the plan, its risk and who may confirm.
    fn plan(&self) -> String {
        let plan = self.shown.as_deref().map(RawValue::get).unwrap_or_default();
        let plan: Value = serde_json::from_str(plan).unwrap_or_default();
        let summary = plan.get("summary").and_then(Value::as_str).unwrap_or_default();
        let next = match (&self.cause, self.outcome.as_deref(), self.policy.as_deref()) {
            (Some(_), Some(outcome), _) => return format!("{summary}; at once → {outcome}"),
            (Some(_), None, _) => return format!("{summary}; at once → on its way to a worker"),
            (None, _, Some("self")) => "its proposer",
            (None, _, Some("dual")) => "two humans",
            (None, ..) => "a human",
        };
        let risk = self.risk.as_deref().unwrap_or_default();
        format!("{summary}; {risk} risk; to be confirmed by {next}")
    }
}

/// What people do is told in the present, what befalls an action as it was recorded.
/// As [`text::clip`], on one line and without what moves a terminal's hand: what callers say of themselves is not to be trusted.
fn clip(said: &str, most: usize) -> String {
    text::clip(&text::plain(said), most)
}

fn verb(what: &str) -> &str {
    match what {
        "confirmed" => "confirms",
        "approved" => "approves",
        "declined" => "declines",
        "cancelled" => "cancels",
        "repeated" => "asks again for",
        "reconciled" => "reconciles",
        "retried" => "orders another attempt of",
        "published" => "hands over",
        "log_read" => "reads the log",
        "replayed" => "has everything decided again",
        what => what,
    }
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.event, self.id)?;
        let side =
            |side: Option<&RawValue>| side.map_or_else(|| "–".to_owned(), |text| clip(text.get(), SIDE_CHARS_MAX));
        for (place, (name, field)) in self.fields.iter().enumerate() {
            f.write_str(if place == 0 { "  " } else { ", " })?;
            match field.from.as_deref() {
                None => write!(f, "{name}: {}", side(field.to.as_deref()))?,
                from => write!(f, "{name}: {} → {}", side(from), side(field.to.as_deref()))?,
            }
        }
        Ok(())
    }
}

fn shown(args: Option<&RawValue>) -> String {
    match args.map(RawValue::get) {
        None | Some("{}") => String::new(),
        Some(args) => format!(" {}", clip(args, ARGS_CHARS_MAX)),
    }
}

/// A duration in the largest unit that leaves a whole number of it.
fn lasted(ms: i64) -> String {
    match ms {
        ..1_000 => format!("{ms} ms"),
        1_000..120_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        120_000..7_200_000 => format!("{} min", ms / 60_000),
        7_200_000..172_800_000 => format!("{} h", ms / 3_600_000),
        _ => format!("{} days", ms / 86_400_000),
    }
}
