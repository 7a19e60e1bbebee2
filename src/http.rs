//! HTTP: the only place that knows axum. The MCP endpoint, REST, health and metrics, behind one guard.

mod actions;
mod auditing;
mod guard;
mod journal;
mod openapi;
mod past;
mod replay;
mod reply;
mod rest;
mod session;
mod stats;
mod sweep;
mod tlog;

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::{any, get, post};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

use crate::door::signer::Signer;
use crate::door::{Doorman, Limits};
use crate::followers::clerk::Desk;
use crate::mcp;
use crate::processor::Handle;
use crate::telemetry::Telemetry;

/// How long a call over MCP may still take when the server is to stop.
const CALLS_END_AFTER: Duration = Duration::from_secs(5);
/// How long the connections may take to end after that.
const ALL_ENDS_AFTER: Duration = Duration::from_secs(2);

/// What the HTTP faces need.
#[derive(Clone)]
pub struct Faces {
    /// The way to the processor.
    pub handle: Handle,
    /// Where the rows are read.
    pub desk: Desk,
    /// Who signs the log, where it is one that can be followed.
    pub signer: Option<Signer>,
    /// Whether checkpoints and hashes of the log need no token.
    pub public_tlog: bool,
    /// Who checks tokens.
    pub doorman: Doorman,
    /// The rate limits.
    pub limits: Arc<Limits>,
    /// Seals what MCP clients carry.
    pub state_key: [u8; 32],
    /// Counters.
    pub telemetry: Arc<Telemetry>,
    /// Host names that requests may name, beside the loopback ones.
    pub public_hosts: Vec<String>,
    /// Origins that browsers may call from, beside the loopback ones.
    pub public_origins: Vec<String>,
    /// Longest body, in bytes.
    pub body_bytes_max: usize,
}

/// When what is asked of a server that is to stop ends.
#[derive(Clone, Default)]
struct Ending {
    /// Answers that do not end by themselves.
    streams: CancellationToken,
    /// Calls over MCP.
    calls: CancellationToken,
}

/// What every handler shares.
pub(crate) struct Shared {
    faces: Faces,
    ending: Ending,
    hosts: BTreeSet<String>,
    sessions: session::Sessions,
    mcp: Mcp,
    past: past::Journeys,
    /// The text of `/openapi.json`.
    openapi: Bytes,
}

type Mcp = StreamableHttpService<mcp::Server, LocalSessionManager>;

type App = Arc<Shared>;

pub(crate) use actions::listed as actions_of;
pub(crate) use rest::describe;
pub(crate) use sweep::Sweeper;

/// Serves until `shutdown` ends or the journal closes.
pub async fn serve(
    listener: TcpListener,
    faces: Faces,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let mut closed = faces.handle.closed();
    let sweeper = Sweeper::start(faces.clone());
    let ending = Ending::default();
    let (router, streams) = (router(faces, &ending), ending.streams.clone());
    let ended = async move {
        tokio::select! {
            () = shutdown => {}
            _ = closed.wait_for(Option::is_some) => {}
        }
        streams.cancel();
    };
    let served = axum::serve(listener, router).with_graceful_shutdown(ended);
    let served = tokio::select! {
        served = served => served,
        () = ending.patience() => Ok(()),
    };
    sweeper.end().await;
    served
}

impl Ending {
    /// A client that does not go is waited for, but not for ever.
    async fn patience(&self) {
        self.streams.cancelled().await;
        tokio::time::sleep(CALLS_END_AFTER).await;
        self.calls.cancel();
        tokio::time::sleep(ALL_ENDS_AFTER).await;
        tracing::warn!("some clients did not go; the server stops without them");
    }
}

/// Every address.
fn router(faces: Faces, ending: &Ending) -> Router {
    let loopback = ["localhost", "127.0.0.1", "::1"].into_iter().map(str::to_owned);
    let hosts = loopback.chain(faces.public_hosts.iter().cloned()).collect();
    let mcp = mcp_service(&faces, ending);
    let public_tlog = faces.public_tlog;
    let past = past::Journeys::new(faces.handle.registry(), faces.desk.past().cloned());
    let openapi = openapi::document(faces.handle.registry()).to_string().into();
    let app: App = Arc::new(Shared {
        faces,
        ending: ending.clone(),
        hosts,
        sessions: session::Sessions::default(),
        mcp,
        past,
        openapi,
    });
    // The busiest address: one handler that holds its own guard is cheaper than layers, which are made anew for each call.
    let mcp = Router::new()
        .route("/mcp", any(guard::mcp))
        .route("/mcp/{*address}", any(guard::mcp));
    let hashes = Router::new()
        .route("/tlog/checkpoint", get(tlog::checkpoint))
        .route("/tlog/tile/{level}/{*tile}", get(tlog::hashes));
    let (guarded, open) = if public_tlog {
        let open = axum::middleware::from_fn_with_state(Arc::clone(&app), guard::open);
        (Router::new(), hashes.layer(open))
    } else {
        (hashes, Router::new())
    };
    let rest = guarded
        .route("/v1/tools", get(rest::tools))
        .route("/v1/tools/{tool}", post(rest::call).get(past::call))
        .route("/v1/actions", get(actions::list))
        .route("/v1/actions/{id}", get(actions::show))
        .route("/v1/actions/{id}/confirm", post(actions::confirm))
        .route("/v1/actions/{id}/cancel", post(actions::cancel))
        .route("/v1/actions/{id}/retry", post(actions::retry))
        .route("/v1/actions/{id}/reconcile", post(actions::reconcile))
        .route("/v1/journal", get(journal::stream))
        .route("/v1/replay", get(replay::stream))
        .route("/tlog/tile/entries/{*bundle}", get(tlog::entries))
        .route("/v1/stats", get(stats::stats))
        .route("/v1/digest", get(rest::digest))
        .route("/v1/boot", get(rest::boot))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&app), guard::rest));
    Router::new()
        .merge(rest)
        .merge(open)
        .route("/healthz", get(rest::healthz))
        .route("/readyz", get(rest::readyz))
        .route("/metrics", get(rest::metrics))
        .route("/openapi.json", get(rest::openapi))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&app), guard::hosts))
        .layer(CatchPanicLayer::custom(reply::panicked))
        .merge(mcp)
        .fallback(reply::nowhere)
        .with_state(app)
}

fn mcp_service(faces: &Faces, ending: &Ending) -> Mcp {
    let server = mcp::Server::new(
        faces.handle.clone(),
        Arc::clone(&faces.limits),
        Arc::clone(&faces.telemetry),
        &faces.state_key,
    );
    // Host and origin are checked by the guard, for every address alike.
    let config = StreamableHttpServerConfig::default()
        .with_json_response(true)
        .with_cancellation_token(ending.calls.clone())
        .disable_allowed_hosts();
    StreamableHttpService::new(
        move || Ok(server.clone()),
        Arc::new(LocalSessionManager::default()),
        config,
    )
}
