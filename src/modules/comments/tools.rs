//! The tools of comments.

use std::sync::Arc;

use serde_json::{Value, json};

use super::entity::{Comment, CommentVisibility};
use super::text as writing;
use crate::kernel::arg::{In, List, Md, PageArgs, Str, Ts, UpdateArgs, WriteArgs};
use crate::kernel::identity::Member;
use crate::kernel::listing::{Item, Listing};
use crate::kernel::tool::object;
use crate::kernel::{AnyRef, Plan, Ref, Rejection, Row, View, text};
use crate::modules::projects::writable;
use crate::modules::tasks::Task;
use crate::modules::workflows::moves::who;
use crate::{args, choice};

choice! {
    /// Which comments come first.
    pub enum Order {
        /// The oldest.
        Oldest = "oldest",
        /// The newest.
        Newest = "newest",
    }
}

args! {
    /// Arguments of `list_comments`.
    pub struct ListComments {
        /// The thing they are about.
        target: AnyRef,
        /// Of settled (or open) threads.
        resolved: Option<bool>,
        /// By this member.
        author: Option<Ref<Member>>,
        /// Since.
        since: Option<Ts>,
        /// Which come first.
        order: Order = Order::Oldest,
        page: In<PageArgs>,
    }
}

/// What a listed comment shows.
pub const COLUMNS: [&str; 9] = [
    "id",
    "thread",
    "author",
    "body",
    "createdAt",
    "editedAt",
    "resolved",
    "reactions",
    "untrusted",
];

/// The emoji that may be used; the same few everywhere.
const EMOJI: [&str; 10] = ["👍", "👎", "❤️", "🎉", "🚀", "👀", "😄", "😕", "✅", "❌"];

/// Everything about a comment, as an item. Its text was written by people, and is marked so.
pub fn shown(view: &View<'_>, row: &Row<Comment>) -> Item {
    let gone = row.deleted_at.is_some();
    let reactions: serde_json::Map<String, Value> = row
        .reactions
        .iter()
        .map(|(emoji, members)| (emoji.clone(), members.iter().map(|member| who(view, *member)).collect()))
        .collect();
    object(json!({
        "id": row.id.to_string(),
        "thread": row.thread.map(|id| id.to_string()),
        "author": who(view, row.author),
        "body": if gone { "(deleted)" } else { &row.body },
        "visibility": row.visibility,
        "createdAt": row.created_at,
        "editedAt": row.edited_at,
        "resolved": row.resolved,
        "deleted": gone,
        "reactions": reactions,
        "version": row.version,
        "untrusted": true,
    }))
}

/// `list_comments`.
pub fn list(args: ListComments, view: &View<'_>) -> Result<Value, Rejection> {
    let target = view.resolve_any(&args.target, &[])?;
    let author = args
        .author
        .as_ref()
        .map(|author| view.resolve(author))
        .transpose()?
        .map(|row| row.id);
    let settled = |row: &Arc<Row<Comment>>| row.thread.and_then(|id| view.get(id)).unwrap_or(row).resolved;
    let fits = |row: &&Arc<Row<Comment>>| {
        let kept = row.deleted_at.is_none() || has_replies(view, row);
        kept && author.is_none_or(|author| row.author == author)
            && args.since.is_none_or(|since| row.created_at >= since.0)
            && args.resolved.is_none_or(|wanted| settled(row) == wanted)
    };
    let items = view
        .find::<Comment>("target", &target.id)
        .filter(fits)
        .map(|row| shown(view, row))
        .collect();
    let order = if args.order == Order::Newest {
        "-createdAt"
    } else {
        "createdAt"
    };
    Listing::new(view, &args.page, &COLUMNS, order).answer(items)
}

fn has_replies(view: &View<'_>, row: &Row<Comment>) -> bool {
    view.find::<Comment>("thread", &row.id.to_string())
        .any(|reply| reply.deleted_at.is_none())
}

args! {
    /// Arguments of `add_comment`.
    pub struct AddComment {
        /// The thing it is about.
        target: AnyRef,
        /// Markdown; @handles are told.
        body: Md<16384>,
        /// The comment it answers.
        reply_to: Option<Ref<Comment>>,
        /// Who may read it.
        visibility: CommentVisibility = CommentVisibility::All,
        /// Needs module Files.
        files: Option<List<Str<1, 200>, 0, 10>>,
        write: In<WriteArgs>,
    }
}

/// `add_comment`.
pub fn add(args: AddComment, view: &View<'_>) -> Result<Plan, Rejection> {
    if args.files.is_some() {
        return Err(Rejection::not_yet("files", "Files"));
    }
    let target = view.resolve_any(&args.target, &[])?;
    if target.kind != "task" {
        return Err(
            Rejection::new("not_commentable", format!("a {} cannot be commented on", target.kind))
                .field("target")
                .allowed(["task"]),
        );
    }
    still_writable(view, &target.id)?;
    let name = target.key.clone().unwrap_or(target.label.clone());
    let mut plan = Plan::new(format!("Comment on {name}"));
    let thread = args
        .reply_to
        .as_ref()
        .map(|reference| view.resolve(reference))
        .transpose()?;
    let id = writing::write(
        &mut plan,
        view,
        target.kind,
        &target.id,
        &args.body,
        thread,
        args.visibility,
    )?;
    plan.result = json!({"id": id.to_string(), "target": name});
    Ok(plan)
}

