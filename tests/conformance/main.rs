//! The server that the conformance suite is run against: the product's handler with the suite's fixtures in front of it.
//! Only with the feature `conformance`, never in a release.

mod changes;
mod fixtures;
mod handler;
mod rounds;
mod serve;
mod talks;

use std::io;

/// Stands in for the product until its handler exists.
struct Nothing;

impl rmcp::ServerHandler for Nothing {}

#[tokio::main]
async fn main() -> io::Result<()> {
    serve::serve(|| Ok(Nothing)).await
}
