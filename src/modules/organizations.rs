//! Organizations: the tenant border, its members, and the settings that govern confirmation and agents.

mod create;
pub mod founding;
pub mod invitation;
mod manage;
mod read;

use crate::kernel::identity::{Member, Organization, Role, Token};
use crate::kernel::tool::output;
use crate::kernel::{Module, ToolKind};
pub use invitation::Invitation;
pub use manage::{NOBODY, erase};
pub use read::roles;

/// The module's table of contents.
pub fn module() -> Module {
    Module::new(
        "organizations",
        "Organizations",
        "The tenant, its members and its settings",
    )
    .permission(
        "organizations.browse",
        "see everybody's addresses and every project that is open to the organisation",
    )
    .permission("organizations.close", "close the organisation and open it again")
    .permission("organizations.own", "give what belongs to others to somebody else")
    .entity::<Organization>()
    .entity::<Member>()
    .entity::<Role>()
    .entity::<Token>()
    .entity::<Invitation>()
    .read(
        "list_organizations",
        "List the organisations that this token can see.",
        read::list,
    )
    .returns(output::list(&read::COLUMNS))
    .read(
        "get_organization",
        "Show an organisation's settings and who must confirm what: by kind of tool, and by tool where that differs.",
        read::get,
    )
    .revised(2)
    .returns(output::item(&["settings", "confirmPolicy"]))
    .read(
        "list_organization_members",
        "List members; turns a person's name into a handle.",
        read::list_members,
    )
    .core()
    .returns(output::list(&read::MEMBER_COLUMNS))
    .write(
        ToolKind::Sensitive,
        "create_organization",
        "Found an organisation of its own; only a human may.",
        create::create,
    )
    .write(
        ToolKind::Sensitive,
        "manage_organization",
        "Change settings, invite, suspend, reactivate or remove members, transfer ownership, close or reopen.",
        manage::manage,
    )
    .revised(2)
}
