//! Comments: discussion on anything.

pub mod entity;

pub use entity::{Comment, CommentVisibility};

use crate::kernel::Module;

/// The module's table of contents.
pub fn module() -> Module {
    Module::new("comments", "Comments", "Discussion on anything").entity::<Comment>()
}