fn still_writable(view: &View<'_>, task: &str) -> Result<(), Rejection> {
    let task = task.parse().ok().and_then(|id| view.get::<Task>(id));
    task.map_or(Ok(()), |task| writable(view.need(task.project)?))
}

args! {
    /// Arguments of `update_comment`.
    pub struct UpdateComment {
        /// The comment.
        comment: Ref<Comment>,
        /// The new text, Markdown; every earlier text is kept.
        body: Option<Md<16384>>,
        /// Settle the thread, or reopen it.
        resolved: Option<bool>,
        /// Who may read it.
        visibility: Option<CommentVisibility>,
        write: In<UpdateArgs>,
    }
}

/// `update_comment`.
pub fn update(args: UpdateComment, view: &View<'_>) -> Result<Plan, Rejection> {
    let row = view.resolve(&args.comment)?;
    still_writable(view, &row.target)?;
    Plan::expect(view, row, args.write.expected_version)?;
    if (args.body.is_some() || args.visibility.is_some()) && row.author != view.caller.member {
        return Err(Rejection::new(
            "not_author",
            format!("only {} may change this text", who(view, row.author)),
        )
        .hint("answer it with a comment of your own"));
    }
    let mut plan = Plan::new(format!("Change the comment \"{}\"", text::clip(&row.body, 40)));
    let mentioned = args
        .body
        .as_ref()
        .map(|body| writing::mentions(view, body))
        .transpose()?;
    let fresh: Vec<String> = mentioned
        .iter()
        .flatten()
        .filter(|one| !row.mentions.contains(&one.id))
        .map(|one| format!("@{}", one.handle))
        .collect();
    plan.edit("comment.updated", row, |comment| {
        if let Some(body) = args.body.filter(|body| body.0 != comment.body) {
            comment.earlier.push(std::mem::replace(&mut comment.body, body.0));
            comment.edited_at = Some(view.now);
            comment.mentions = mentioned.iter().flatten().map(|one| one.id).collect();
        }
        comment.visibility = args.visibility.unwrap_or(comment.visibility);
    })?;
    if let Some(resolved) = args.resolved {
        let root = row.thread.map_or(Ok(row), |root| view.need(root))?;
        let event = if resolved {
            "comment.resolved"
        } else {
            "comment.reopened"
        };
        plan.edit(event, root, |comment| comment.resolved = resolved)?;
    }
    plan.detail("newlyMentioned", fresh);
    plan.result = json!({"id": row.id.to_string()});
    Ok(plan)
}

args! {
    /// Arguments of `delete_comment`.
    pub struct DeleteComment {
        /// The comment.
        comment: Ref<Comment>,
        write: In<UpdateArgs>,
    }
}

/// `delete_comment`.
pub fn delete(args: DeleteComment, view: &View<'_>) -> Result<Plan, Rejection> {
    let row = view.resolve(&args.comment)?;
    Plan::expect(view, row, args.write.expected_version)?;
    if row.author != view.caller.member && !view.allows_at("comments.moderate", &row.target) {
        return Err(Rejection::new(
            "not_author_or_moderator",
            format!("only {} or a moderator may delete this", who(view, row.author)),
        ));
    }
    let mut plan = Plan::new(format!("Delete the comment \"{}\"", text::clip(&row.body, 40)));
    plan.edit("comment.deleted", row, |comment| comment.deleted_at = Some(view.now))?;
    plan.detail("text", &row.body);
    plan.detail(
        "repliesThatRemain",
        view.find::<Comment>("thread", &row.id.to_string())
            .filter(|reply| reply.deleted_at.is_none())
            .count(),
    );
    plan.result = json!({"id": row.id.to_string()});
    Ok(plan)
}

args! {
    /// Arguments of `react_to_comment`.
    pub struct ReactToComment {
        /// The comment.
        comment: Ref<Comment>,
        /// One of the known emoji.
        emoji: Str<1, 32>,
        /// Take the reaction back.
        remove: bool = false,
        write: In<WriteArgs>,
    }
}

/// `react_to_comment`.
pub fn react(args: ReactToComment, view: &View<'_>) -> Result<Plan, Rejection> {
    let row = view.resolve(&args.comment)?;
    let emoji = args.emoji.0.as_str();
    if !EMOJI.contains(&emoji) {
        return Err(
            Rejection::new("emoji_unknown", format!("`{emoji}` is not among the reactions"))
                .field("emoji")
                .allowed(EMOJI),
        );
    }
    let me = view.caller.member;
    let mut plan = Plan::new(format!("React {emoji} to \"{}\"", text::clip(&row.body, 40)));
    plan.edit("comment.reacted", row, |comment| {
        let members = comment.reactions.entry(emoji.to_owned()).or_default();
        members.retain(|member| *member != me);
        if !args.remove {
            members.push(me);
        }
        comment.reactions.retain(|_, members| !members.is_empty());
    })?;
    let counts: serde_json::Map<String, Value> = plan
        .after(row)
        .reactions
        .into_iter()
        .map(|(emoji, members)| (emoji, members.len().into()))
        .collect();
    plan.result = json!({"id": row.id.to_string(), "reactions": counts});
    Ok(plan)
}
