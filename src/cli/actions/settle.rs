//! `orkestra actions retry` and `reconcile`: one action, or all that a filter finds, which are shown first.

use projections::Stage;
use serde_json::{Value, json};

use super::super::operator::{OperatorRequest, ask};
use super::super::{DataArg, Failure, Outcome, note, print};
use super::line;
use crate::kernel::engine::{Order, Settled};
use crate::kernel::text::count;

/// Most actions in one go.
const MOST: usize = 1_000;

/// Which executions.
#[derive(Debug, clap::Args)]
pub(super) struct Which {
    #[command(flatten)]
    data: DataArg,
    /// The actions (act_…); or say a filter instead.
    #[arg(required_unless_present_any = ["state", "tool"], conflicts_with_all = ["state", "tool"])]
    ids: Vec<String>,
    /// All in this state: failed or unknown.
    #[arg(long, value_name = "STATE", value_parser = ["failed", "unknown"])]
    state: Option<String>,
    /// Only of this tool.
    #[arg(long, value_name = "TOOL")]
    tool: Option<String>,
    /// With a filter: do it. Without, what it finds is only shown.
    #[arg(long)]
    yes: bool,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct RetryArgs {
    #[command(flatten)]
    which: Which,
    /// Why; it goes into the journal.
    #[arg(long, default_value = "")]
    note: String,
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct ReconcileArgs {
    #[command(flatten)]
    which: Which,
    /// What happened: succeeded (its changes are made now) or failed.
    #[arg(long, value_parser = ["succeeded", "failed"])]
    outcome: String,
    /// How that is known; it goes into the journal.
    #[arg(long, value_name = "TEXT")]
    evidence: String,
}

pub(super) async fn retry(args: RetryArgs) -> Outcome {
    settle(args.which, Order::Retry { note: args.note }).await
}

pub(super) async fn reconcile(args: ReconcileArgs) -> Outcome {
    let settled = Settled {
        happened: args.outcome == "succeeded",
        evidence: args.evidence,
    };
    settle(args.which, Order::Reconcile(settled)).await
}

async fn settle(which: Which, order: Order) -> Outcome {
    let ids = if which.ids.is_empty() {
        let found = found(&which).await?;
        if !which.yes {
            shown(&which, &found);
            return Ok(());
        }
        let ids = found.iter().filter_map(|action| action.get("id")?.as_str());
        ids.map(ToOwned::to_owned).collect()
    } else {
        which.ids.clone()
    };
    let asked = ids.len();
    let reply = ask(&which.data, OperatorRequest::Settle { ids, order }).await?;
    let answers = reply.as_array().cloned().unwrap_or_default();
    let refused = answers.iter().filter(|answer| answer.get("error").is_some()).count();
    if which.json {
        print(&reply.to_string());
    } else {
        for answer in &answers {
            print(&told(answer));
        }
    }
    match refused {
        0 => Ok(()),
        _ => Err(Failure::new(format!("{refused} of {} refused", count(asked, "order")))),
    }
}

/// Cancels every pending action of a tool; shown first.
pub(super) async fn cancel_all(data: DataArg, tool: String, reason: Option<String>, yes: bool, json: bool) -> Outcome {
    let which = Which {
        data,
        ids: Vec::new(),
        state: None,
        tool: Some(tool),
        yes,
        json,
    };
    let found = of_stages(&which, &[Stage::Pending]).await?;
    if !yes {
        shown(&which, &found);
        return Ok(());
    }
    for action in found {
        let Some(id) = action.get("id").and_then(Value::as_str) else {
            continue;
        };
        let mut arguments = serde_json::Map::from_iter([("actionId".to_owned(), json!(id))]);
        arguments.extend(reason.clone().map(|reason| ("reason".to_owned(), json!(reason))));
        let tool = "cancel_action".to_owned();
        let answer = ask(&which.data, OperatorRequest::Call { tool, arguments }).await?;
        print(&if json { answer.to_string() } else { told(&answer) });
    }
    Ok(())
}

/// What the filter finds.
async fn found(which: &Which) -> Result<Vec<Value>, Failure> {
    let wanted = |stage: &Stage| which.state.as_deref().is_none_or(|wanted| wanted == stage.word());
    let stages: Vec<Stage> = [Stage::Failed, Stage::Unknown].into_iter().filter(wanted).collect();
    of_stages(which, &stages).await
}

async fn of_stages(which: &Which, stages: &[Stage]) -> Result<Vec<Value>, Failure> {
    let mut found = Vec::new();
    for stage in stages {
        let request = OperatorRequest::Actions {
            stage: Some(*stage),
            limit: MOST,
        };
        let listed = ask(&which.data, request).await?;
        let fits = |action: &&Value| {
            let tool = action.get("tool").and_then(Value::as_str);
            which.tool.is_none() || which.tool.as_deref() == tool
        };
        found.extend(listed.as_array().into_iter().flatten().filter(fits).cloned());
    }
    found.truncate(MOST);
    Ok(found)
}

fn shown(which: &Which, found: &[Value]) {
    if which.json {
        print(&json!(found).to_string());
    } else {
        for action in found {
            print(&line(action));
        }
    }
    note(&format!(
        "{} found, nothing was done; say --yes to go on",
        count(found.len(), "action")
    ));
}

fn told(answer: &Value) -> String {
    let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str);
    let id = text("/actionId").unwrap_or("-");
    match (text("/error/code"), text("/error/message")) {
        (Some(code), message) => {
            let hint = text("/error/hint").map(|hint| format!("; {hint}")).unwrap_or_default();
            format!("{id}  no, {code}: {}{hint}", message.unwrap_or_default())
        }
        _ => format!("{id}  {}", text("/status").unwrap_or("-")),
    }
}
