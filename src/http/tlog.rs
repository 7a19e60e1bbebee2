//! `/tlog/`: the log for those who follow it with tools of their own (C2SP tlog-tiles). Read only.
//!
//! The checkpoint and the hashes hold nothing that anybody asked or saw, the entry bundles all of it; so the former can be
//! made public, the latter never (`ops/decisions/0009-evidence.md`).

mod place;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use projections::Record;

use super::guard::Admitted;
use super::{App, Faces, auditing, reply};
use crate::door::signer::Signer;
use crate::kernel::opened::Opened;
use crate::kernel::{Caller, Rejection};
use place::Place;

/// Records in a full bundle.
const BUNDLE: u64 = 256;
/// The longest entry: its length stands in 16 bits.
const ENTRY_BYTES_MAX: usize = 65_535;

/// Whoever came in by a token; nobody where the hashes are public.
type Visitor = Option<Extension<Admitted>>;

/// `GET /tlog/checkpoint`: the newest signed checkpoint that is kept.
pub(super) async fn checkpoint(State(app): State<App>, visitor: Visitor) -> Response {
    let signer = match admitted(&app, visitor) {
        Ok(signer) => signer,
        Err(no) => return reply::rejection(&no),
    };
    match blocking(move || signer.newest()).await {
        Ok(kept) => {
            let kind = HeaderValue::from_static("text/plain; charset=utf-8");
            let fresh = HeaderValue::from_static("no-cache");
            ([(CONTENT_TYPE, kind), (CACHE_CONTROL, fresh)], kept.note).into_response()
        }
        Err(no) => reply::rejection(&no),
    }
}

/// `GET /tlog/tile/<L>/<N>[.p/<W>]`: hashes, 32 bytes each.
pub(super) async fn hashes(
    State(app): State<App>,
    visitor: Visitor,
    Path((level, place)): Path<(String, String)>,
) -> Response {
    let signer = match admitted(&app, visitor) {
        Ok(signer) => signer,
        Err(no) => return reply::rejection(&no),
    };
    let (Some(level), Some(place)) = (place::level(&level), Place::parse(&place)) else {
        return reply::rejection(&nothing());
    };
    match blocking(move || signer.journal().tile(level, place.index, place.width)).await {
        Ok(Some(content)) => immutable(&app, content),
        Ok(None) => reply::rejection(&nothing()),
        Err(no) => reply::rejection(&no),
    }
}

/// `GET /tlog/tile/entries/<N>[.p/<W>]`: records, each behind its length in two bytes. Reading them is journaled first.
pub(super) async fn entries(
    State(app): State<App>,
    Extension(Admitted(entry)): Extension<Admitted>,
    Path(place): Path<String>,
) -> Response {
    match bundle(&app.faces, entry.caller, &place).await {
        Ok(content) => immutable(&app, content),
        Err(no) => reply::rejection(&no),
    }
}

async fn bundle(faces: &Faces, caller: Caller, place: &str) -> Result<Vec<u8>, Rejection> {
    auditing::allowed(&faces.handle, &caller)?;
    let place = Place::parse(place).ok_or_else(nothing)?;
    let first = place
        .index
        .checked_mul(BUNDLE)
        .map(|before| before + 1)
        .ok_or_else(nothing)?;
    let last = first + place.width as u64 - 1;
    if last > *faces.handle.durable().borrow() {
        return Err(nothing());
    }
    let (log, org) = (std::sync::Arc::clone(faces.handle.log()), caller.org.clone());
    let read = tokio::task::spawn_blocking(move || read(log.as_ref(), first, last, &org));
    let content = read.await.map_err(|_| failed("the reader ended"))??;
    let through = format!("/tlog/tile/entries, records {first} to {last}");
    let opened = Opened::among(first, Some(last));
    auditing::noted(&faces.handle, &caller, &through, Some(opened)).await?;
    Ok(content)
}

/// The records of a bundle, if all of them may be read by one organisation, as at `/v1/journal`.
fn read(log: &dyn journal::Log, first: u64, last: u64, org: &str) -> Result<Vec<u8>, Rejection> {
    let mut content = Vec::new();
    for line in log.read_written(first).map_err(failed)? {
        let line = line.map_err(failed)?;
        if line.seq > last {
            break;
        }
        let mut room = String::new();
        let record = Record::parse(line.seq, &line.text, &mut room).map_err(failed)?;
        if record.org.as_deref().is_some_and(|of| of != org) {
            return Err(Rejection::forbidden("audit.read")
                .hint("this bundle holds records of other organisations; GET /v1/journal has those of yours"));
        }
        let length = u16::try_from(line.text.len()).map_err(|_| {
            let said = format!(
                "record {} is longer than the {ENTRY_BYTES_MAX} bytes of an entry",
                line.seq
            );
            Rejection::new("entry_too_long", said).hint("GET /v1/journal has it; its hash is in the tiles")
        })?;
        content.extend_from_slice(&length.to_be_bytes());
        content.extend_from_slice(line.text.as_bytes());
    }
    Ok(content)
}

fn admitted(app: &App, visitor: Visitor) -> Result<Signer, Rejection> {
    match visitor {
        _ if app.faces.public_tlog => {}
        Some(Extension(Admitted(entry))) => auditing::allowed(&app.faces.handle, &entry.caller)?,
        None => return Err(crate::door::auth::unauthenticated()),
    }
    app.faces.signer.clone().ok_or_else(nothing)
}

async fn blocking<T: Send + 'static>(
    run: impl FnOnce() -> Result<T, journal::Error> + Send + 'static,
) -> Result<T, Rejection> {
    let done = tokio::task::spawn_blocking(run).await;
    done.map_err(|_| failed("the reader ended"))?.map_err(failed)
}

fn failed(cause: impl std::fmt::Display) -> Rejection {
    Rejection::new("unavailable", format!("the log cannot be read: {cause}"))
}

fn nothing() -> Rejection {
    let mut no = Rejection::not_found("tile", "this");
    no.message = String::from("there is no such tile, or not yet");
    no.hint("the newest size is in /tlog/checkpoint; addresses are those of C2SP tlog-tiles")
}

/// What never changes; who needed a token for it shares it with nobody.
fn immutable(app: &App, content: Vec<u8>) -> Response {
    let kept = if app.faces.public_tlog {
        "public, max-age=31536000, immutable"
    } else {
        "private, max-age=31536000, immutable"
    };
    let kind = HeaderValue::from_static("application/octet-stream");
    (
        [(CONTENT_TYPE, kind), (CACHE_CONTROL, HeaderValue::from_static(kept))],
        content,
    )
        .into_response()
}
