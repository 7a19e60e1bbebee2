//! A state from stretches: the newest of each row, in order. One thread reads and compares, one puts actions back, one the
//! rest.

use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use projections::{Action, Named as _};

use super::Stretch;
use super::file::Rows;
use projections::actions::Reader;

use crate::kernel::State;
use crate::kernel::state::Kind;

/// Bytes of rows that are handed over together.
const TOGETHER_BYTES: usize = 128 << 10;
/// Hand-overs that wait.
const WAITING: usize = 8;

/// The state at the end of the last stretch.
///
/// # Errors
/// The number of the stretch that is not what was written.
pub(super) fn state(stretches: &[Stretch], kinds: &[Kind]) -> Result<State, usize> {
    let last = stretches.last().ok_or(0_usize)?;
    let mut heap = BinaryHeap::with_capacity(stretches.len());
    for (number, stretch) in stretches.iter().enumerate() {
        let rows = Rows::open(&stretch.path, number).and_then(|mut rows| Ok(rows.advance()?.then_some(rows)));
        heap.extend(rows.map_err(|_| number)?);
    }
    let (actions, mut others) = thread::scope(|scope| {
        let (to_actions, actions) = sync_channel(WAITING);
        let (to_others, others) = sync_channel(WAITING);
        let actions = scope.spawn(|| put_back(kinds, actions));
        let others = scope.spawn(|| put_back(kinds, others));
        let merged = merge(heap, to_actions, to_others);
        let joined = |state: thread::ScopedJoinHandle<'_, _>| state.join().ok().flatten();
        let (actions, others) = (joined(actions), joined(others));
        // Rows that cannot be put back although they are what was written: this program does not understand any of it.
        merged.and_then(|()| Ok((actions.ok_or(0_usize)?, others.ok_or(0_usize)?)))
    })?;
    others.actions = actions.actions;
    (others.position, others.at) = (last.head.to, last.head.at);
    Ok(others)
}

/// Hands over the newest of each row.
fn merge(
    mut heap: BinaryHeap<Rows>,
    to_actions: SyncSender<Vec<u8>>,
    to_others: SyncSender<Vec<u8>>,
) -> Result<(), usize> {
    let is_action = |name: &[u8]| {
        let kind = name.strip_prefix(Action::KIND.as_bytes());
        kind.is_some_and(|rest| rest.first() == Some(&b' '))
    };
    let (mut actions, mut others) = (Handing::to(to_actions), Handing::to(to_others));
    let mut before = Vec::new();
    while let Some(mut first) = heap.peek_mut() {
        if first.name() != before.as_slice() {
            before.clear();
            before.extend_from_slice(first.name());
            let hands = if is_action(&before) { &mut actions } else { &mut others };
            if let Some(row) = first.row() {
                hands.take(row);
            }
        }
        match first.advance() {
            Ok(true) => {}
            Ok(false) => drop(PeekMut::pop(first)),
            Err(_) => return Err(first.number),
        }
    }
    actions.give();
    others.give();
    Ok(())
}

/// Rows on their way to a thread.
struct Handing {
    to: SyncSender<Vec<u8>>,
    rows: Vec<u8>,
}

impl Handing {
    fn to(to: SyncSender<Vec<u8>>) -> Self {
        Self { to, rows: Vec::new() }
    }

    fn take(&mut self, row: &[u8]) {
        self.rows.extend_from_slice(row);
        if self.rows.len() >= TOGETHER_BYTES {
            self.give();
        }
    }

    fn give(&mut self) {
        // Whoever does not hear has given up, and says so at the end.
        drop(self.to.send(std::mem::take(&mut self.rows)));
    }
}

fn put_back(kinds: &[Kind], rows: Receiver<Vec<u8>>) -> Option<State> {
    let (mut state, mut actions) = (State::unindexed(kinds), Reader::default());
    for some in rows {
        for row in std::str::from_utf8(&some).ok()?.split_terminator('\n') {
            let (kind, rest) = row.split_once(' ')?;
            let (id, text) = rest.split_once(' ')?;
            let row = state.understand(&mut actions, kind, id, text).ok()?;
            state.put_back(row).ok()?;
        }
    }
    state.settle();
    Some(state)
}
