//! `orkestra serve`: the server, and what a first start prints.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use figment::value::{Dict, Value};
use serde_json::json;
use tokio::net::TcpListener;

use super::{DataArg, Failure, Outcome, note, print};
use crate::config::{self, Config, Execution};
use crate::data::{self, DataDir, How, Opened};
use crate::door::{Doorman, Limits};
use crate::execution::{self, Running};
use crate::followers::witness;
use crate::http::Faces;
use crate::kernel::identity::{ConfirmPolicy, Member};
use crate::kernel::text::count;
use crate::telemetry::{self, Telemetry};

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct ServeArgs {
    #[command(flatten)]
    data: DataArg,
    /// Where to listen; port 0 takes a free one. 127.0.0.1:8080 where nothing is said.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
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
    /// Fill an empty data directory with a demo organisation: 3 people, an agent, 2 projects, 40 tasks.
    #[arg(long)]
    demo: bool,
    /// Give executions to workers that this NATS server reaches; `orkestra worker` is one.
    #[arg(long, value_name = "URL")]
    nats: Option<String>,
    /// Where the streams at NATS differ from what is wanted, change them.
    #[arg(long)]
    apply: bool,
    /// Print one line of JSON when serving.
    #[arg(long)]
    json: bool,
    /// Write the token of the first start to this file (mode 0600) instead of printing it.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

pub(super) async fn run(args: ServeArgs) -> Outcome {
    telemetry::init();
    let config = configured(&args)?;
    if args.demo && !config.route.is_empty() {
        let said = "--demo needs all modules, and some are routed to workers";
        return Err(Failure {
            code: 2,
            ..Failure::new(said)
        }
        .hint("fill it without routes, then add them"));
    }
    // Before anything is made: a first token must not be lost because the port is taken.
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|cause| Failure::new(format!("{}: {cause}", config.listen)))?;
    let address = listener.local_addr()?;
    let dir = args.data.dir();
    let (telemetry, mut sending) = Telemetry::started(&config.telemetry).map_err(Failure::wrong)?;
    let opened = if args.json {
        open_with(&dir, &config, &mut ())?
    } else {
        open(&dir, &config)?
    };
    let first = if opened.handle.boot().first {
        Some(first_token(&opened).await?)
    } else {
        None
    };
    if let (Some(file), Some(token)) = (&args.token_file, &first) {
        crate::door::keys::write_private(file, &format!("{token}\n"))
            .map_err(|cause| Failure::new(format!("{}: {cause}", file.display())))?;
    }
    if args.demo {
        demo(&opened).await?;
    }
    let say = |opened: &Opened| announce(&args, &config, (&dir, opened), address, first.as_deref());
    telemetry.send(&opened.handle, &mut sending);
    let running = execution::start(&opened.handle, &config, args.apply, &telemetry).await?;
    let served = serve(listener, &dir, opened, &config, (running, telemetry), say).await;
    sending.stop().await;
    served
}

/// What file, environment and flags say.
fn configured(args: &ServeArgs) -> Result<Config, Failure> {
    let mut flags = args.data.flags();
    let mut say = |name: &str, value: Value| drop(flags.insert(name.to_owned(), value));
    if let Some(listen) = args.listen {
        say("listen", listen.to_string().into());
    }
    if let Some(url) = &args.nats {
        say("execution", "nats".into());
        say(
            "nats",
            Dict::from([("url".to_owned(), Value::from(url.as_str()))]).into(),
        );
    }
    for (name, given) in [
        ("behind_proxy", args.behind_proxy),
        ("buffered_reads", args.buffered_reads),
    ] {
        if given {
            say(name, true.into());
        }
    }
    for (name, given) in [
        ("public_hosts", &args.public_host),
        ("public_origins", &args.public_origin),
    ] {
        if !given.is_empty() {
            say(name, given.clone().into());
        }
    }
    let refuse = |failure: Failure| Failure { code: 2, ..failure };
    let loaded = config::load(args.data.config.as_deref(), flags).map_err(|cause| refuse(Failure::from(cause)))?;
    let config = loaded.config;
    if !config.listen.ip().is_loopback() && !config.behind_proxy {
        let reachable = format!("{} is reachable by others, and this server has no TLS", config.listen);
        return Err(refuse(Failure::new(reachable))
            .hint("put a proxy with TLS in front and say --behind-proxy, or listen on 127.0.0.1"));
    }
    Ok(config)
}

/// Opens the directory, or says who has it; where somebody looks, a bar shows how far it is.
pub(super) fn open(dir: &DataDir, config: &Config) -> Result<Opened, Failure> {
    open_with(dir, config, &mut super::progress::Start::new())
}

