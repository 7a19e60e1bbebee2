//! Teams: groups of members for assignment, visibility, roles and capacity.

mod create;
mod delete;
mod members;
mod read;
mod rules;
mod update;
mod workload;

pub use rules::join;

use crate::kernel::Module;
use crate::kernel::identity::Team;
use crate::kernel::tool::{Reach, ToolKind, output};

/// The module's table of contents.
pub fn module() -> Module {
    Module::new("teams", "Teams", "Groups of members, in one another if wanted")
        .reaches(Reach::Placed)
        .permission("teams.closed", "see closed teams that one is not in")
        .entity::<Team>()
        .read("list_teams", "List teams with handle, lead and size.", read::list)
        .returns(output::list(&read::COLUMNS))
        .read(
            "get_team",
            "Show a team; expand: members, children, projects, roles, usage.",
            read::get,
        )
        .returns(output::item(&read::COLUMNS))
        .write(
            ToolKind::Write,
            "create_team",
            "Create a team, in another one if wanted.",
            create::create,
        )
        .write(
            ToolKind::Write,
            "update_team",
            "Change a team's name, handle, lead, parent or visibility.",
            update::update,
        )
        .write(
            ToolKind::Write,
            "update_team_members",
            "Add members to a team or take them out.",
            members::update,
        )
        .write(
            ToolKind::Destructive,
            "delete_team",
            "Delete a team, or replace it wherever it is named.",
            delete::delete,
        )
        .read(
            "get_team_workload",
            "Compare what each person of a team has to do with the time they have.",
            workload::get,
        )
        .returns(output::item(&workload::COLUMNS))
}
