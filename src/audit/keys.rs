//! The keys that signed a log, one after the other: each was named by the one before, in a record of the log.

use journal::{Look, Statement, VerifyingKey};
use projections::Record;
use projections::event::evidence::{KEY_ROTATED, KeyRotated};

/// What a key says of the next one, on the first line.
pub const KIND: &str = "orkestra.log-key/1";

/// The keys of a log in the order in which they signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    first: VerifyingKey,
    /// The record from which on each further one signed.
    later: Vec<(u64, VerifyingKey)>,
    /// Which of all is the one that was trusted: 0 is the first.
    trusted: usize,
}

/// The lines of the statement in which a key names the next.
pub fn lines(old: &VerifyingKey, new: &VerifyingKey) -> [String; 2] {
    [format!("old {}", old.encode()), format!("new {}", new.encode())]
}

impl Keys {
    /// The keys that a trusted one leads to. Where it is none of those that the log speaks of, it is alone.
    ///
    /// # Errors
    /// [`journal::Error`] when the records cannot be read.
    pub fn of(look: &Look, trusted: VerifyingKey) -> Result<Self, journal::Error> {
        let mut chain: Vec<(u64, VerifyingKey, VerifyingKey)> = Vec::new();
        let mut reader = look.reader(1);
        while let Some(line) = reader.next_ref()? {
            // Nearly every record is none; reading them all would cost more than all the rest.
            let named = line
                .text
                .contains(KEY_ROTATED)
                .then(|| named(line.seq, line.text))
                .flatten();
            if let Some((old, new)) = named.filter(|(old, _)| chain.last().is_none_or(|(.., last)| last == old)) {
                chain.push((line.seq, old, new));
            }
        }
        let first = chain.first().map_or(&trusted, |(_, old, _)| old).clone();
        let later: Vec<_> = chain.into_iter().map(|(seq, _, new)| (seq, new)).collect();
        let all = std::iter::once(&first).chain(later.iter().map(|(_, key)| key));
        let at = all
            .enumerate()
            .filter(|(_, key)| **key == trusted)
            .last()
            .map(|(at, _)| at);
        Ok(match at {
            Some(trusted) => Self { first, later, trusted },
            None => Self::alone(trusted),
        })
    }

    /// One key for everything.
    pub fn alone(key: VerifyingKey) -> Self {
        Self {
            first: key,
            later: Vec::new(),
            trusted: 0,
        }
    }

    /// The key that signs checkpoints of a size.
    pub fn at(&self, size: u64) -> &VerifyingKey {
        let later = self.later.iter().rev().find(|(from, _)| *from <= size);
        later.map_or(&self.first, |(_, key)| key)
    }

    /// The first key, and from which record on each further one signed.
    pub fn all(&self) -> (&VerifyingKey, &[(u64, VerifyingKey)]) {
        (&self.first, &self.later)
    }

    /// What a checkpoint by the trusted key must vouch for before that key speaks for those before it: the sizes from the
    /// record that named it. `None` where it is the first.
    pub fn vouches_from(&self) -> Option<std::ops::Range<u64>> {
        let (from, _) = self.later.get(self.trusted.checked_sub(1)?)?;
        let until = self.later.get(self.trusted).map_or(u64::MAX, |(next, _)| *next);
        Some(*from..until)
    }
}

/// The old and the new key of a record, if the old one signed it.
fn named(seq: u64, text: &str) -> Option<(VerifyingKey, VerifyingKey)> {
    let mut room = String::new();
    let record = Record::parse(seq, text, &mut room).ok()?;
    let event = record.events.iter().find(|event| event.name == KEY_ROTATED)?;
    let facts: KeyRotated<'_> = serde_json::from_str(event.data?.get()).ok()?;
    let (old, new) = (
        VerifyingKey::parse(&facts.old).ok()?,
        VerifyingKey::parse(&facts.new).ok()?,
    );
    let said = Statement::open(&facts.note, KIND, &old).ok()?;
    said.lines().eq(lines(&old, &new)).then_some((old, new))
}
