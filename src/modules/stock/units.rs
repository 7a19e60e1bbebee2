//! Quantities: other units to base units, exactly.

use rust_decimal::Decimal;
use serde_json::json;

use super::entity::StockItem;
use super::valuation::product;
use crate::kernel::arg::{Dec, Str};
use crate::kernel::{Rejection, text};

/// The argument of a unit.
pub type Uom = Str<1, 16>;

/// A quantity in base units, exact at the item's precision.
pub fn base(item: &StockItem, qty: Dec, uom: Option<&Uom>) -> Result<Decimal, Rejection> {
    let same = |name: &str, uom: &Uom| text::fold(name) == text::fold(uom);
    let factor = match uom {
        None => Decimal::ONE,
        Some(uom) if same(&item.uom, uom) => Decimal::ONE,
        Some(uom) => {
            let known = item.alt_uoms.iter().find(|alt| same(&alt.uom, uom));
            known.map(|alt| alt.factor).ok_or_else(|| unknown(item, uom))?
        }
    };
    let exact = product(qty.0, factor)?.normalize();
    if exact.scale() <= item.precision {
        return Ok(exact);
    }
    let said = uom.map_or(item.uom.as_str(), |uom| uom);
    let message = format!(
        "{} {said} is {exact} {}, and {} is counted in {} decimal places",
        qty.0, item.uom, item.sku, item.precision
    );
    Err(Rejection::new("uom_not_convertible", message)
        .field("qty")
        .current(json!({"uom": item.uom, "precision": item.precision}))
        .hint("give a quantity that comes out exactly"))
}

/// As [`base`], for what must be more than nothing.
pub fn positive(item: &StockItem, qty: Dec, uom: Option<&Uom>) -> Result<Decimal, Rejection> {
    if qty.0 <= Decimal::ZERO {
        return Err(Rejection::argument(
            "qty",
            format!("must be more than 0, not {}", qty.0),
        ));
    }
    base(item, qty, uom)
}

fn unknown(item: &StockItem, uom: &Uom) -> Rejection {
    let all = [&item.uom].into_iter().chain(item.alt_uoms.iter().map(|alt| &alt.uom));
    Rejection::new(
        "uom_not_convertible",
        format!("{} is not counted in `{}`", item.sku, uom.0),
    )
    .field("uom")
    .allowed(all.cloned())
    .hint("use one of the allowed units, or add this one with save_stock_item")
}
