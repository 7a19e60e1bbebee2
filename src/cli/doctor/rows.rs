//! Whether the rows stand, where, and how large they are. A running server is asked; else they are read from a copy.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use journal::Look;
use projections::store::{self, Doubt, Stand};

use super::Finding;
use crate::cli::operator::OperatorRequest;
use crate::cli::remote;
use crate::data::{self, DataDir, Restoring};
use crate::followers::clerk::{Marks, Standing};

const WHAT: &str = "rows";
const AGAIN: &str = "stop the server, remove the folder projections and start again: they are built from the journal";

pub(super) async fn stand(dir: &DataDir, look: Option<&Look>) -> Finding {
    let asked = remote::ask(dir, OperatorRequest::Rows).await;
    match asked {
        Some(Ok(said)) => match serde_json::from_value(said) {
            Ok(standing) => beside(&standing),
            Err(cause) => Finding::good(WHAT, format!("the server does not tell: {cause}")),
        },
        Some(Err(refusal)) => Finding::good(WHAT, format!("the server does not tell: {}", refusal.message)),
        None if tokio::net::UnixStream::connect(dir.socket()).await.is_ok() => {
            Finding::good(WHAT, "the server is another build and does not tell")
        }
        None => match look {
            Some(look) => alone(dir, look),
            None => Finding::good(WHAT, "not looked at while the journal is in doubt"),
        },
    }
}

/// The rows of a running server.
fn beside(standing: &Standing) -> Finding {
    let Standing { position, records, .. } = standing;
    match (position, &standing.trouble) {
        (_, Some(why)) => Finding::bad(
            WHAT,
            format!("given up until the next start: {why}"),
            "see to the disk, then restart the server; until then filters read the journal itself",
        ),
        (None, None) => Finding::good(WHAT, "none"),
        (Some(position), None) if !standing.whole => {
            Finding::good(WHAT, format!("being built, now at record {position} of {records}"))
        }
        (Some(_), None) if standing.wrong > 0 => wrong(standing.wrong),
        (Some(position), None) => Finding::good(
            WHAT,
            standing_at(
                *position,
                *records,
                standing.bytes,
                standing.pending,
                standing.executing,
            ),
        ),
    }
}

fn standing_at(position: u64, records: u64, bytes: u64, pending: usize, executing: usize) -> String {
    format!(
        "stand at record {position} of {records}, {} KiB, {pending} pending and {executing} executing actions",
        bytes.div_ceil(1024)
    )
}

fn wrong(count: usize) -> Finding {
    let said = format!(
        "{} not marked as the state says",
        crate::kernel::text::count(count, "action")
    );
    Finding::bad(WHAT, said, AGAIN)
}

/// The rows of a directory that no server runs on.
fn alone(dir: &DataDir, look: &Look) -> Finding {
    let projections = dir.projections();
    if !projections.exists() {
        return Finding::good(WHAT, "none: the next start builds them from the journal");
    }
    let looked = Aside::make(dir)
        .map_err(|cause| cause.to_string())
        .and_then(|aside| read(&projections, &aside.0, look).map_err(|cause| cause.to_string()));
    match looked {
        Ok(finding) => finding,
        Err(cause) => Finding::bad(
            WHAT,
            format!("they cannot be looked at: {cause}"),
            "free some space, or make the directory writable; the server runs without them too",
        ),
    }
}

fn read(projections: &Path, aside: &Path, look: &Look) -> Result<Finding, store::Error> {
    let agrees = |stand: &Stand| {
        let line = look.reader(stand.position).next().transpose();
        data::agrees(stand, look.last_seq(), line)
    };
    let kinds = data::registry().kinds();
    let mut restoring = Restoring::new(&kinds, &agrees);
    let wanted = data::wanted(look.journal());
    let store = match store::look(projections, aside, &wanted, &mut restoring)? {
        None => return Ok(Finding::good(WHAT, "none: the next start builds them from the journal")),
        Some(Err(doubt)) => return Ok(in_doubt(&doubt)),
        Some(Ok(store)) => store,
    };
    let marks = Marks::of(&store.rows(), &restoring.state)?;
    if !marks.wrong.is_empty() {
        return Ok(wrong(marks.wrong.len()));
    }
    let (position, bytes) = (store.stand().position, store::bytes(projections));
    Ok(Finding::good(
        WHAT,
        standing_at(position, look.last_seq(), bytes, marks.pending, marks.executing),
    ))
}

/// A new build and an unfinished start are no fault; the next start builds the rows again either way.
fn in_doubt(doubt: &Doubt) -> Finding {
    match doubt {
        Doubt::Program(_) | Doubt::Unfinished | Doubt::Nowhere => {
            Finding::good(WHAT, format!("the next start builds them again: {doubt}"))
        }
        _ => Finding::bad(
            WHAT,
            doubt.to_string(),
            "nothing: the next start builds them again from the journal; if it comes again, look at the disk",
        ),
    }
}

/// A directory for the copy, which goes with this value.
struct Aside(PathBuf);

impl Aside {
    fn make(dir: &DataDir) -> std::io::Result<Self> {
        let path = dir.0.join(format!(".doctor-{}", std::process::id()));
        drop(std::fs::remove_dir_all(&path));
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
