//! Which records a timeline tells.

use jiff::Timestamp;
use journal::Log;
use projections::Record;
use projections::store::{Facets, Index};

use crate::audit::position_at;

/// Which records; all filters must fit.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// From this position on.
    pub from: Option<u64>,
    /// Up to this position.
    pub to: Option<u64>,
    /// At or after this moment.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
    /// Of this organisation, and of none.
    pub org: Option<String>,
    /// Done by this member: an identifier or a handle, with or without `@`.
    pub member: Option<String>,
    /// Done for this member by an agent or a service: an identifier or a handle.
    pub on_behalf_of: Option<String>,
    /// Done with this token: an identifier or a name.
    pub token: Option<String>,
    /// What the record must be found by.
    pub by: Vec<(Index, String)>,
}

impl Filter {
    /// The last record of a log that can fit. Time never goes back in a journal.
    ///
    /// # Errors
    /// Where a record cannot be read.
    pub fn last(&self, log: &dyn Log) -> Result<u64, journal::Error> {
        let until = self.until.map(|until| position_at(log, until)).transpose()?;
        let ends = [self.to, until].into_iter().flatten();
        Ok(ends.fold(log.durable(), u64::min))
    }

    /// Whether a record fits; `called` says what an identifier is called, and `facets` are only asked for where they matter.
    pub(super) fn fits(
        &self,
        seq: u64,
        record: &Record<'_>,
        called: &dyn Fn(&str) -> Option<String>,
        facets: &dyn Fn() -> Facets,
    ) -> bool {
        let within = self.from.is_none_or(|from| seq >= from) && self.to.is_none_or(|to| seq <= to);
        let then =
            self.since.is_none_or(|since| record.at >= since) && self.until.is_none_or(|until| record.at < until);
        let ours = match (&self.org, &record.org) {
            (Some(org), Some(of)) => org == of,
            _ => true,
        };
        let is = |wanted: &Option<String>, id: &Option<String>| {
            let Some(wanted) = wanted else { return true };
            let wanted = wanted.strip_prefix('@').unwrap_or(wanted);
            id.as_deref()
                .is_some_and(|id| id == wanted || called(id).is_some_and(|name| name == wanted))
        };
        let actor = &record.actor;
        let theirs = is(&self.member, &actor.principal_id)
            && is(&self.on_behalf_of, &actor.on_behalf_of)
            && is(&self.token, &actor.token_id);
        if !(within && then && ours && theirs) {
            return false;
        }
        if self.by.is_empty() {
            return true;
        }
        let facets = facets();
        self.by.iter().all(|(index, value)| facets.has(*index, value))
    }
}