fn open_with(dir: &DataDir, config: &Config, watch: &mut dyn data::Watch) -> Result<Opened, Failure> {
    data::open_watched(
        dir,
        &How {
            wait_for_reads: !config.buffered_reads,
            options: config.journal_options(),
            rates: config.rates(),
            terms: config.terms(),
            signing_key_file: config.evidence.signing_key_file.clone(),
            past: config.past.clone(),
            archive: config.journal.archive.clone(),
        },
        watch,
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

/// The limits, with what was used before the start.
pub(super) fn limits(opened: &Opened, config: &Config) -> Limits {
    let handle = &opened.handle;
    Limits::recalled(config.rates(), handle.log().as_ref(), handle.registry(), handle.now())
}

/// Fills a directory that is new; one that was used stays as it is.
async fn demo(opened: &Opened) -> Outcome {
    if !opened.handle.boot().first {
        note("--demo: this directory is in use already, so nothing was added");
        return Ok(());
    }
    let bar = super::progress::steps();
    let owner = super::operator::operator(&opened.handle)?;
    let author = crate::demo::author(owner.org, owner.member);
    let filled = crate::demo::fill(&opened.handle, &author, &|| bar.inc(1)).await;
    bar.finish_and_clear();
    filled.map_err(|no| Failure::new(format!("--demo: {}: {}", no.code, no.message)))?;
    note("a demo organisation is in place: projects WEB and WHM, 40 tasks, @carla, @ben, @dora and the agent @scout");
    Ok(())
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

fn announce(
    args: &ServeArgs,
    config: &Config,
    (dir, opened): (&DataDir, &Opened),
    address: SocketAddr,
    token: Option<&str>,
) {
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
    note(&if boot.first {
        let records = usize::try_from(opened.handle.snapshot().position).unwrap_or(usize::MAX);
        format!("  a new journal with {}", count(records, "record"))
    } else {
        format!(
            "  {} records ({} read after the checkpoint), {} pending actions restored, {} expired while down, {} without an outcome",
            boot.checkpoint + boot.replayed,
            boot.replayed,
            boot.pending,
            boot.expired,
            boot.without_outcome
        )
    });
    if config.execution == Execution::Nats {
        let url = &config.nats.url;
        note(&format!(
            "  executions go to workers over {url}; the built-in one: orkestra worker --nats {url}"
        ));
    }
    if let Some(why) = &boot.rebuilt {
        note(&format!("  the whole journal was read: {why}"));
    }
    if token.is_none() && opened.handle.snapshot().used.is_empty() {
        note("  no token was ever used here; make one with: orkestra token create --name \"my client\"");
    }
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

async fn serve(
    listener: TcpListener,
    dir: &DataDir,
    opened: Opened,
    config: &Config,
    (running, telemetry): (Running, Arc<Telemetry>),
    announce: impl FnOnce(&Opened),
) -> Outcome {
    let faces = Faces {
        handle: opened.handle.clone(),
        desk: opened.desk.clone(),
        signer: Some(opened.signer.clone()),
        public_tlog: config.evidence.public_tlog,
        doorman: Doorman::new(opened.keys.pepper.clone()),
        limits: Arc::new(limits(&opened, config)),
        state_key: *opened.keys.confirm.keyed("request-state", "mcp").bytes(),
        telemetry,
        public_hosts: config.public_hosts.clone(),
        public_origins: config.public_origins.clone(),
        body_bytes_max: config.body_bytes_max,
    };
    let local = super::remote::listen(dir, faces.clone(), opened.handle.closed())?;
    let witnesses = witness::start(opened.handle.clone(), opened.signer.clone(), &config.evidence.witness)?;
    let stop = stop_signal();
    // Only now: whoever reads the line may connect at once, to either, or ask it to stop.
    announce(&opened);
    let served = crate::http::serve(listener, faces, stop).await;
    local.abort();
    drop(std::fs::remove_file(dir.socket()));
    running.stop().await;
    witnesses.stop().await;
    let closed = opened.handle.closed();
    opened.close()?;
    let why = closed.borrow().clone();
    match why {
        Some(why) => Err(Failure::new(format!("the journal closed: {why}"))
            .hint("look at the disk, then start again; what was acknowledged is safe")),
        None => Ok(served?),
    }
}

/// Ends at Ctrl-C or at a polite request to stop. Listens from the call on, not only when it is waited for.
pub(super) fn stop_signal() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let listening = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async {
        let (Ok(mut polite), Ok(mut interrupt)) = listening else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = polite.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}
