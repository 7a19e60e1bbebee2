//! Groups of arguments that many tools share: paging, reading, writing, updating (catalogue section 0.3).

use crate::args;
use crate::choice;
use crate::kernel::arg::{Args, Faults, Fields, Int, List, Member, ObjectSchema, Str};

choice! {
    /// Whether a list counts all its rows.
    pub enum Count {
        /// Do not count.
        None = "none",
        /// Count all that match.
        Exact = "exact",
    }
}

args! {
    /// `+page`: which part of a list.
    pub struct PageArgs {
        /// Rows, at most.
        limit: Int<1, 100> = Int(20),
        /// `page.nextCursor` of the answer before.
        cursor: Option<Str<0, 2000>>,
        /// A field; `-` in front for descending.
        sort: Option<Str<1, 60>>,
        /// Only these fields.
        fields: Option<List<Str<1, 60>, 0, 60>>,
        /// exact: count all rows.
        count: Option<Count>,
    }
}

args! {
    /// `+read`: which parts of one thing.
    pub struct ReadArgs {
        /// Only these fields.
        fields: Option<List<Str<1, 60>, 0, 60>>,
        /// Named parts to add.
        expand: Option<List<Str<1, 60>, 0, 20>>,
    }
}

args! {
    /// `+write`: why, and which of two intended twins.
    pub struct WriteArgs {
        /// Why, for the journal.
        reason: Option<Str<0, 500>>,
        /// Marks an intended twin; an equal call is a retry.
        client_key: Option<Str<1, 64>>,
    }
}

args! {
    /// `+upd`: a write to something that exists.
    pub struct UpdateArgs {
        /// Why, for the journal.
        reason: Option<Str<0, 500>>,
        /// Marks an intended twin; an equal call is a retry.
        client_key: Option<Str<1, 64>>,
        /// Refuse at any other version.
        expected_version: Option<Int<1, { i64::MAX }>>,
    }
}

macro_rules! flat {
    ($($group:ty: $explained:literal),*) => { $(
        impl Flat for $group {
            const EXPLAINED: bool = $explained;
        }
    )* };
}

/// A group whose members stand flat among the tool's own.
pub trait Flat: Args {
    /// Whether the server's instructions explain it to every client. Then its members are listed without a description: they
    /// stand in nearly every schema, and models pay for each byte. What they may hold is declared all the same.
    const EXPLAINED: bool;
}
flat!(PageArgs: true, ReadArgs: true, WriteArgs: false, UpdateArgs: false);

/// A member that is a whole group: `page: In<PageArgs>`.
#[derive(Debug, Clone)]
pub struct In<T>(pub T);

impl<T> std::ops::Deref for In<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Flat> Member for In<T> {
    fn declare(_: &str, _: &str, schema: &mut ObjectSchema) {
        let group = <T as Args>::schema();
        schema.merge(if T::EXPLAINED { group.undescribed() } else { group });
    }

    fn take(_: &str, fields: &mut Fields, faults: &mut Faults) -> Option<Self> {
        <T as Args>::take(fields, faults).map(Self)
    }
}
