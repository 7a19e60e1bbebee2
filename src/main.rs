//! The `orkestra` command.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Calls are many small pieces that are made on one thread and freed on another.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    orkestra::cli::run()
}
