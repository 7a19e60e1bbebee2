//! What many actions have in common, kept once: words such as tools and policies, and the actors.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use super::caller;
use crate::Actor;

/// Texts and actors that actions share. Cloning shares structure.
#[derive(Clone, Debug, Default)]
pub(super) struct Shared {
    texts: OrdSet<Arc<str>>,
    /// The newest actor of each caller; the client it names may change.
    actors: OrdMap<String, Arc<Actor>>,
}

impl Shared {
    /// The one copy of a text.
    pub(super) fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = Arc::from(text);
        self.texts.insert(Arc::clone(&new));
        new
    }

    /// A copy of an actor that its actions share for as long as it does not change.
    pub(super) fn actor(&mut self, actor: &Actor) -> Arc<Actor> {
        let caller = caller(actor);
        match self.actors.get(caller) {
            Some(known) if **known == *actor => Arc::clone(known),
            _ => {
                let new = Arc::new(actor.clone());
                self.actors.insert(caller.to_owned(), Arc::clone(&new));
                new
            }
        }
    }
}
