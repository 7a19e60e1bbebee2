//! What the company has in stock: items in warehouses, and a ledger of a movement for every fourth task.

use serde_json::{Value, json};

use super::maker::{Maker, word};

const ITEMS: u64 = 1000;
const WAREHOUSES: u64 = 10;

/// The code of an item.
pub fn item(number: u64) -> String {
    format!("I{}", number % ITEMS)
}

/// The code of a warehouse.
pub fn warehouse(number: u64) -> String {
    format!("W{}", number % WAREHOUSES)
}

fn ground(maker: &mut Maker) {
    for number in 0..WAREHOUSES {
        let args = json!({"code": warehouse(number), "kind": "warehouse"});
        maker.done("save_stock_location", &args);
    }
    for number in 0..ITEMS {
        let rule = json!([{"location": warehouse(number), "min": "100", "max": "1000"}]);
        let name = format!("{} {}", word(number), word(number * 7 % 1600));
        let args =
            json!({"sku": item(number), "name": name, "uom": "pcs", "category": word(number % 20), "reorder": rule});
        maker.done("save_stock_item", &args);
    }
}

/// What moves: mostly goods that go out; what came before is enough for it.
fn movement(number: u64) -> (&'static str, Value) {
    let (item, at) = (item(number), warehouse(number));
    match number / ITEMS % 5 {
        0 => {
            let cost = json!({"amount": format!("{}.25", number % 90 + 1), "currency": "EUR"});
            let line = json!({"item": item, "qty": "100", "unitCost": cost});
            ("receive_stock", json!({"lines": [line], "to": at}))
        }
        1 => {
            let line = json!({"item": item, "qty": "30"});
            (
                "transfer_stock",
                json!({"lines": [line], "from": at, "to": warehouse(number + 1)}),
            )
        }
        _ => {
            let line = json!({"item": item, "qty": "7"});
            ("issue_stock", json!({"lines": [line], "from": at}))
        }
    }
}

/// Makes items, warehouses and movements.
pub fn goods(maker: &mut Maker, movements: u64) {
    ground(maker);
    for number in 0..movements {
        let (tool, args) = movement(number);
        maker.done(tool, &args);
        if number % 10_000 == 9_999 {
            eprintln!("{} of {movements} movements made", number + 1);
        }
    }
}
