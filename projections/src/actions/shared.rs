//! What many actions have in common, kept once: words such as tools and policies, the actors, and both together.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use super::{Manner, caller};
use crate::Actor;

/// Texts, actors and manners that actions share. Cloning shares structure.
#[derive(Clone, Debug, Default)]
pub(super) struct Shared {
    texts: OrdSet<Arc<str>>,
    /// The newest actor of each caller; the client it names may change.
    actors: OrdMap<String, Arc<Actor>>,
    /// The newest manner of each caller and tool.
    manners: OrdMap<Arc<str>, OrdMap<Arc<str>, Arc<Manner>>>,
}

impl Shared {
    /// The one copy of a manner, for as long as it does not change for its caller and tool.
    pub(super) fn manner(&mut self, manner: &Manner) -> Arc<Manner> {
        let of_caller = self.manners.get(caller(&manner.proposer));
        match of_caller.and_then(|tools| tools.get(&manner.tool)) {
            Some(known) if **known == *manner => Arc::clone(known),
            _ => self.remember(manner),
        }
    }

    fn remember(&mut self, manner: &Manner) -> Arc<Manner> {
        let new = Arc::new(Manner {
            org: self.text(&manner.org),
            tool: self.text(&manner.tool),
            kind: self.text(&manner.kind),
            risk: self.text(&manner.risk),
            policy: self.text(&manner.policy),
            proposer: self.actor(&manner.proposer),
        });
        let caller = self.text(caller(&manner.proposer));
        let tools = self.manners.entry(caller).or_default();
        tools.insert(Arc::clone(&new.tool), Arc::clone(&new));
        new
    }

    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = Arc::from(text);
        self.texts.insert(Arc::clone(&new));
        new
    }

    fn actor(&mut self, actor: &Actor) -> Arc<Actor> {
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
