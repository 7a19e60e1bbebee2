//! What is kept and where: items and locations.

use projections::Id;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::kernel::{Describe, Keys, Words};
use crate::{choice, entity};

choice! {
    /// Whether single pieces or batches of an item are told apart.
    #[derive(Default)]
    pub enum Tracking {
        /// They are not.
        #[default]
        None = "none",
        /// By batch.
        Lot = "lot",
        /// By piece.
        Serial = "serial",
    }
}

choice! {
    /// How what is taken out is valued.
    #[derive(Default)]
    pub enum Valuation {
        /// At the average of what is there.
        #[default]
        MovingAverage = "moving_average",
        /// At the cost of what came first.
        Fifo = "fifo",
        /// At a cost that was set; what differs is posted apart.
        Standard = "standard",
    }
}

choice! {
    /// Whether an item is still used.
    #[derive(Default)]
    pub enum ItemStatus {
        /// In use.
        #[default]
        Active = "active",
        /// Being used up.
        PhaseOut = "phase_out",
        /// No longer used.
        Discontinued = "discontinued",
    }
}

choice! {
    /// What a location is.
    #[derive(Default)]
    pub enum LocationKind {
        /// A building.
        #[default]
        Warehouse = "warehouse",
        /// A part of one.
        Zone = "zone",
        /// A shelf or box.
        Bin = "bin",
        /// On the way between two.
        Transit = "transit",
        /// Where goods come from.
        Supplier = "supplier",
        /// Where goods go to.
        Customer = "customer",
        /// What is thrown away.
        Scrap = "scrap",
        /// What was corrected.
        Adjustment = "adjustment",
    }
}

impl LocationKind {
    /// Whether nothing is really there: the other side of the ledger.
    pub const fn is_virtual(self) -> bool {
        matches!(self, Self::Supplier | Self::Customer | Self::Scrap | Self::Adjustment)
    }
}

/// An amount in a currency.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Money {
    /// How much.
    pub amount: Decimal,
    /// ISO 4217.
    pub currency: String,
}

/// Another unit that an item is counted in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AltUom {
    /// The unit.
    pub uom: String,
    /// How many base units one of it is.
    pub factor: Decimal,
}

/// When more of an item is to be had, at one location.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReorderRule {
    /// Where; what stands in it counts too.
    pub location: Id<StockLocation>,
    /// The reorder point.
    pub min: Decimal,
    /// How much there is to be after an order.
    pub max: Decimal,
    /// Orders are a multiple of this.
    pub multiple: Option<Decimal>,
    /// Days from order to receipt.
    pub lead_time_days: Option<i64>,
}

entity! {
    /// Something that is kept in stock.
    pub struct StockItem("stockItem", "itm") {
        /// Its number; unique, case aside.
        sku: String,
        /// Its name.
        name: String,
        /// What it is, Markdown.
        description: String,
        /// What it is listed under.
        category: Option<String>,
        /// The unit that quantities are kept in; fixed after the first movement.
        uom: String,
        /// Other units.
        alt_uoms: Vec<AltUom>,
        /// Decimal places of quantities, 0 to 6.
        precision: u32,
        /// Whether batches or pieces are told apart; fixed after the first movement.
        tracking: Tracking,
        /// How what is taken out is valued; fixed after the first movement.
        valuation: Valuation,
        /// The set cost of one unit.
        standard_cost: Option<Money>,
        /// How long a lot keeps that names no expiry.
        shelf_life_days: Option<i64>,
        /// When more is to be had.
        reorder: Vec<ReorderRule>,
        /// Whether more may be taken than is there.
        allow_negative: bool,
        /// Whether it is still used.
        status: ItemStatus,
    }
}

impl Describe for StockItem {
    fn keys(&self, keys: &mut Keys) {
        keys.name(&self.sku);
        keys.name(&self.name);
        keys.key("sku", crate::kernel::text::fold(&self.sku));
        for rule in &self.reorder {
            keys.of(rule.location);
        }
    }
    fn words<'a>(&'a self, words: &mut Words<'a>) {
        words.title(&self.sku);
        words.title(&self.name);
        words.body(&self.description);
    }
    fn label(&self) -> String {
        self.name.clone()
    }
    fn key(&self) -> Option<String> {
        Some(self.sku.clone())
    }
}

entity! {
    /// A place that goods are at, come from, or go to.
    pub struct StockLocation("stockLocation", "loc") {
        /// Its short name; unique, case aside.
        code: String,
        /// Its name.
        name: String,
        /// The location it is in.
        parent: Option<Id<StockLocation>>,
        /// What it is.
        kind: LocationKind,
        /// Whether goods may be issued from it.
        pickable: bool,
        /// Whether it is in use.
        active: bool,
    }
}

impl Describe for StockLocation {
    fn keys(&self, keys: &mut Keys) {
        keys.name(&self.code);
        keys.name(&self.name);
        keys.key("code", crate::kernel::text::fold(&self.code));
        keys.key("kind", self.kind.word());
        if let Some(parent) = self.parent {
            keys.key("parent", parent);
            keys.of(parent);
        }
    }
    fn label(&self) -> String {
        self.name.clone()
    }
    fn key(&self) -> Option<String> {
        Some(self.code.clone())
    }
}
