//! Stories: given, when, then — each a transcript under `snapshots/`, each ending with a replay of its journal.

mod audit;
mod automation;
mod bulk;
mod checkpoint;
mod confirming;
mod erasure;
mod executions;
mod first;
mod labels;
mod organizations;
mod processes;
mod roles;
mod search;
mod shapes;
mod stock;
mod teams;
mod work;
mod workflows;
