//! Approvals by a process: the one place that asks for them.

use serde_json::{Value, json};

use crate::kernel::arg::Str;
use crate::kernel::{Rejection, View};

/// The argument that names a process instance.
pub type Process = Str<1, 200>;

/// Whether a process instance is approved for a subject.
///
/// # Errors
/// `not_found` where there is no such instance: this server has no module Processes yet, so there is none.
pub fn approved(_view: &View<'_>, process: Option<&Process>, _subject: &str) -> Result<bool, Rejection> {
    match process {
        None => Ok(false),
        Some(process) => Err(Rejection::not_found("processInstance", process).field("process")),
    }
}

/// The "no" that names the process which must be approved first.
pub fn required(definition: &str, message: String, current: Value) -> Rejection {
    let mut shown = current;
    if let Value::Object(members) = &mut shown {
        members.insert("definition".to_owned(), definition.into());
    }
    Rejection::new("approval_required", message)
        .field("process")
        .current(json!(shown))
        .hint(format!(
            "have an instance of the process `{definition}` approved and name it in process, or stay within the limit"
        ))
}
