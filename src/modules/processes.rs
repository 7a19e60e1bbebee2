//! Processes: versioned definitions, running instances, and approvals with quorum, delegation, escalation and deadlines.

mod act;
mod conditions;
mod deciding;
mod doing;
pub mod entity;
mod flow;
mod gate;
mod graph;
mod hours;
pub mod instance;
mod nested;
mod people;
mod react;
mod read;
mod save;
mod start;
mod steps;
mod strike;
pub mod tally;
mod watched;
mod words;

pub use entity::Definition;
pub use gate::{approval, approves, decided_at};
pub use instance::{Instance, InstanceStatus};
pub use nested::begins;

use crate::kernel::Module;
use crate::kernel::reaction::Reactor;
use crate::kernel::tool::{ToolKind, output};

/// The module's table of contents.
pub fn module() -> Module {
    Module::new(
        "processes",
        "Processes",
        "Approvals and other steps, one after the other",
    )
    .permission("processes.manage", "follow and call off the processes of others")
    .entity::<Definition>()
    .reacts(Reactor {
        next: react::next,
        would: react::would,
    })
    .entity::<Instance>()
    .strikes(strike::strike)
    .read(
        "list_processes",
        "What waits for your decision; or instances, or definitions. catalogue: what steps can be.",
        read::list,
    )
    .core()
    .returns(output::list(&read::COLUMNS))
    .read(
        "get_process",
        "Show a process: what is open, who may act, what you may do; or a definition in words.",
        read::get,
    )
    .core()
    .returns(output::item(&read::COLUMNS))
    .write(
        ToolKind::Sensitive,
        "save_process_definition",
        "Write, publish or retire a process; running instances keep their version.",
        save::save,
    )
    .revised(2)
    .write(
        ToolKind::Write,
        "start_process",
        "Start a process, on a subject where it is about one.",
        start::start,
    )
    .revised(2)
    .write(
        ToolKind::Write,
        "act_on_process",
        "Approve, reject, complete, delegate, escalate or cancel what is open in a process.",
        act::act,
    )
    .revised(2)
    .core()
}
