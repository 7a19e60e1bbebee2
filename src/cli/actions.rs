//! `orkestra actions`: what is pending, under way or over, for operators.

mod settle;

use clap::Subcommand;
use projections::Stage;
use serde_json::{Map, Value, json};

use super::operator::{OperatorRequest, ask};
use super::{DataArg, Failure, Outcome, print};
use crate::kernel::text::plain;

#[derive(Debug, Subcommand)]
pub(super) enum ActionsCommand {
    /// List actions, the newest first.
    List(ListArgs),
    /// Show one action with its preview and its history.
    Show(OneArgs),
    /// Confirm a pending action as the owner.
    Confirm(NotedArgs),
    /// Cancel a pending action, or all of a tool.
    Cancel(CancelArgs),
    /// Order another attempt of executions that failed or are unknown, under the same idempotency key.
    Retry(settle::RetryArgs),
    /// Settle executions that failed or are unknown, with evidence of what happened.
    Reconcile(settle::ReconcileArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    data: DataArg,
    /// Only in this state: pending, executing, succeeded, failed, unknown, declined, cancelled, expired, superseded.
    #[arg(long, value_name = "STATE", value_parser = stage)]
    state: Option<Stage>,
    /// At most so many.
    #[arg(short = 'n', long, default_value_t = 100)]
    limit: usize,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct OneArgs {
    #[command(flatten)]
    data: DataArg,
    /// The action (act_…).
    id: String,
    /// Print JSON on one line.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct NotedArgs {
    #[command(flatten)]
    one: OneArgs,
    /// Why; it goes into the journal.
    #[arg(long)]
    note: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct CancelArgs {
    #[command(flatten)]
    data: DataArg,
    /// The action (act_…); or say --tool instead.
    #[arg(required_unless_present = "tool", conflicts_with = "tool")]
    id: Option<String>,
    /// All pending ones of this tool.
    #[arg(long, value_name = "TOOL")]
    tool: Option<String>,
    /// With --tool: do it. Without, what it finds is only shown.
    #[arg(long)]
    yes: bool,
    /// Why; it goes into the journal.
    #[arg(long)]
    note: Option<String>,
    /// Print JSON, a line each.
    #[arg(long)]
    json: bool,
}

fn stage(text: &str) -> Result<Stage, String> {
    serde_json::from_value(Value::String(text.to_owned())).map_err(|_| {
        "expected one of pending, executing, succeeded, failed, unknown, declined, cancelled, expired, superseded"
            .to_owned()
    })
}

pub(super) async fn run(command: ActionsCommand) -> Outcome {
    match command {
        ActionsCommand::List(args) => list(args).await,
        ActionsCommand::Show(args) => one(args, "get_pending_action", None).await,
        ActionsCommand::Confirm(args) => {
            let note = args.note.map(|note| ("note", note));
            one(args.one, "confirm_action", note).await
        }
        ActionsCommand::Cancel(args) => cancel(args).await,
        ActionsCommand::Retry(args) => settle::retry(args).await,
        ActionsCommand::Reconcile(args) => settle::reconcile(args).await,
    }
}

async fn cancel(args: CancelArgs) -> Outcome {
    match (args.id, args.tool) {
        (Some(id), _) => {
            let (data, json) = (args.data, args.json);
            one(
                OneArgs { data, id, json },
                "cancel_action",
                args.note.map(|note| ("reason", note)),
            )
            .await
        }
        (None, Some(tool)) => settle::cancel_all(args.data, tool, args.note, args.yes, args.json).await,
        (None, None) => Err(Failure::new("say which action, or --tool")),
    }
}

async fn list(args: ListArgs) -> Outcome {
    let request = OperatorRequest::Actions {
        stage: args.state,
        limit: args.limit,
    };
    let reply = ask(&args.data, request).await?;
    if args.json {
        print(&reply.to_string());
        return Ok(());
    }
    for action in reply.as_array().into_iter().flatten() {
        print(&line(action));
    }
    Ok(())
}

fn line(action: &Value) -> String {
    let text = |name: &str| action.get(name).and_then(Value::as_str).unwrap_or("-");
    let by = action.pointer("/proposer/principalId").and_then(Value::as_str);
    let until = match text("status") {
        "pending" => format!("until {}  ", text("expiresAt")),
        "executing" | "unknown" | "failed" => {
            format!(
                "attempt {}  ",
                action.get("attempt").and_then(Value::as_u64).unwrap_or(0)
            )
        }
        _ => String::new(),
    };
    plain(&format!(
        "{}  {:<10} {:<22} {until}by {}  {}",
        text("id"),
        text("status"),
        text("tool"),
        by.unwrap_or("the system"),
        text("summary")
    ))
}

async fn one(args: OneArgs, tool: &str, said: Option<(&str, String)>) -> Outcome {
    if !args.id.starts_with("act_") {
        return Err(Failure {
            code: 2,
            ..Failure::new(format!("`{}` is no action id", args.id)).hint("`orkestra actions list` shows the ids")
        });
    }
    let mut arguments: Map<String, Value> = Map::new();
    arguments.insert("actionId".to_owned(), json!(args.id));
    if let Some((name, text)) = said {
        arguments.insert(name.to_owned(), json!(text));
    }
    let tool = tool.to_owned();
    let reply = ask(&args.data, OperatorRequest::Call { tool, arguments }).await?;
    print(&if args.json {
        reply.to_string()
    } else {
        serde_json::to_string_pretty(&reply)?
    });
    Ok(())
}
