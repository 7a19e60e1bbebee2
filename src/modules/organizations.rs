//! Organizations: the tenant border, its members, and the settings that govern confirmation and agents.

pub mod founding;

use crate::kernel::Module;
use crate::kernel::identity::{Member, Organization, Role, Token};

/// The module's table of contents.
pub fn module() -> Module {
    Module::new(
        "organizations",
        "Organizations",
        "The tenant, its members and its settings",
    )
    .entity::<Organization>()
    .entity::<Member>()
    .entity::<Role>()
    .entity::<Token>()
}
