//! An engine whose state went through the rows of a checkpoint: it must say and write what the other one does.

use std::sync::Arc;

use orkestra::kernel::engine::Step;
use orkestra::kernel::{Engine, State};

use super::key;

/// A second engine at the same position, its state taken apart into rows and put together again.
pub fn restarted(engine: &Engine) -> Engine {
    let (registry, state) = (Arc::clone(engine.registry()), engine.state());
    let mut again = State::new(&registry.kinds());
    for kept in state.keep_all() {
        let kept = kept.unwrap();
        assert_eq!(state.keep(kept.kind, &kept.id).unwrap().unwrap(), kept.text);
        again.restore(kept.kind, &kept.id, &kept.text).unwrap();
    }
    again.position = state.position;
    again.at = state.at;
    Engine::new(registry, again, key())
}

/// Both engines gave the same answer and the same records.
pub fn same(tool: &str, step: &Step, again: &Step) {
    let told = |step: &Step| step.answer.clone().unwrap_or_else(|no| no.to_json());
    assert_eq!(
        told(again),
        told(step),
        "{tool}: a restart from rows changes the answer"
    );
    assert_eq!(
        again.records, step.records,
        "{tool}: a restart from rows changes the records"
    );
}
