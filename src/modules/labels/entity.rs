//! The label.

use projections::Id;

use crate::entity;
use crate::kernel::{Describe, Keys, View};
use crate::modules::projects::Project;

entity! {
    /// A tag.
    pub struct Label("label", "lbl") {
        /// Its name; unique in its scope, case aside.
        name: String,
        /// `#rrggbb`.
        color: Option<String>,
        /// The group it belongs to.
        group: Option<String>,
        /// Whether a task may have only one of the group.
        exclusive: bool,
        /// Its project; `None` for the whole organisation.
        project: Option<Id<Project>>,
        /// What it is for.
        description: String,
        /// Names of labels that were merged into it.
        aliases: Vec<String>,
    }
}

impl Describe for Label {
    fn keys(&self, keys: &mut Keys) {
        keys.name(&self.name);
        for alias in &self.aliases {
            keys.name(alias);
        }
        if let Some(project) = self.project {
            keys.key("project", project);
            keys.of(project);
        }
    }
    fn lies_in(&self) -> Option<String> {
        self.project.map(|project| project.to_string())
    }
    fn label(&self) -> String {
        self.name.clone()
    }
    fn is_visible(&self, view: &View<'_>) -> bool {
        self.project.is_none_or(|project| view.get(project).is_some())
    }
}
