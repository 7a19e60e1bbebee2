//! One planned change: what it changes, where that lies, and what of it counts for the digest.

use std::borrow::Cow;

use projections::{Change, Op};

use crate::kernel::table::Label;
use crate::kernel::text;

/// What a changed thing will lie in.
#[derive(Debug, Clone, PartialEq)]
pub enum Lies {
    /// A thing, by identifier.
    In(String),
    /// The organisation itself.
    Nowhere,
    /// That is not known: the change was put together elsewhere.
    Unknown,
}

/// One planned change and what it changes.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The event's name.
    pub event: Cow<'static, str>,
    /// What is called so.
    pub label: Label,
    /// The change.
    pub change: Change,
    /// What it will lie in.
    pub lies: Lies,
    pub(super) decoration: &'static [&'static str],
}

impl Planned {
    pub(super) fn touches(&self, org: &str) -> impl Iterator<Item = String> {
        let (kind, change) = (&self.change.entity, &self.change);
        let named = change.op != Op::Delete && ["name", "title"].iter().any(|field| change.fields.contains_key(*field));
        let name = named.then(|| format!("{kind}={org}:{}", text::fold(&self.label.label)));
        [format!("{kind}:{}", change.id)].into_iter().chain(name)
    }
}
