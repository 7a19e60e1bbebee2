//! `orkestra actions`: for operators who look after pending actions, over the REST face of a running server.

use clap::Subcommand;

use super::{Failure, Outcome};

#[derive(Debug, Subcommand)]
pub(super) enum ActionsCommand {}

pub(super) async fn run(command: ActionsCommand) -> Outcome {
    match command {}
}

#[expect(dead_code, reason = "named so that the shape of a failure is plain here")]
type Shape = Failure;
