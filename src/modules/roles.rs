//! Roles: what can be permitted, who holds it, where and until when. The rights themselves are decided in the kernel.

mod assign;
mod catalogue;
mod check;
mod create;
mod delete;
mod expiry;
mod list;
mod revoke;
mod shown;
mod target;
mod update;
mod uses;

pub use shown::changes;

use crate::kernel::Module;
use crate::kernel::identity::Grant;
use crate::kernel::tool::{Reach, ToolKind, output};

/// The module's table of contents.
pub fn module() -> Module {
    Module::new(
        "roles",
        "Roles",
        "Permissions, roles and grants, here or there, for good or for a while",
    )
    .reaches(Reach::Placed)
    .entity::<Grant>()
    .strikes(expiry::strike)
    .read(
        "list_roles",
        "List roles with permissions and holders; catalogue: every permission with the tools it opens.",
        list::list,
    )
    .returns(output::list(&list::COLUMNS))
    .write(
        ToolKind::Sensitive,
        "create_role",
        "Create a role from permissions you hold.",
        create::create,
    )
    .write(
        ToolKind::Sensitive,
        "update_role",
        "Change a role's permissions; the preview names everybody it affects.",
        update::update,
    )
    .write(
        ToolKind::Sensitive,
        "delete_role",
        "Delete a role, or replace it wherever it is held.",
        delete::delete,
    )
    .write(
        ToolKind::Sensitive,
        "assign_role",
        "Give a member or team a role: everywhere, in a team or in a project; expiresAt ends it.",
        assign::assign,
    )
    .write(
        ToolKind::Sensitive,
        "revoke_role",
        "Take a role from a member or team.",
        revoke::revoke,
    )
    .read(
        "check_permission",
        "Tell whether somebody may do something, what decides it and who could grant it.",
        check::check,
    )
    .returns(output::item(&check::COLUMNS))
}
