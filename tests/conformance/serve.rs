//! Serves a handler with the fixtures on a loopback port, without a token: the suite cannot send one.

use std::io::{self, Write as _};
use std::sync::Arc;

use axum::Router;
use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::StreamableHttpServerConfig;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::tower::StreamableHttpService;
use tokio::net::TcpListener;

use super::changes::Changes;
use super::handler::Conformance;
use super::rounds::Rounds;

/// Serves what `product` makes until the process is asked to stop. The address is printed as one line of JSON.
pub async fn serve<H, F>(product: F) -> io::Result<()>
where
    H: ServerHandler,
    F: Fn() -> io::Result<H> + Send + Sync + 'static,
{
    let rounds = Arc::new(Rounds::new().map_err(io::Error::other)?);
    let changes = Changes::new();
    let handlers = move || Ok(Conformance::new(product()?, &rounds, &changes));
    let config = StreamableHttpServerConfig::default()
        .enforce_origin_validation()
        .with_allowed_origins(["http://127.0.0.1:*", "http://localhost:*"]);
    let service = StreamableHttpService::new(handlers, Arc::<LocalSessionManager>::default(), config);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    writeln!(io::stdout(), "{{\"mcp\":\"http://{address}/mcp\"}}")?;
    let router = Router::new().route_service("/mcp", service);
    axum::serve(listener, router).await
}
