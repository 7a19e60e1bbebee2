//! Entities: plain typed structs whose differences can be taken and applied.
//!
//! A plan compares old and new and keeps the fields that differ; history, undo, webhooks' `previous` and replay all come
//! from that one mechanism, and no module writes code that applies an event.

use std::borrow::Cow;

use projections::{FieldChange, Fields, Named};
use rust_decimal::Decimal;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};

/// The ways an entity can be found, collected while it is put into its table.
#[derive(Debug, Default)]
pub struct Keys {
    pub(crate) list: Vec<(&'static str, String)>,
    pub(crate) global: Vec<(&'static str, String)>,
    pub(crate) sums: Vec<(&'static str, String, Decimal)>,
}

/// The index of everything a person may call an entity: key, handle, slug, e-mail, exact name (folded).
pub const NAMES: &str = "name";
/// The index of what an entity belongs to: a row listed here keeps its owner from being un-created.
pub const OWNER: &str = "of";

impl Keys {
    /// Something that people call it; case and accents do not matter.
    pub fn name(&mut self, name: &str) {
        let folded = crate::kernel::text::fold(name);
        if !folded.is_empty() {
            self.list.push((NAMES, folded));
        }
    }

    /// What it belongs to.
    pub fn of(&mut self, owner: impl std::fmt::Display) {
        self.list.push((OWNER, owner.to_string()));
    }

    /// A key that is looked up before the organisation is known (bearer tokens).
    pub fn anywhere(&mut self, index: &'static str, key: impl std::fmt::Display) {
        self.global.push((index, key.to_string()));
    }

    /// An amount that counts towards a sum, which [`View::sums`](crate::kernel::View::sums) tells.
    pub fn adds(&mut self, index: &'static str, key: impl std::fmt::Display, amount: Decimal) {
        self.sums.push((index, key.to_string(), amount));
    }

    /// A key of the module's own.
    pub fn key(&mut self, index: &'static str, key: impl std::fmt::Display) {
        self.list.push((index, key.to_string()));
    }
}

/// What a module says about its entity beyond the fields.
pub trait Describe {
    /// Lists the keys it can be found by.
    fn keys(&self, keys: &mut Keys);
    /// What it is called in a sentence: the name or title.
    fn label(&self) -> String;
    /// Its human key, handle or slug.
    fn key(&self) -> Option<String> {
        None
    }
    /// Lists what it says, for searching; nothing where it is not searched.
    fn words<'a>(&'a self, _words: &mut crate::kernel::Words<'a>) {}
    /// Lists the hours it waits for; what happens then its module says with `strikes`.
    fn timers(&self, _timers: &mut crate::kernel::schedule::Timers) {}
    /// The thing it lies in, by identifier: a grant that counts in one place counts for what lies there. `None` for what
    /// lies in the organisation itself.
    fn lies_in(&self) -> Option<String> {
        None
    }
    /// Whether it still takes part: not deleted, not removed.
    fn is_alive(&self) -> bool {
        true
    }
    /// Whether a caller may know of it. Every look-up, list, search and count asks this.
    fn is_visible(&self, _view: &crate::kernel::View<'_>) -> bool {
        true
    }
}

/// A typed entity; implemented by [`entity!`](crate::entity).
pub trait Entity:
    Named + Describe + Clone + std::fmt::Debug + PartialEq + Default + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// The names of its fields, as in JSON.
    fn field_names() -> &'static [String];
    /// Fields that do not count for the digest of a plan: ranks, counters, the next free key.
    const DECORATION: &'static [&'static str];
    /// The fields that differ; all that are not blank for a new one.
    fn difference(before: &Self, after: &Self) -> Result<Fields, serde_json::Error>;
    /// Sets one field from its JSON text; `None` blanks it. False where there is no such field.
    fn set(&mut self, field: &str, value: Option<&RawValue>) -> Result<bool, serde_json::Error>;
}

/// Adds one field to a difference, if it differs.
pub fn compare<T: PartialEq + Serialize>(
    fields: &mut Fields,
    name: &'static str,
    before: &T,
    after: &T,
) -> Result<(), serde_json::Error> {
    if before != after {
        let change = FieldChange {
            from: Some(to_raw_value(before)?),
            to: Some(to_raw_value(after)?),
        };
        fields.insert(Cow::Borrowed(name), change);
    }
    Ok(())
}

/// Reads a field's value; the blank where there is none.
pub fn value_of<T: DeserializeOwned + Default>(value: Option<&RawValue>) -> Result<T, serde_json::Error> {
    value.map_or_else(|| Ok(T::default()), |value| serde_json::from_str(value.get()))
}

/// Declares an entity: a plain struct, its kind, the prefix of its identifiers, and which fields are decoration.
#[macro_export]
macro_rules! entity {
    ($(#[$meta:meta])* pub struct $name:ident($kind:literal, $prefix:literal $(, decoration $deco:tt)?) {
        $( $(#[$fmeta:meta])* $field:ident : $ty:ty ),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name { $( $(#[$fmeta])* pub $field: $ty, )* }

        impl projections::Named for $name {
            const KIND: &'static str = $kind;
            const PREFIX: &'static str = $prefix;
        }

        impl $crate::kernel::entity::Entity for $name {
            const DECORATION: &'static [&'static str] = &$crate::entity!(@decoration $($deco)?);

            fn field_names() -> &'static [String] {
                static NAMES: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
                NAMES.get_or_init(|| vec![$( $crate::kernel::text::camel(stringify!($field)) ),*])
            }

            fn difference(before: &Self, after: &Self) -> Result<projections::Fields, serde_json::Error> {
                let mut fields = projections::Fields::new();
                let mut names = <Self as $crate::kernel::entity::Entity>::field_names().iter();
                $( if let Some(name) = names.next() {
                    $crate::kernel::entity::compare(&mut fields, name.as_str(), &before.$field, &after.$field)?;
                } )*
                Ok(fields)
            }

            fn set(&mut self, field: &str, value: Option<&serde_json::value::RawValue>) -> Result<bool, serde_json::Error> {
                let mut names = <Self as $crate::kernel::entity::Entity>::field_names().iter();
                $( if names.next().is_some_and(|name| name == field) {
                    self.$field = $crate::kernel::entity::value_of(value)?;
                    return Ok(true);
                } )*
                Ok(false)
            }
        }
    };
    (@decoration) => { [] };
    (@decoration [$($name:literal),*]) => { [$($name),*] };
}
