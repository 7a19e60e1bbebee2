//! Orkestra: a work-management backend that AI agents operate through MCP.

pub mod door;
pub mod kernel;
pub mod modules;
// pub mod processor;
