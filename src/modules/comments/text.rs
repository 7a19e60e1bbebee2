//! Writing a comment: who is mentioned, who is told, and whether it can stand there.

use projections::Id;
use serde_json::json;

use super::entity::{Comment, CommentVisibility};
use crate::kernel::identity::Member;
use crate::kernel::{Plan, Rejection, Row, View, text};

/// Plans a comment on a thing; gives its identifier. `thread` is the comment it answers.
pub fn write(
    plan: &mut Plan,
    view: &View<'_>,
    target_kind: &str,
    target: &str,
    body: &str,
    thread: Option<&std::sync::Arc<Row<Comment>>>,
    visibility: CommentVisibility,
) -> Result<Id<Comment>, Rejection> {
    let root = thread
        .map(|answered| answered.thread.map_or(Ok(answered), |root| view.need(root)))
        .transpose()?;
    if let Some(root) = root {
        if root.target != target {
            return Err(Rejection::argument("replyTo", "must be a comment on the same thing"));
        }
        if root.resolved {
            return Err(Rejection::new("thread_resolved", "this thread is settled")
                .field("replyTo")
                .hint("reopen it first, or begin a new thread")
                .next(
                    "update_comment",
                    json!({"comment": root.id.to_string(), "resolved": false}),
                ));
        }
    }
    let mentions = mentions(view, body)?;
    let names: Vec<String> = mentions.iter().map(|row| format!("@{}", row.handle)).collect();
    let id = view.new_id::<Comment>();
    plan.create(
        "comment.created",
        id,
        Comment {
            target_kind: target_kind.to_owned(),
            target: target.to_owned(),
            thread: root.map(|root| root.id),
            body: body.to_owned(),
            author: view.caller.member,
            visibility,
            mentions: mentions.iter().map(|row| row.id).collect(),
            ..Comment::default()
        },
    )?;
    plan.detail("text", body);
    plan.detail("notified", names);
    Ok(id)
}

/// The members whose handles stand in a text. A handle that nobody has is refused, so that nobody is missed silently.
pub fn mentions<'a>(view: &View<'a>, body: &str) -> Result<Vec<&'a std::sync::Arc<Row<Member>>>, Rejection> {
    let mut found: Vec<&std::sync::Arc<Row<Member>>> = Vec::new();
    for handle in handles(body) {
        let wanted = format!("@{handle}");
        let Some(row) = view
            .find::<Member>(crate::kernel::entity::NAMES, &text::fold(&wanted))
            .next()
        else {
            let known: Vec<String> = view
                .rows::<Member>()
                .map(|row| format!("@{}", row.handle))
                .take(5000)
                .collect();
            let near: Vec<&str> = text::nearest(&wanted, known.iter().map(String::as_str), 3);
            return Err(
                Rejection::new("mention_not_found", format!("nobody has the handle {wanted}"))
                    .field("body")
                    .allowed(near)
                    .hint("use an existing handle, or leave the @ out"),
            );
        };
        if found.iter().all(|known| known.id != row.id) {
            found.push(row);
        }
    }
    Ok(found)
}

/// `@handle` at the beginning of a word, not inside one (mail addresses).
fn handles(body: &str) -> Vec<String> {
    let is_part = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.');
    let mut found = Vec::new();
    let mut before = ' ';
    let letters = body.char_indices().peekable();
    for (at, letter) in letters {
        if letter == '@' && !is_part(before) {
            let handle: String = body
                .get(at + 1..)
                .unwrap_or_default()
                .chars()
                .take_while(|letter| is_part(*letter))
                .collect();
            let handle = handle.trim_end_matches(['.', '-']).to_owned();
            if !handle.is_empty() {
                found.push(handle);
            }
        }
        before = letter;
    }
    found
}
