//! What the books must say after anything that happened: asked of the state itself, not of the tools.

use std::collections::BTreeMap;

use orkestra::kernel::{Row, State};
use orkestra::modules::stock::{
    Budget, BudgetEntry, EntryKind, Movement, MovementKind, Reservation, ReservationStatus, StockCost, StockItem,
    StockLevel, StockLocation,
};
use projections::Id;
use rust_decimal::Decimal;

/// Every rule of the ledger that must hold at every moment.
pub fn agree(state: &State) {
    let moves: Vec<_> = state.table::<Movement>().unwrap().rows().collect();
    let virtual_places: Vec<Id<StockLocation>> = state
        .table::<StockLocation>()
        .unwrap()
        .rows()
        .filter(|row| row.kind.is_virtual())
        .map(|row| row.id)
        .collect();
    let mut cells: BTreeMap<_, Decimal> = BTreeMap::new();
    let mut values: BTreeMap<_, Decimal> = BTreeMap::new();
    for row in &moves {
        assert!(row.qty > Decimal::ZERO || row.is_revaluation(), "{row:?}");
        for end in [row.from, row.to] {
            if !row.is_revaluation() {
                *cells.entry((row.item, end, row.lot)).or_default() += row.quantity_at(end);
            }
        }
        for end in if row.is_revaluation() {
            vec![row.to]
        } else {
            vec![row.from, row.to]
        } {
            *values.entry((row.item, end)).or_default() += row.value_at(end);
        }
    }
    cells.retain(|_, sum| !sum.is_zero());
    let mut kept = BTreeMap::new();
    let mut of_item: BTreeMap<Id<StockItem>, Decimal> = BTreeMap::new();
    for level in state.table::<StockLevel>().unwrap().rows() {
        assert!(level.in_transit >= Decimal::ZERO, "{level:?}");
        *of_item.entry(level.item).or_default() += level.on_hand;
        let item = state.table::<StockItem>().unwrap().get(level.item).unwrap();
        let real = !virtual_places.contains(&level.location);
        assert!(
            !real || item.allow_negative || level.on_hand >= Decimal::ZERO,
            "below zero: {level:?}"
        );
        if !level.on_hand.is_zero() {
            kept.insert((level.item, level.location, level.lot), level.on_hand);
        }
    }
    assert_eq!(kept, cells, "levels are what the movements add up to");
    assert!(
        of_item.values().all(Decimal::is_zero),
        "all locations of an item together are zero: {of_item:?}"
    );
    for cost in state.table::<StockCost>().unwrap().rows() {
        let there: Decimal = kept
            .iter()
            .filter(|((item, at, _), _)| (*item, *at) == (cost.item, cost.location))
            .map(|(_, qty)| qty)
            .sum();
        assert_eq!(cost.quantity, there, "{cost:?}");
        let booked = values.get(&(cost.item, cost.location)).copied().unwrap_or_default();
        assert_eq!(cost.value, booked, "values are what the movements add up to: {cost:?}");
        assert!(
            !cost.quantity.is_zero() || cost.value.is_zero(),
            "nothing is worth nothing: {cost:?}"
        );
        if !cost.layers.is_empty() {
            let (qty, value) = cost
                .layers
                .iter()
                .fold((Decimal::ZERO, Decimal::ZERO), |(qty, value), layer| {
                    (qty + layer.qty, value + layer.value)
                });
            assert_eq!((qty, value), (cost.quantity, cost.value), "layers: {cost:?}");
        }
    }
    promises(state, &moves);
}

/// What was issued against a promise is what its movements say.
fn promises(state: &State, moves: &[&std::sync::Arc<Row<Movement>>]) {
    for row in state.table::<Reservation>().unwrap().rows() {
        let standing = moves.iter().filter(|one| {
            one.reservation == Some(row.id) && one.kind == MovementKind::Issue && !is_reversed(moves, one.id)
        });
        let issued: Decimal = standing.map(|one| one.qty).sum();
        assert_eq!(row.fulfilled, issued, "{row:?}");
        assert!(row.remaining() >= Decimal::ZERO, "{row:?}");
        assert!(
            row.status != ReservationStatus::Fulfilled || row.remaining().is_zero(),
            "{row:?}"
        );
    }
}

fn is_reversed(moves: &[&std::sync::Arc<Row<Movement>>], id: Id<Movement>) -> bool {
    moves
        .iter()
        .any(|one| one.reverses == Some(id) && !is_reversed(moves, one.id))
}

/// Every rule of budgets: what is available is what was allocated, less open commitments, less what was spent.
pub fn budgets_agree(state: &State) {
    let entries: Vec<_> = state.table::<BudgetEntry>().unwrap().rows().collect();
    for budget in state.table::<Budget>().unwrap().rows() {
        let mut committed = Decimal::ZERO;
        for line in &budget.lines {
            let sum = |kinds: &[EntryKind]| -> Decimal {
                let own = entries
                    .iter()
                    .filter(|one| one.budget == budget.id && one.line == line.id && kinds.contains(&one.kind));
                own.map(|one| one.amount).sum()
            };
            let allocated = sum(&[EntryKind::Allocation, EntryKind::Transfer]);
            assert_eq!(allocated, line.allocated, "{line:?}");
            let spent = sum(&[EntryKind::Spend]) - sum(&[EntryKind::Reversal]);
            assert!(spent >= Decimal::ZERO, "{line:?}");
            let used_up: Decimal = entries
                .iter()
                .filter(|one| one.budget == budget.id && one.line == line.id)
                .map(|one| {
                    if one.kind == EntryKind::Reversal {
                        -one.off_commitment
                    } else {
                        one.off_commitment
                    }
                })
                .sum();
            let open =
                sum(&[EntryKind::Commitment, EntryKind::CommitmentChange]) - sum(&[EntryKind::Release]) - used_up;
            assert!(open >= Decimal::ZERO, "{line:?}");
            committed += open;
            let tolerated = line.allocated * budget.tolerance_percent / Decimal::ONE_HUNDRED;
            assert!(open + spent <= line.allocated + tolerated, "{line:?}");
        }
        let of_each: Decimal = entries
            .iter()
            .filter(|one| one.budget == budget.id && one.kind == EntryKind::Commitment)
            .map(|one| open_of(&entries, one))
            .inspect(|open| assert!(*open >= Decimal::ZERO, "a commitment is overdrawn"))
            .sum();
        assert_eq!(of_each, committed, "open commitments one by one, and by line");
    }
}

fn open_of(entries: &[&std::sync::Arc<Row<BudgetEntry>>], commitment: &Row<BudgetEntry>) -> Decimal {
    let of = entries.iter().filter(|one| one.commitment == Some(commitment.id));
    let later: Decimal = of
        .map(|one| match one.kind {
            EntryKind::CommitmentChange => one.amount,
            EntryKind::Release => -one.amount,
            EntryKind::Spend => -one.off_commitment,
            EntryKind::Reversal => one.off_commitment,
            _ => Decimal::ZERO,
        })
        .sum();
    commitment.amount + later
}
