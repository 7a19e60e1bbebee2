//! Budgets: allocations, commitments and spend.

mod balance;
mod checks;
mod closing;
mod commit;
mod entering;
mod entity;
mod lines;
mod list;
mod save;
mod spend;
mod undo;

pub use balance::Balance;
pub use commit::commit;
pub use entity::{Budget, BudgetEntry, EntryKind};
pub use list::{COLUMNS, list};
pub use save::save;
pub use spend::{received, spend};
pub use undo::counter;
