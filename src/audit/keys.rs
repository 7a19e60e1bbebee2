//! The keys that signed a log, one after the other: each was named by the one before, in a record of the log.

use journal::{Reader, Signers, Statement, VerifyingKey};
use projections::Record;
use projections::event::evidence::{KEY_ROTATED, KeyRotated};

/// What a key says of the next one, on the first line.
pub const KIND: &str = "orkestra.log-key/1";
/// Records read between two calls of `progress`.
const STRIDE: u64 = 8192;

/// A record in which a key names the next: its number, the key until there, the key from there on.
type Link = (u64, VerifyingKey, VerifyingKey);

/// What the records say of keys, in order. A log whose key was lost has begun anew, so not every one goes on from the one before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain(Vec<Link>);

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

impl Chain {
    /// What the records of a reader say; `progress` hears how far it is.
    ///
    /// # Errors
    /// [`journal::Error`] when the records cannot be read.
    pub fn read(reader: &mut Reader, progress: &mut dyn FnMut(u64)) -> Result<Self, journal::Error> {
        let mut chain = Self::default();
        while let Some(line) = reader.next_ref()? {
            chain.hear(line.seq, line.text);
            if line.seq.is_multiple_of(STRIDE) {
                progress(line.seq);
            }
        }
        Ok(chain)
    }

    /// Adds what a record says, if it speaks of keys at all.
    pub fn hear(&mut self, seq: u64, text: &str) {
        // Nearly every record says nothing; taking them all apart would cost more than all the rest.
        if text.contains(KEY_ROTATED)
            && let Some((old, new)) = named(seq, text)
        {
            self.0.push((seq, old, new));
        }
    }

    /// How many records name keys.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no record does.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a record names a key as the next.
    pub fn names(&self, key: &VerifyingKey) -> bool {
        self.0.iter().any(|(.., new)| new == key)
    }

    /// The key that took a key's place, if one did, and the record that names it.
    pub fn replaced(&self, key: &VerifyingKey) -> Option<(u64, &VerifyingKey)> {
        let named = self.0.iter().rposition(|(.., new)| new == key);
        let mut after = self.0.iter().skip(named.map_or(0, |at| at + 1));
        after.find(|(_, old, _)| old == key).map(|(seq, _, new)| (*seq, new))
    }

    /// The keys that lead to a trusted one, and those that it leads to. Where no record speaks of it, it is alone.
    pub fn keys(&self, trusted: VerifyingKey) -> Keys {
        let (mut first, mut later) = (trusted.clone(), Vec::new());
        for (seq, old, new) in self.0.iter().rev() {
            if *new == first {
                later.push((*seq, new.clone()));
                first = old.clone();
            }
        }
        later.reverse();
        let at = later.len();
        let from = later.last().map_or(0, |(seq, _)| *seq);
        let mut last = trusted;
        for (seq, old, new) in self.0.iter().filter(|(seq, ..)| *seq > from) {
            if *old == last {
                later.push((*seq, new.clone()));
                last = new.clone();
            }
        }
        Keys {
            first,
            later,
            trusted: at,
        }
    }
}

/// A key, or none, and what a verification hears of its log.
pub struct Heard {
    /// The key that is trusted.
    pub trusted: Option<VerifyingKey>,
    chain: Chain,
}

impl Heard {
    /// Nothing was heard yet.
    pub fn of(trusted: Option<VerifyingKey>) -> Self {
        let chain = Chain::default();
        Self { trusted, chain }
    }

    /// The keys that the trusted one leads to, by what was heard.
    pub fn keys(&self) -> Option<Keys> {
        self.trusted.clone().map(|key| self.chain.keys(key))
    }
}

impl Signers for Heard {
    fn heard(&mut self, seq: u64, text: &str) {
        self.chain.hear(seq, text);
    }

    fn at(&self, size: u64) -> Option<VerifyingKey> {
        self.keys().map(|keys| keys.at(size).clone())
    }
}

impl Keys {
    /// The records that name a further key, in order, up to the one that names the trusted key.
    pub fn leading(&self) -> impl Iterator<Item = u64> {
        self.later.iter().take(self.trusted).map(|(seq, _)| *seq)
    }

    /// Whether a key is the trusted one, or one that leads to it.
    pub fn leads_from(&self, key: &VerifyingKey) -> bool {
        let before = std::iter::once(&self.first).chain(self.later.iter().map(|(_, key)| key));
        before.take(self.trusted + 1).any(|one| one == key)
    }

    /// The key that signs checkpoints of a size.
    pub fn at(&self, size: u64) -> &VerifyingKey {
        let later = self.later.iter().rev().find(|(from, _)| *from <= size);
        later.map_or(&self.first, |(_, key)| key)
    }

    /// The record that names the trusted key: only a checkpoint of that size or more, which is by that key or by one that it leads
    /// to, shows that the log is that key's. 0 where it is the first.
    pub fn trusted_from(&self) -> u64 {
        let named = self.trusted.checked_sub(1).and_then(|at| self.later.get(at));
        named.map_or(0, |(seq, _)| *seq)
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
