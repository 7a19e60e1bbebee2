//! The journal from outside: one contract for every log, the disk's failures, recovery, proofs, fixtures.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where something is wrong"
)]

#[path = "house/archive.rs"]
mod archive;
#[path = "house/contract.rs"]
mod contract;
#[path = "house/crash.rs"]
mod crash;
#[path = "house/damage.rs"]
mod damage;
#[path = "house/evidence.rs"]
mod evidence;
#[path = "house/fixture.rs"]
mod fixture;
#[path = "house/outside.rs"]
mod outside;
#[path = "house/real.rs"]
mod real;
#[path = "house/room.rs"]
mod room;
#[path = "house/shared.rs"]
mod shared;
#[path = "house/support.rs"]
mod support;
