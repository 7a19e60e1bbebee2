//! `save_stock_item`.

use projections::Id;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::entity::{AltUom, ItemStatus, ReorderRule, StockItem, StockLocation, Tracking, Valuation};
use super::guard::{code, promised};
use super::item_rules::{frozen, revalue, rules};
use super::lines::MoneyArgs;
use super::places;
use super::reservations::holding;
use super::units::Uom;
use crate::args;
use crate::kernel::arg::{Clear, Dec, In, Int, JsonObject, List, Md, Str, UpdateArgs};
use crate::kernel::{Plan, Ref, Rejection, View, text};

args! {
    /// Another unit.
    pub struct AltUomArgs {
        uom: Str<1, 16>,
        /// Base units in one of it.
        factor: Dec,
    }
}

args! {
    /// A reorder rule.
    pub struct ReorderArgs {
        location: Ref<StockLocation>,
        min: Dec,
        max: Dec,
        multiple: Option<Dec>,
        lead_time_days: Option<Int<0, 3650>>,
        /// Needs module Contacts.
        supplier: Option<Str<1, 200>>,
    }
}

args! {
    /// Arguments of `save_stock_item`.
    pub struct SaveStockItem {
        /// The item; a new one where left out.
        item: Option<Ref<StockItem>>,
        sku: Option<Str<1, 64>>,
        name: Option<Str<1, 200>>,
        description: Option<Md<16384>>,
        category: Option<Str<1, 100>>,
        /// The base unit; fixed after the first movement.
        uom: Option<Uom>,
        alt_uoms: Option<List<AltUomArgs, 0, 20>>,
        /// Decimal places of quantities.
        precision: Option<Int<0, 6>>,
        tracking: Option<Tracking>,
        valuation: Option<Valuation>,
        standard_cost: Option<Clear<MoneyArgs>>,
        shelf_life_days: Option<Clear<Int<1, 3650>>>,
        /// All rules.
        reorder: Option<List<ReorderArgs, 0, 50>>,
        allow_negative: Option<bool>,
        status: Option<ItemStatus>,
        /// Needs module Custom fields.
        custom_fields: Option<JsonObject>,
        write: In<UpdateArgs>,
    }
}

/// `save_stock_item`.
pub fn save(args: SaveStockItem, view: &View<'_>) -> Result<Plan, Rejection> {
    if args.custom_fields.is_some() {
        return Err(Rejection::not_yet("customFields", "Custom fields"));
    }
    let known = args.item.as_ref().map(|item| view.resolve(item)).transpose()?;
    if let Some(row) = known {
        Plan::expect(view, row, args.write.expected_version)?;
    }
    let before = known.map_or_else(StockItem::default, |row| row.entity.clone());
    let after = changed(&args, view, known.is_none(), &before)?;
    free_sku(view, &after.sku, known.map(|row| row.id))?;
    check(view, &after)?;
    let Some(row) = known else { return create(view, after) };
    frozen(view, row, &after)?;
    let mut plan = Plan::new(format!("Change stock item {}", row.sku));
    revalue(&mut plan, view, row, &after)?;
    let (old, new) = (row.reorder.clone(), after.reorder.clone());
    if after.status == ItemStatus::Discontinued {
        let open: Vec<Value> = holding(view, row.id)
            .take(20)
            .map(|held| promised(view, held))
            .collect();
        plan.detail("openReservations", open);
    }
    let sku = after.sku.clone();
    plan.edit("stock.item_saved", row, |item| *item = after)?;
    rules(&mut plan, view, row, &old, &new)?;
    plan.result = json!({"id": row.id.to_string(), "sku": sku});
    Ok(plan)
}

fn create(view: &View<'_>, after: StockItem) -> Result<Plan, Rejection> {
    let id = view.new_id::<StockItem>();
    let mut plan = Plan::new(format!("Create stock item {} \"{}\"", after.sku, after.name));
    plan.result = json!({"id": id.to_string(), "sku": after.sku});
    let now = after
        .reorder
        .iter()
        .map(|rule| json!({"location": code(view, rule.location), "firesAtOnce": false}));
    plan.detail("reorder", now.collect::<Vec<_>>());
    plan.create("stock.item_saved", id, after)?;
    Ok(plan)
}

