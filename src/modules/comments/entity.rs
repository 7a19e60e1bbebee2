//! The comment.

use std::collections::BTreeMap;

use jiff::Timestamp;
use projections::Id;

use crate::kernel::identity::Member;
use crate::kernel::{Describe, Keys, View, Words};
use crate::{choice, entity};

choice! {
    /// Who may read a comment.
    #[derive(Default)]
    pub enum CommentVisibility {
        /// Everybody who sees the thing it is about.
        #[default]
        All = "all",
        /// Not guests and not inbound contacts.
        Internal = "internal",
    }
}

entity! {
    /// A comment on anything; the first of a thread, or a reply.
    pub struct Comment("comment", "cmt") {
        /// The kind of the thing it is about, for example `task`.
        target_kind: String,
        /// The thing it is about.
        target: String,
        /// The first comment of its thread; `None` for the first itself.
        thread: Option<Id<Comment>>,
        /// Markdown.
        body: String,
        /// Every earlier text, oldest first.
        earlier: Vec<String>,
        /// Who wrote it.
        author: Id<Member>,
        /// Who may read it.
        visibility: CommentVisibility,
        /// Whether the thread is settled; on the first comment.
        resolved: bool,
        /// Who reacted how: emoji, then members.
        reactions: BTreeMap<String, Vec<Id<Member>>>,
        /// Who is mentioned.
        mentions: Vec<Id<Member>>,
        /// When the text was changed.
        edited_at: Option<Timestamp>,
        /// When it was deleted; a placeholder stays where it has replies.
        deleted_at: Option<Timestamp>,
    }
}

impl Describe for Comment {
    fn keys(&self, keys: &mut Keys) {
        keys.key("target", &self.target);
        keys.of(&self.target);
        if let Some(thread) = self.thread {
            keys.key("thread", thread);
            keys.of(thread);
        }
        for member in &self.mentions {
            keys.key("mention", member);
        }
    }
    fn words<'a>(&'a self, words: &mut Words<'a>) {
        words.body(&self.body);
    }
    fn lies_in(&self) -> Option<String> {
        Some(self.target.clone())
    }
    fn label(&self) -> String {
        crate::kernel::text::clip(&self.body, 60)
    }
    fn is_alive(&self) -> bool {
        self.deleted_at.is_none()
    }
    fn is_visible(&self, view: &View<'_>) -> bool {
        let open = self.visibility == CommentVisibility::All || view.allows_at("comments.internal", &self.target);
        open && view.describe(&self.target_kind, &self.target).is_some()
    }
}
