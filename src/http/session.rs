//! Legacy MCP sessions belong to the one who opened them: another principal's session does not exist for a caller.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::kernel::principal::Caller;

/// Sessions unseen for so long are forgotten; rmcp ends idle ones much earlier.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// Most sessions that are remembered; the oldest goes first.
const SESSIONS_MAX: usize = 10_000;

/// Who opened which session.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<BTreeMap<String, (String, Timestamp)>>);

impl Sessions {
    /// Remembers who opened a session.
    pub(super) fn opened(&self, session: &str, caller: &Caller, now: Timestamp) {
        let mut known = self.known();
        known.retain(|_, (_, seen)| now.duration_since(*seen) < KEPT);
        while known.len() >= SESSIONS_MAX {
            let oldest = known
                .iter()
                .min_by_key(|(_, (_, seen))| *seen)
                .map(|(name, _)| name.clone());
            known.remove(&oldest.unwrap_or_default());
        }
        known.insert(session.to_owned(), (owner(caller), now));
    }

    /// Whether a session belongs to a caller.
    pub(super) fn belongs(&self, session: &str, caller: &Caller, now: Timestamp) -> bool {
        let mut known = self.known();
        let Some((who, seen)) = known.get_mut(session).filter(|(who, _)| *who == owner(caller)) else {
            return false;
        };
        debug_assert!(!who.is_empty());
        *seen = now;
        true
    }

    /// Forgets a session.
    pub(super) fn ended(&self, session: &str) {
        self.known().remove(session);
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, (String, Timestamp)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn owner(caller: &Caller) -> String {
    format!("{}|{:?}", caller.member, caller.token)
}

#[cfg(test)]
mod tests {
    use projections::{ActorKind, Id};

    use super::*;

    #[test]
    fn a_session_that_ended_is_nobodys() {
        let (sessions, now) = (Sessions::default(), Timestamp::UNIX_EPOCH);
        let caller = Caller {
            org: String::new(),
            member: Id::default(),
            kind: ActorKind::Human,
            sponsor: None,
            token: None,
            client: None,
            via: "mcp",
            trace: None,
        };
        for name in ["one", "two"] {
            sessions.opened(name, &caller, now);
        }
        assert!(sessions.belongs("one", &caller, now));
        sessions.ended("one");
        assert!(!sessions.belongs("one", &caller, now));
        assert!(sessions.belongs("two", &caller, now), "only that one");
    }
}
