//! Budgets: allocations, commitments and spend.

pub mod entity;
pub mod spend;

pub use entity::{Budget, BudgetEntry};
