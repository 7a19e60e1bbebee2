//! The `orkestra` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    orkestra::cli::run()
}
