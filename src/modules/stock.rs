//! Stock: an inventory in a double-entry ledger of movements, and budgets of allocations, commitments and spend.

mod adjust;
mod book;
mod budgets;
mod counting;
mod counts;
mod entity;
mod expiring;
mod get;
mod guard;
mod issue;
mod item_rules;
mod ledger;
mod lines;
mod list;
mod moved;
mod opening;
mod outlook;
mod pick;
mod places;
mod posting;
mod process;
mod receive;
mod reorder;
mod report;
mod reservations;
mod reserving;
mod reverse;
mod save_item;
mod save_location;
mod shown;
mod transfer;
mod undo;
mod units;
mod valuation;

pub use budgets::{Balance, Budget, BudgetEntry, EntryKind};
pub use counts::{CountLine, CountSession};
pub use entity::{StockItem, StockLocation};
pub use ledger::{Lot, Movement, MovementKind, ReorderState, StockCost, StockLevel};
pub use reservations::{Reservation, ReservationStatus};

use crate::kernel::Module;
use crate::kernel::tool::{ToolKind, output};

/// The module's table of contents.
pub fn module() -> Module {
    let module = Module::new("stock", "Stock", "What is in stock, where and at what cost; budgets")
        .permission("stock.override", "take from lots that are held back or over their date")
        .permission("budget.approve", "spend beyond what a budget has")
        .entity::<StockItem>()
        .entity::<StockLocation>()
        .entity::<Lot>()
        .strikes(expiring::lot)
        .entity::<Movement>()
        .entity::<StockLevel>()
        .entity::<StockCost>()
        .entity::<ReorderState>()
        .entity::<Reservation>()
        .strikes(expiring::reservation)
        .entity::<CountSession>()
        .entity::<Budget>()
        .entity::<BudgetEntry>()
        .undone_by(undo::counter);
    money(goods(module))
}

/// Goods: what there is, and what moves it.
fn goods(module: Module) -> Module {
    module
        .read(
            "list_stock_items",
            "List stock by item, location (also the list of locations), lot or category.",
            list::list,
        )
        .returns(output::list(&list::COLUMNS))
        .read(
            "get_stock_item",
            "Get one item; expand: movements, reservations, layers, reorder, counts.",
            get::get,
        )
        .returns(output::item(&list::COLUMNS))
        .write(
            ToolKind::Write,
            "save_stock_item",
            "Create or change a stock item.",
            save_item::save,
        )
        .write(
            ToolKind::Write,
            "save_stock_location",
            "Create, change or close a stock location.",
            save_location::save,
        )
        .write(
            ToolKind::Write,
            "receive_stock",
            "Receive goods, by lot where tracked.",
            receive::receive,
        )
        .write(
            ToolKind::Write,
            "issue_stock",
            "Issue goods; lots that expire first go first.",
            issue::issue,
        )
        .write(
            ToolKind::Write,
            "transfer_stock",
            "Move goods between locations, at once or in transit.",
            transfer::transfer,
        )
        .write(
            ToolKind::Sensitive,
            "adjust_stock",
            "Put stock right, revalue it, change a lot's status, or take movements back.",
            adjust::adjust,
        )
        .revised(2)
        .write(
            ToolKind::Write,
            "count_stock",
            "Open, record, post or cancel a count of stock.",
            counting::count,
        )
        .write(
            ToolKind::Write,
            "reserve_stock",
            "Reserve stock for something, change or release a reservation.",
            reserving::reserve,
        )
        .read(
            "get_stock_report",
            "Report on stock: valuation, movements, reorder, ageing, expiring, turnover, variance, reservations.",
            report::report,
        )
        .adds_up()
        .returns(output::list(&[]))
}

/// Budgets.
fn money(module: Module) -> Module {
    module
        .read(
            "list_budgets",
            "List budgets with what is committed, spent and available; budget: one, with lines and entries.",
            budgets::list,
        )
        .returns(output::list(&budgets::COLUMNS))
        .revised(2)
        .write(
            ToolKind::Sensitive,
            "save_budget",
            "Draw up, approve, freeze, close or reallocate a budget.",
            budgets::save,
        )
        .write(
            ToolKind::Write,
            "commit_budget",
            "Commit money of a budget, change or release a commitment.",
            budgets::commit,
        )
        .write(
            ToolKind::Write,
            "record_spend",
            "Record what was spent of a budget, or take a spend back.",
            budgets::spend,
        )
}
