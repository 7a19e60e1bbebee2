//! Automation: rules that react to what happened, or to the hour, with the same tools that people and agents use.

mod actions;
mod conditions;
mod cron;
mod ending;
pub mod entity;
mod facts;
mod foresight;
mod graph;
mod losing;
mod read;
mod run;
mod save;
mod strike;

mod template;
mod trigger;
mod would;

pub use entity::{Rule, Run, Tally};
pub use facts::{named, thing};
pub use losing::stopped;
pub use run::caller as in_name_of;

use crate::kernel::Module;
use crate::kernel::reaction::Reactor;
use crate::kernel::tool::{Reach, ToolKind, output};

/// The module's table of contents.
pub fn module() -> Module {
    Module::new("automation", "Automation", "Rules that react to events and hours")
        .reaches(Reach::Placed)
        .entity::<Rule>()
        .reacts(Reactor {
            next: run::next,
            would: would::would,
        })
        .entity::<Tally>()
        .strikes(strike::strike)
        .entity::<Run>()
        .read(
            "list_automation_rules",
            "List rules in a sentence each with runs and failures; catalogue: what a rule can be made of.",
            read::list,
        )
        .returns(output::list(&read::COLUMNS))
        .read(
            "get_automation_rule",
            "Get one rule; expand: runs (what came of them), graph (rules it sets off).",
            read::get,
        )
        .returns(output::item(&read::COLUMNS))
        .write(
            ToolKind::Sensitive,
            "create_automation_rule",
            "Create a rule: trigger, conditions, actions. The preview replays 30 days.",
            save::create,
        )
        .write(
            ToolKind::Sensitive,
            "update_automation_rule",
            "Change, pause or resume a rule; the preview compares 30 days.",
            save::update,
        )
        .write(
            ToolKind::Destructive,
            "delete_automation_rule",
            "Delete a rule; what it did stays.",
            save::delete,
        )
        .needs("automation.manage")
}
