//! `orkestra serve`: the server, and what a first start prints.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::json;
use tokio::net::TcpListener;

use super::{DataArg, Failure, Outcome, note, print};
use crate::data::{self, DataDir, How, Opened};
use crate::door::{Doorman, Limits};
use crate::http::Faces;
use crate::kernel::identity::{ConfirmPolicy, Member};
use crate::telemetry::{self, Telemetry};

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    data: DataArg,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, env = "ORKESTRA_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Listen beyond loopback because a proxy with TLS stands in front.
    #[arg(long)]
    behind_proxy: bool,
    /// A host name that requests may name, beside the loopback ones. May be repeated.
    #[arg(long, value_name = "HOST")]
    public_host: Vec<String>,
    /// An origin that browsers may call from. May be repeated.
    #[arg(long, value_name = "ORIGIN")]
    public_origin: Vec<String>,
    /// Answer reads before they are on disk; faster, and the last ones may be missing after a power cut.
    #[arg(long)]
    buffered_reads: bool,
    /// Print one line of JSON when serving.
    #[arg(long)]
    json: bool,
    /// Write the token of the first start to this file (mode 0600) instead of printing it.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

pub(super) async fn run(args: ServeArgs) -> Outcome {
    telemetry::init();
    if !args.listen.ip().is_loopback() && !args.behind_proxy {
        return Err(Failure {
            code: 2,
            ..Failure::new(format!(
                "{} is reachable by others, and this server has no TLS",
                args.listen
            ))
        }
        .hint("put a proxy with TLS in front and say --behind-proxy, or listen on 127.0.0.1"));
    }
    let dir = args.data.dir();
    let opened = open(&dir, args.buffered_reads)?;
    let first = if opened.handle.boot().first {
        Some(first_token(&opened).await?)
    } else {
        None
    };
    if let (Some(file), Some(token)) = (&args.token_file, &first) {
        crate::door::keys::write_private(file, &format!("{token}\n"))
            .map_err(|cause| Failure::new(format!("{}: {cause}", file.display())))?;
    }
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|cause| Failure::new(format!("{}: {cause}", args.listen)))?;
    let address = listener.local_addr()?;
    announce(&args, &dir, &opened, address, first.as_deref());
    serve(listener, &dir, opened, &args).await
}

/// Opens the directory, or says who has it.
pub(super) fn open(dir: &DataDir, buffered: bool) -> Result<Opened, Failure> {
    data::open(
        dir,
        &How {
            wait_for_reads: !buffered,
            ..How::default()
        },
    )
    .map_err(|cause| {
        let locked = data::is_locked(&cause);
        let failure = Failure::new(format!("{}: {cause}", dir.0.display()));
        if locked {
            failure.hint("stop the server that runs on this directory, or choose another with --data")
        } else {
            failure
        }
    })
}

/// The owner's first token.
async fn first_token(opened: &Opened) -> Result<String, Failure> {
    let snapshot = opened.handle.snapshot();
    let owner = snapshot
        .table::<Member>()
        .and_then(|table| table.rows().next().cloned())
        .ok_or_else(|| Failure::new("there is no owner"))?;
    let new = super::token::Wanted {
        name: "first start".to_owned(),
        env: "live".to_owned(),
        profile: None,
        scopes: vec!["*".to_owned()],
        read_only: false,
        confirm: ConfirmPolicy::ItsProposer,
        elicit: false,
        expires_at: None,
    };
    let made = super::token::create(
        &opened.handle,
        &Doorman::new(opened.keys.pepper.clone()),
        &owner.org,
        owner.id,
        new,
    )
    .await?;
    Ok(made.1.reveal().to_owned())
}

fn announce(args: &ServeArgs, dir: &DataDir, opened: &Opened, address: SocketAddr, token: Option<&str>) {
    let (http, boot) = (format!("http://{address}"), opened.handle.boot());
    let mcp = format!("{http}/mcp");
    if args.json {
        let mut line = json!({"mcp": mcp, "http": http, "data": dir.0.display().to_string(), "boot": boot});
        if let (Some(token), None, Some(members)) = (token, &args.token_file, line.as_object_mut()) {
            members.insert("token".to_owned(), token.into());
        }
        print(&line.to_string());
        return;
    }
    note(&format!("Orkestra serves {mcp} from {}", dir.0.display()));
    note(&format!(
        "  {} records, {} pending actions restored, {} expired while down, {} without an outcome",
        boot.checkpoint + boot.replayed,
        boot.pending,
        boot.expired,
        boot.without_outcome
    ));
    if let Some(token) = token.filter(|_| args.token_file.is_none()) {
        note("\nThis is the owner's bearer token. It is shown once; keep it in a password manager:\n");
        print(token);
        note("\nPaste this into your MCP client (more clients: ops/clients.md):\n");
        let config = json!({"mcpServers": {"orkestra": {"type": "http", "url": mcp, "headers": {"Authorization": format!("Bearer {token}")}}}});
        print(&serde_json::to_string_pretty(&config).unwrap_or_default());
        note(&format!(
            "\nor run: claude mcp add --transport http orkestra {mcp} --header \"Authorization: Bearer {token}\""
        ));
    }
}

async fn serve(listener: TcpListener, dir: &DataDir, opened: Opened, args: &ServeArgs) -> Outcome {
    let faces = Faces {
        handle: opened.handle.clone(),
        doorman: Doorman::new(opened.keys.pepper.clone()),
        limits: Arc::new(Limits::new(crate::door::limits::Rates::default())),
        state_key: *opened.keys.confirm.keyed("request-state", "mcp").bytes(),
        telemetry: Arc::new(Telemetry::new()),
        public_hosts: args.public_host.clone(),
        public_origins: args.public_origin.clone(),
        body_bytes_max: 1 << 20,
    };
    let local = super::remote::listen(dir, faces.clone(), opened.handle.closed())?;
    let served = crate::http::serve(listener, faces, stop_signal()).await;
    local.abort();
    drop(std::fs::remove_file(dir.socket()));
    let closed = opened.handle.closed();
    opened.close()?;
    let why = closed.borrow().clone();
    match why {
        Some(why) => Err(Failure::new(format!("the journal closed: {why}"))
            .hint("look at the disk, then start again; what was acknowledged is safe")),
        None => Ok(served?),
    }
}

/// Ends at Ctrl-C or at a polite request to stop.
pub(super) async fn stop_signal() {
    let Ok(mut polite) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = polite.recv() => {}
    }
}
