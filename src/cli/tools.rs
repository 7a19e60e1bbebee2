//! `orkestra tools`: what there is to call, without a server.

use clap::Subcommand;
use serde_json::Value;

use super::{Failure, Outcome, print};
use crate::http::describe;

#[derive(Debug, Subcommand)]
pub(super) enum ToolsCommand {
    /// List every tool.
    List {
        /// Print one JSON array with schemas and annotations.
        #[arg(long)]
        json: bool,
    },
    /// Show one tool whole.
    Show {
        /// Its name.
        name: String,
    },
}

pub(super) fn run(command: &ToolsCommand) -> Outcome {
    let registry = crate::data::registry();
    match command {
        ToolsCommand::List { json: true } => {
            let all: Vec<Value> = registry.tools().iter().map(describe).collect();
            print(&serde_json::to_string_pretty(&all)?);
        }
        ToolsCommand::List { json: false } => {
            for tool in registry.tools() {
                let star = if tool.core { "★" } else { " " };
                print(&format!(
                    "{star} {:<14} {:<28} {:<12} {}",
                    tool.module, tool.name, tool.kind, tool.doc
                ));
            }
        }
        ToolsCommand::Show { name } => {
            let tool = registry.tool(name).ok_or_else(|| {
                let near =
                    crate::kernel::text::nearest(name, registry.tools().iter().map(|tool| tool.name), 3).join(", ");
                Failure::new(format!("there is no tool `{name}`")).hint(format!("nearest: {near}"))
            })?;
            print(&serde_json::to_string_pretty(&describe(tool))?);
        }
    }
    Ok(())
}
