//! The modules, one file (or folder) each. Adding one is a file and a line.

pub mod actions;
pub mod audit;
pub mod automation;
pub mod bulk;
pub mod comments;
pub mod labels;
pub mod live;
pub mod organizations;
pub mod processes;
pub mod profile;
pub mod projects;
pub mod roles;
pub mod search;
pub mod stock;
pub mod tasks;
pub mod teams;
pub mod workflows;

use crate::kernel::{Module, Registry};

/// Every module together.
pub fn registry() -> Registry {
    Registry::new(all())
}

/// Every module, in the fixed and append-only order of the catalogue.
pub fn all() -> Vec<Module> {
    vec![
        organizations::module(),
        projects::module(),
        tasks::module(),
        workflows::module(),
        audit::module(),
        stock::module(),
        actions::module(),
        search::module(),
        comments::module(),
        labels::module(),
        automation::module(),
        teams::module(),
        roles::module(),
        processes::module(),
        bulk::module(),
    ]
}
