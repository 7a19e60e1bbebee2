//! The server that the conformance suite is run against: the product's handler with the suite's fixtures in front of it.
//! An example of the package, never in a release. `orkestra-conformance DIR` keeps its journal in DIR.

mod changes;
mod fixtures;
mod handler;
mod rounds;
mod serve;
mod talks;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use orkestra::data::{self, DataDir, How, Opened};
use orkestra::door::limits::Rates;
use orkestra::door::{Entry, Limits, Way};
use orkestra::kernel::identity::Member;
use orkestra::kernel::principal::Caller;
use orkestra::mcp::{Server, Visitor};
use orkestra::modules::profile::Selection;
use orkestra::telemetry::Telemetry;
use projections::ActorKind;

/// Everybody is the owner of the first organisation, because the suite cannot send a token.
fn visitor(opened: &Opened) -> io::Result<Visitor> {
    let snapshot = opened.handle.snapshot();
    let owner = snapshot.table::<Member>().and_then(|members| members.rows().next());
    let owner = owner.ok_or_else(|| io::Error::other("the organisation has no owner"))?;
    let caller = Caller {
        org: owner.org.clone(),
        member: owner.id,
        kind: ActorKind::Human,
        sponsor: None,
        token: None,
        client: None,
        via: "conformance",
        trace: None,
    };
    let entry = Entry {
        caller,
        profile: None,
        read_only: false,
        elicit: false,
        way: Way::default(),
    };
    let selection = Selection::of_names(None, false, &[]).map_err(|no| io::Error::other(no.message))?;
    Ok(Visitor { entry, selection })
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let dir = std::env::args_os().nth(1).map(PathBuf::from);
    let dir = DataDir(dir.ok_or_else(|| io::Error::other("usage: orkestra-conformance DIR"))?);
    let opened = data::open(&dir, &How::default()).map_err(io::Error::other)?;
    let visitor = visitor(&opened)?;
    let limits = Arc::new(Limits::new(Rates::default()));
    let key = *opened.keys.confirm.keyed("request-state", "mcp").bytes();
    let server = Server::new(opened.handle.clone(), limits, Arc::new(Telemetry::new()), &key)
        .for_process(move || Ok(visitor.clone()));
    serve::serve(move || Ok(server.clone())).await
}
