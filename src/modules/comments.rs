//! Comments: discussion on anything.

pub mod entity;
pub mod text;
mod tools;

pub use entity::{Comment, CommentVisibility};
pub use tools::shown;

use crate::kernel::Module;
use crate::kernel::tool::{Reach, ToolKind, output};

/// The module's table of contents.
pub fn module() -> Module {
    Module::new("comments", "Comments", "Discussion on anything")
        .reaches(Reach::Placed)
        .permission("comments.internal", "see comments that are for the inside only")
        .permission("comments.moderate", "change and delete the comments of others")
        .entity::<Comment>()
        .read(
            "list_comments",
            "List the comments on a thing, oldest or newest first.",
            tools::list,
        )
        .core()
        .returns(output::list(&tools::COLUMNS))
        .write(
            ToolKind::Write,
            "add_comment",
            "Comment on a task; @handles are told.",
            tools::add,
        )
        .write(
            ToolKind::Write,
            "update_comment",
            "Change one's own comment, or settle or reopen its thread.",
            tools::update,
        )
        .core()
        .write(
            ToolKind::Destructive,
            "delete_comment",
            "Delete a comment; a placeholder stays where it has replies.",
            tools::delete,
        )
        .needs("comments.write")
        .write(
            ToolKind::Light,
            "react_to_comment",
            "React to a comment with an emoji, or take the reaction back.",
            tools::react,
        )
}
