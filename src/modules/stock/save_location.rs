//! `save_stock_location`.

use std::sync::Arc;

use projections::Id;
use serde_json::{Value, json};

use super::entity::{LocationKind, StockLocation};
use super::guard::code;
use super::ledger::StockLevel;
use super::places::tree;
use super::reservations::Reservation;
use super::reserving::is_pinned;
use crate::args;
use crate::kernel::arg::{Clear, In, Str, UpdateArgs};
use crate::kernel::{Plan, Ref, Rejection, Row, View, text};

args! {
    /// Arguments of `save_stock_location`.
    pub struct SaveStockLocation {
        /// The location; a new one where left out.
        location: Option<Ref<StockLocation>>,
        code: Option<Str<1, 32>>,
        name: Option<Str<1, 120>>,
        /// The location it is in.
        parent: Option<Clear<Ref<StockLocation>>>,
        /// supplier, customer, scrap and adjustment are virtual.
        kind: Option<LocationKind>,
        /// Whether goods may be issued from it.
        pickable: Option<bool>,
        /// false closes it.
        active: Option<bool>,
        write: In<UpdateArgs>,
    }
}

/// Deepest place in the tree.
const DEPTH_MAX: usize = 6;

/// `save_stock_location`.
pub fn save(args: SaveStockLocation, view: &View<'_>) -> Result<Plan, Rejection> {
    let known = args.location.as_ref().map(|at| view.resolve(at)).transpose()?;
    if let Some(row) = known {
        Plan::expect(view, row, args.write.expected_version)?;
    }
    let mut after = match known {
        Some(row) => row.entity.clone(),
        None => new(&args)?,
    };
    if let Some(code) = &args.code {
        free_code(view, code, known.map(|row| row.id))?;
        after.code.clone_from(&code.0);
    }
    if let Some(name) = &args.name {
        after.name.clone_from(&name.0);
    }
    if let Some(kind) = args.kind.filter(|kind| *kind != after.kind) {
        kind_is_free(view, known)?;
        after.kind = kind;
    }
    if let Some(parent) = &args.parent {
        let parent = parent.as_value().map(|parent| view.resolve(parent)).transpose()?;
        after.parent = parent.map(|row| row.id);
    }
    after.pickable = args.pickable.unwrap_or(after.pickable) && !after.kind.is_virtual();
    after.active = args.active.unwrap_or(after.active);
    let path = path(view, known.map(|row| row.id), &after)?;
    let mut plan = Plan::new("");
    plan.detail("path", path);
    if let Some(row) = known {
        if row.active && !after.active {
            closable(&mut plan, view, row)?;
        }
        plan.summary = format!("Change stock location {}", row.code);
        plan.result = json!({"id": row.id.to_string(), "code": after.code});
        plan.edit("stock.location_saved", row, |location| *location = after)?;
    } else {
        let id = view.new_id::<StockLocation>();
        plan.summary = format!("Create stock location {} \"{}\"", after.code, after.name);
        plan.result = json!({"id": id.to_string(), "code": after.code});
        plan.create("stock.location_saved", id, after)?;
    }
    Ok(plan)
}

fn new(args: &SaveStockLocation) -> Result<StockLocation, Rejection> {
    let code = args
        .code
        .as_ref()
        .ok_or_else(|| Rejection::argument("code", "is required for a new location"))?;
    let kind = args.kind.unwrap_or_default();
    Ok(StockLocation {
        code: code.0.clone(),
        name: args.name.as_ref().map_or_else(|| code.0.clone(), |name| name.0.clone()),
        parent: None,
        kind,
        pickable: !kind.is_virtual() && kind != LocationKind::Transit,
        active: true,
    })
}

fn free_code(view: &View<'_>, wanted: &str, own: Option<Id<StockLocation>>) -> Result<(), Rejection> {
    let taken = view
        .find::<StockLocation>("code", &text::fold(wanted))
        .find(|row| Some(row.id) != own);
    taken.map_or(Ok(()), |row| {
        Err(Rejection::argument(
            "code",
            format!("must be free; {} is \"{}\"", row.code, row.name),
        ))
    })
}

/// What a location is cannot change once something moved there.
fn kind_is_free(view: &View<'_>, known: Option<&Arc<Row<StockLocation>>>) -> Result<(), Rejection> {
    let Some(row) = known else { return Ok(()) };
    if view
        .find::<StockLevel>("location", &row.id.to_string())
        .next()
        .is_none()
    {
        return Ok(());
    }
    Err(Rejection::new(
        "kind_frozen",
        format!("{} is of kind {} since goods moved there", row.code, row.kind),
    )
    .field("kind")
    .current(json!({"kind": row.kind}))
    .hint("make another location"))
}

/// The codes from the root down to it; refused where it would stand in itself, or too deep.
fn path(view: &View<'_>, own: Option<Id<StockLocation>>, after: &StockLocation) -> Result<Vec<String>, Rejection> {
    let mut path = vec![after.code.clone()];
    let mut above = after.parent;
    while let Some(id) = above {
        if Some(id) == own {
            return Err(
                Rejection::new("cycle", format!("{} stands above that location already", after.code))
                    .field("parent")
                    .hint("move the other one out first"),
            );
        }
        path.push(code(view, id));
        above = view.get(id).and_then(|row| row.parent);
    }
    let below = own.map_or(0, |own| depth(view, own));
    if path.len() + below > DEPTH_MAX {
        let rule = format!("would make the tree deeper than {DEPTH_MAX}");
        return Err(Rejection::argument("parent", rule));
    }
    path.reverse();
    Ok(path)
}

fn depth(view: &View<'_>, root: Id<StockLocation>) -> usize {
    let inside = view.find::<StockLocation>("parent", &root.to_string());
    inside.map(|row| 1 + depth(view, row.id)).max().unwrap_or(0)
}

/// What is still inside keeps a location from being closed.
fn closable(plan: &mut Plan, view: &View<'_>, row: &Row<StockLocation>) -> Result<(), Rejection> {
    let inside = tree(view, row.id);
    let mut stock: Vec<Value> = Vec::new();
    for at in &inside {
        for level in view.find::<StockLevel>("location", &at.to_string()) {
            if !level.on_hand.is_zero() || !level.in_transit.is_zero() {
                let sku = view.get(level.item).map(|item| item.sku.clone());
                stock.push(json!({"location": code(view, *at), "item": sku, "onHand": level.on_hand, "inTransit": level.in_transit}));
            }
        }
    }
    let held: Vec<Value> = view
        .rows::<Reservation>()
        .filter(|held| is_pinned(view, held, &inside))
        .take(20)
        .map(|held| super::guard::promised(view, held))
        .collect();
    let open = inside
        .iter()
        .skip(1)
        .filter_map(|at| view.get(*at))
        .filter(|place| place.active);
    let open: Vec<String> = open.map(|place| place.code.clone()).collect();
    plan.detail(
        "inside",
        json!({"stock": stock, "reservations": held, "locations": open}),
    );
    if row.kind.is_virtual() || stock.is_empty() && held.is_empty() && open.is_empty() {
        return Ok(());
    }
    stock.truncate(20);
    Err(Rejection::new("not_empty", format!("{} is not empty", row.code))
        .field("active")
        .current(json!({"stock": stock, "reservations": held, "locations": open}))
        .hint("move what is inside elsewhere with transfer_stock, and close the locations in it first"))
}
