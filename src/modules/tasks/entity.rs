//! The task and what it is made of.

use jiff::Timestamp;
use jiff::civil::Date;
use projections::Id;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::kernel::identity::Member;
use crate::kernel::{Describe, Keys, View, Words};
use crate::modules::labels::Label;
use crate::modules::projects::Project;
use crate::modules::workflows::State;
use crate::{choice, entity};

choice! {
    /// What kind of work.
    #[derive(Default)]
    pub enum TaskType {
        /// Plain work.
        #[default]
        Task = "task",
        /// Something is wrong.
        Bug = "bug",
        /// Something a user wants.
        Story = "story",
        /// Something large.
        Epic = "epic",
        /// Something somebody asked for.
        Request = "request",
    }
}

choice! {
    /// How pressing; the most pressing first.
    #[derive(Default)]
    pub enum Priority {
        /// Now.
        Urgent = "urgent",
        /// Soon.
        High = "high",
        /// In turn.
        #[default]
        Medium = "medium",
        /// Some day.
        Low = "low",
    }
}

choice! {
    /// How it ended.
    pub enum Resolution {
        /// As wanted.
        Done = "done",
        /// On purpose not.
        WontDo = "wont_do",
        /// Another task covers it.
        Duplicate = "duplicate",
        /// Nobody could see it.
        CannotReproduce = "cannot_reproduce",
        /// No longer needed.
        Obsolete = "obsolete",
    }
}

/// One line of a checklist.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChecklistItem {
    /// Stable within the task.
    pub id: u32,
    /// What to do.
    pub text: String,
    /// Whether it is done.
    pub done: bool,
}

/// Where a task came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// The other system.
    pub system: String,
    /// Its identifier there; unique within the organisation.
    pub external_id: String,
}

entity! {
    /// A unit of work.
    pub struct Task("task", "tsk", decoration ["number", "rank"]) {
        /// Its project.
        project: Id<Project>,
        /// The project's key, as in its own key.
        project_key: String,
        /// The number in its key (`OPS-142`).
        number: u64,
        /// What kind of work.
        r#type: TaskType,
        /// What to do, in a line.
        title: String,
        /// What to do, Markdown.
        description: String,
        /// Where it stands.
        state: Id<State>,
        /// How pressing.
        priority: Priority,
        /// Who does it.
        assignees: Vec<Id<Member>>,
        /// Who reported it.
        reporter: Id<Member>,
        /// The task it is part of.
        parent: Option<Id<Task>>,
        /// Its labels.
        labels: Vec<Id<Label>>,
        /// Estimated work.
        estimate: Option<Decimal>,
        /// Work left.
        remaining: Option<Decimal>,
        /// First day.
        start_date: Option<Date>,
        /// Day it is due.
        due_date: Option<Date>,
        /// Things to tick off.
        checklist: Vec<ChecklistItem>,
        /// Who wants to hear of it.
        watchers: Vec<Id<Member>>,
        /// Its order inside its state: smaller stands first.
        rank: String,
        /// How it ended.
        resolution: Option<Resolution>,
        /// The task that covers it.
        duplicate_of: Option<Id<Task>>,
        /// When it entered a completed state.
        completed_at: Option<Timestamp>,
        /// Where it came from.
        source: Option<Source>,
        /// When it was deleted; purged 30 days later.
        deleted_at: Option<Timestamp>,
    }
}

/// The index of the living tasks of one project in one state.
pub(super) const STANDING: &str = "standing";

/// A key of that index.
pub(super) fn standing(state: Id<State>, project: Id<Project>) -> String {
    format!("{state} {project}")
}

impl Describe for Task {
    fn keys(&self, keys: &mut Keys) {
        keys.name(&self.human_key());
        keys.name(&self.title);
        keys.key("project", self.project);
        keys.key("state", self.state);
        if self.deleted_at.is_none() {
            keys.key(STANDING, standing(self.state, self.project));
        }
        keys.of(self.project);
        keys.of(self.state);
        if let Some(parent) = self.parent {
            keys.key("parent", parent);
            keys.of(parent);
        }
        for (index, day) in [("due", self.due_date), ("start", self.start_date)] {
            if let Some(day) = day {
                keys.key(index, day);
            }
        }
        for member in &self.assignees {
            keys.key("assignee", member);
        }
        for label in &self.labels {
            keys.key("label", label);
            keys.of(label);
        }
        if let Some(source) = &self.source {
            keys.key("external", &source.external_id);
        }
    }
    fn words<'a>(&'a self, words: &mut Words<'a>) {
        words.title(self.human_key());
        words.title(&self.title);
        words.body(&self.description);
        for item in &self.checklist {
            words.body(&item.text);
        }
    }
    fn lies_in(&self) -> Option<String> {
        Some(self.project.to_string())
    }
    fn label(&self) -> String {
        self.title.clone()
    }
    fn key(&self) -> Option<String> {
        Some(self.human_key())
    }
    fn is_alive(&self) -> bool {
        self.deleted_at.is_none()
    }
    fn is_visible(&self, view: &View<'_>) -> bool {
        view.sees(self.project)
    }
}

impl Task {
    /// `OPS-142`.
    pub fn human_key(&self) -> String {
        format!("{}-{}", self.project_key, self.number)
    }
}