fn changed(args: &SaveStockItem, view: &View<'_>, is_new: bool, before: &StockItem) -> Result<StockItem, Rejection> {
    let mut after = before.clone();
    let required = |name: &str, given: bool| {
        if is_new && !given {
            return Err(Rejection::argument(name, "is required for a new item"));
        }
        Ok(())
    };
    required("sku", args.sku.is_some())?;
    required("name", args.name.is_some())?;
    required("uom", args.uom.is_some())?;
    set(&mut after.sku, args.sku.as_ref().map(|text| text.0.clone()));
    set(&mut after.name, args.name.as_ref().map(|text| text.0.clone()));
    set(
        &mut after.description,
        args.description.as_ref().map(|text| text.0.clone()),
    );
    set(&mut after.uom, args.uom.as_ref().map(|text| text.0.clone()));
    set(
        &mut after.category,
        args.category.as_ref().map(|text| Some(text.0.clone())),
    );
    set(
        &mut after.precision,
        args.precision.map(|places| u32::try_from(places.0).unwrap_or(0)),
    );
    set(&mut after.tracking, args.tracking);
    set(&mut after.valuation, args.valuation);
    set(&mut after.allow_negative, args.allow_negative);
    set(&mut after.status, args.status);
    set(
        &mut after.standard_cost,
        args.standard_cost
            .as_ref()
            .map(|cost| cost.as_value().map(MoneyArgs::money)),
    );
    set(
        &mut after.shelf_life_days,
        args.shelf_life_days
            .as_ref()
            .map(|days| days.as_value().map(|days| days.0)),
    );
    if let Some(units) = &args.alt_uoms {
        after.alt_uoms = units
            .iter()
            .map(|unit| AltUom {
                uom: unit.uom.0.clone(),
                factor: unit.factor.0,
            })
            .collect();
    }
    if let Some(given) = &args.reorder {
        after.reorder = given.iter().map(|rule| rule_of(view, rule)).collect::<Result<_, _>>()?;
    }
    Ok(after)
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn rule_of(view: &View<'_>, given: &ReorderArgs) -> Result<ReorderRule, Rejection> {
    if given.supplier.is_some() {
        return Err(Rejection::not_yet("reorder.supplier", "Contacts"));
    }
    let location = places::real(view, &given.location)?;
    let (min, max) = (given.min.0, given.max.0);
    if min < Decimal::ZERO || min > max {
        let message = format!(
            "at {} the reorder point {min} is above {max}, or below 0",
            location.code
        );
        return Err(Rejection::new("min_above_max", message)
            .field("reorder")
            .hint("max is how much there is to be after an order; give one that is not below min"));
    }
    if given.multiple.is_some_and(|multiple| multiple.0 <= Decimal::ZERO) {
        return Err(Rejection::argument("reorder.multiple", "must be more than 0"));
    }
    Ok(ReorderRule {
        location: location.id,
        min,
        max,
        multiple: given.multiple.map(|number| number.0),
        lead_time_days: given.lead_time_days.map(|days| days.0),
    })
}

fn check(view: &View<'_>, after: &StockItem) -> Result<(), Rejection> {
    let own = &view.organization()?.currency;
    if let Some(cost) = &after.standard_cost {
        if cost.currency != *own || cost.amount < Decimal::ZERO {
            return Err(Rejection::argument(
                "standardCost",
                format!("must be 0 or more, in {own}, the currency of the books"),
            ));
        }
    } else if after.valuation == Valuation::Standard {
        return Err(Rejection::argument(
            "standardCost",
            "is required with the valuation standard",
        ));
    }
    if after.tracking == Tracking::Serial && after.precision > 0 {
        return Err(Rejection::argument("precision", "must be 0: pieces are whole"));
    }
    if after.tracking != Tracking::None && after.allow_negative {
        return Err(Rejection::argument(
            "allowNegative",
            "must be false for a tracked item: a lot cannot owe goods",
        ));
    }
    let mut seen = vec![text::fold(&after.uom)];
    for unit in &after.alt_uoms {
        let name = text::fold(&unit.uom);
        if unit.factor <= Decimal::ZERO || seen.contains(&name) {
            let rule = format!(
                "must name each unit once, with a factor above 0; `{}` does not",
                unit.uom
            );
            return Err(Rejection::argument("altUoms", rule));
        }
        seen.push(name);
    }
    let mut at: Vec<_> = after.reorder.iter().map(|rule| rule.location).collect();
    at.sort();
    at.dedup();
    if at.len() < after.reorder.len() {
        return Err(Rejection::argument("reorder", "must have one rule per location"));
    }
    Ok(())
}

fn free_sku(view: &View<'_>, sku: &str, own: Option<Id<StockItem>>) -> Result<(), Rejection> {
    let taken = view
        .find::<StockItem>("sku", &text::fold(sku))
        .find(|row| Some(row.id) != own);
    match taken {
        Some(row) => Err(
            Rejection::new("sku_taken", format!("{} is the sku of \"{}\"", row.sku, row.name))
                .field("sku")
                .current(json!({"id": row.id.to_string(), "sku": row.sku, "name": row.name}))
                .hint("use another sku, or name that item in `item` to change it"),
        ),
        None => Ok(()),
    }
}
