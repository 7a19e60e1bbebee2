//! Reading the security log over HTTP: who may, and that it is an event itself.

use serde_json::{Map, Value};

use super::App;
use crate::kernel::engine::log_read;
use crate::kernel::{Caller, Rejection};

/// Holders of `audit.read` may: records hold what others asked and saw.
pub(super) fn allowed(app: &App, caller: &Caller) -> Result<(), Rejection> {
    crate::kernel::view::rights(&app.faces.handle.snapshot(), caller).require("audit.read")
}

/// Journals the reading; nothing is read before that is durable.
pub(super) async fn noted(app: &App, caller: &Caller, through: &str) -> Result<(), Rejection> {
    app.faces.handle.record(caller.clone(), vec![log_read(through)]).await
}

/// An address with what stands behind its `?`, as it is journaled.
pub(super) fn address(path: &str, pairs: &[(String, String)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
    let pairs = pairs.collect::<Vec<_>>().join("&");
    format!("{path}?{pairs}").trim_end_matches('?').to_owned()
}

/// What stands behind a `?` as arguments.
pub(super) fn given(pairs: Vec<(String, String)>) -> Result<Map<String, Value>, Rejection> {
    let mut given = Map::new();
    for (name, value) in pairs {
        if given.contains_key(&name) {
            return Err(Rejection::argument(&name, "may be given once"));
        }
        given.insert(name, Value::String(value));
    }
    Ok(given)
}
