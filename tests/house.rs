//! The one test binary of the house: stories of decisions, the rules that the code itself keeps, and the program as a process.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is wrong"
)]

mod audit;
mod evidence;
mod fixture;
mod full;
mod killed;
mod nats;
mod outside;
mod rows;
mod security;
mod served;
mod server;
mod slow;
mod stories;
mod story;
mod surface;
mod telemetry;
mod tidy;
mod timed;
mod week;
