//! Orkestra: a work-management backend that AI agents operate through MCP.

pub mod audit;
pub mod cli;
pub mod config;
pub mod data;
pub mod demo;
pub mod door;
pub mod execution;
pub mod followers;
pub mod http;
pub mod kernel;
pub mod mcp;
pub mod modules;
pub mod processor;
pub mod subjects;
pub mod telemetry;
