//! The `orkestra` command.

fn main() {}
