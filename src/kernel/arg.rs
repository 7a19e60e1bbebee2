//! Arguments that carry their own constraints, so that schema and parser cannot disagree.
//!
//! A tool's arguments are declared once with [`args!`](crate::args); from that come the JSON Schema, the check that reports
//! every fault at once, the repair of values that a client encoded as text, and the typed struct that the tool is given.

pub mod groups;
pub mod member;
pub mod objects;
pub mod scalars;
pub mod value;

pub use groups::{In, PageArgs, ReadArgs, UpdateArgs, WriteArgs};
pub use member::{Clear, Fields, Member, ObjectSchema};
pub use objects::{JsonObject, List, Patch};
pub use scalars::{Date, Dec, Dur, Int, Md, Slug, Str, Ts};
pub use value::{Argument, Faults};

use serde_json::{Map, Value};

use crate::kernel::Rejection;

/// A whole set of arguments.
pub trait Args: Sized + Send + 'static {
    /// The flat schema of the object (JSON Schema 2020-12).
    fn schema() -> ObjectSchema;
    /// Takes the members it knows out of `fields`.
    fn take(fields: &mut Fields, faults: &mut Faults) -> Option<Self>;

    /// Reads the arguments; every fault at once, unknown names included.
    fn read(given: Map<String, Value>) -> Result<Self, Rejection> {
        let mut faults = Faults::default();
        let mut fields = Fields::new(given);
        let read = Self::take(&mut fields, &mut faults);
        fields.finish(&mut faults);
        match (read, faults.into_list()) {
            (Some(args), faults) if faults.is_empty() => Ok(args),
            (_, faults) => Err(Rejection::invalid(faults)),
        }
    }
}

/// Declares a set of arguments. A plain type is required, `Option<T>` may be left out, `Option<Clear<T>>` may also be
/// `null` to clear the value, and `= value` gives a default. The doc comment of a field is its description.
#[macro_export]
macro_rules! args {
    ($(#[$meta:meta])* pub struct $name:ident { $( $(#[doc = $doc:literal])* $field:ident : $ty:ty $(= $default:expr)? ),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        pub struct $name { $( $(#[doc = $doc])* pub $field: $ty, )* }

        impl $name {
            fn names() -> &'static [String] {
                static NAMES: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
                NAMES.get_or_init(|| vec![$( $crate::kernel::text::camel(stringify!($field)) ),*])
            }
        }

        impl $crate::kernel::arg::Args for $name {
            fn schema() -> $crate::kernel::arg::ObjectSchema {
                let mut schema = $crate::kernel::arg::ObjectSchema::default();
                let mut names = Self::names().iter();
                $(
                    if let Some(name) = names.next() {
                        $crate::args!(@declare schema, name, concat!($($doc),*), $ty $(, $default)?);
                    }
                )*
                schema
            }
            fn take(fields: &mut $crate::kernel::arg::Fields, faults: &mut $crate::kernel::arg::Faults) -> Option<Self> {
                let mut names = Self::names().iter();
                $( let $field = names.next().and_then(|name| $crate::args!(@take fields, faults, name, $ty $(, $default)?)); )*
                let taken = Self { $( $field: $field?, )* };
                $( $crate::args!(@kernel $field taken); )*
                Some(taken)
            }
        }

        impl $crate::kernel::arg::Argument for $name {
            fn schema() -> serde_json::Value {
                <Self as $crate::kernel::arg::Args>::schema().into_json()
            }
            fn read(value: &serde_json::Value, path: &str, faults: &mut $crate::kernel::arg::Faults) -> Option<Self> {
                faults.object::<Self>(value, path)
            }
        }
    };
    // The kernel reads this group from the recorded arguments, so a tool need not look at it; any other field it must read.
    (@kernel write $taken:ident) => { let _ = &$taken.write; };
    (@kernel $field:ident $taken:ident) => {};
    (@declare $schema:ident, $name:ident, $doc:expr, $ty:ty) => { <$ty as $crate::kernel::arg::Member>::declare($name, $doc, &mut $schema) };
    (@declare $schema:ident, $name:ident, $doc:expr, $ty:ty, $default:expr) => { $schema.with_default::<$ty>($name, $doc, &$default) };
    (@take $fields:ident, $faults:ident, $name:ident, $ty:ty) => { <$ty as $crate::kernel::arg::Member>::take($name, $fields, $faults) };
    (@take $fields:ident, $faults:ident, $name:ident, $ty:ty, $default:expr) => { $fields.or_default::<$ty>($name, $faults, || $default) };
}

/// Declares an enumeration whose words are the argument's allowed values.
#[macro_export]
macro_rules! choice {
    ($(#[$meta:meta])* pub enum $name:ident { $( $(#[$vmeta:meta])* $variant:ident = $word:literal ),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name { $( $(#[$vmeta])* #[serde(rename = $word)] $variant ),* }

        impl $name {
            /// Every word, in order.
            pub const WORDS: &'static [&'static str] = &[$( $word ),*];

            /// The word for it.
            pub const fn word(self) -> &'static str {
                match self { $( Self::$variant => $word ),* }
            }

            /// The value of a word.
            pub fn of(word: &str) -> Option<Self> {
                match word { $( $word => Some(Self::$variant), )* _ => None }
            }
        }

        impl $crate::kernel::arg::Argument for $name {
            fn schema() -> serde_json::Value {
                serde_json::json!({"type": "string", "enum": Self::WORDS})
            }
            fn read(value: &serde_json::Value, path: &str, faults: &mut $crate::kernel::arg::Faults) -> Option<Self> {
                let found = value.as_str().and_then(Self::of);
                if found.is_none() {
                    faults.choice(path, Self::WORDS, value);
                }
                found
            }
            fn show(&self) -> serde_json::Value {
                serde_json::Value::from(self.word())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}
