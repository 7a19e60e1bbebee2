//! `orkestra stdio`: MCP over standard input and output. Beside a running server it is a pipe to it; else it is the server.

use std::sync::Arc;

use clap::Args;
use tokio::io::{AsyncRead, AsyncWrite, copy};

use super::remote::{Purpose, connect};
use super::{DataArg, Failure, Outcome};
use crate::door::Doorman;
use crate::http::{Faces, Sweeper};
use crate::mcp::{Server, Visitor};
use crate::modules::profile::Selection;
use crate::telemetry::{self, Telemetry};

#[derive(Debug, Args)]
pub(super) struct StdioArgs {
    #[command(flatten)]
    data: DataArg,
    /// A profile (core, planner, compact, …) or modules (tasks,labels).
    #[arg(long, env = "ORKESTRA_TOOLSETS")]
    toolsets: Option<String>,
    /// Show and allow reads only.
    #[arg(long, env = "ORKESTRA_READ_ONLY")]
    read_only: bool,
    /// Tools to leave out.
    #[arg(long, env = "ORKESTRA_EXCLUDE", value_delimiter = ',')]
    exclude: Vec<String>,
}

pub(super) async fn run(args: StdioArgs) -> Outcome {
    telemetry::init();
    let token = std::env::var("MCP_TOKEN")
        .or_else(|_| std::env::var("ORKESTRA_TOKEN"))
        .map_err(|_| {
            Failure::new("there is no token in MCP_TOKEN or ORKESTRA_TOKEN")
                .hint("make one with `orkestra token create --name \"my client\"`")
        })?;
    let dir = args.data.dir();
    let purpose = Purpose::Mcp {
        token: token.clone(),
        toolsets: args.toolsets.clone(),
        read_only: args.read_only,
        exclude: args.exclude.clone(),
    };
    if let Some(stream) = connect(&dir, &purpose).await {
        return pipe(stream).await;
    }
    let config = args.data.config()?;
    let (telemetry, mut sending) = Telemetry::started(&config.telemetry).map_err(Failure::wrong)?;
    let opened = super::serve::open(&dir, &config)?;
    telemetry.send(&opened.handle, &mut sending);
    let faces = Faces {
        handle: opened.handle.clone(),
        desk: opened.desk.clone(),
        signer: Some(opened.signer.clone()),
        public_tlog: config.evidence.public_tlog,
        doorman: Doorman::new(opened.keys.pepper.clone()),
        limits: Arc::new(super::serve::limits(&opened, &config)),
        state_key: *opened.keys.confirm.keyed("request-state", "mcp").bytes(),
        telemetry,
        public_hosts: Vec::new(),
        public_origins: Vec::new(),
        body_bytes_max: config.body_bytes_max,
    };
    let local = super::remote::listen(&dir, faces.clone(), opened.handle.closed())?;
    let running = crate::execution::start(&opened.handle, &config, false, &faces.telemetry).await?;
    let sweeper = Sweeper::start(faces.clone());
    let streams = (tokio::io::stdin(), tokio::io::stdout());
    let served = serve(
        faces,
        streams,
        token,
        args.toolsets.as_deref(),
        args.read_only,
        &args.exclude,
    )
    .await;
    sweeper.end().await;
    running.stop().await;
    local.abort();
    drop(std::fs::remove_file(dir.socket()));
    let closed = opened.close();
    sending.stop().await;
    closed?;
    served
}

/// Serves MCP over a pair of streams in the name of a token, which is checked at every request.
pub(super) async fn serve<R, W>(
    faces: Faces,
    streams: (R, W),
    token: String,
    toolsets: Option<&str>,
    read_only: bool,
    exclude: &[String],
) -> Outcome
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let selection = Selection::of_names(toolsets, read_only, exclude).map_err(|no| Failure::new(no.message))?;
    let (handle, doorman) = (faces.handle.clone(), faces.doorman.clone());
    let visitor = move || -> Result<Visitor, crate::kernel::Rejection> {
        let entry = doorman.admit(&token, "stdio", &handle.snapshot(), handle.now())?;
        Ok(Visitor {
            entry,
            selection: selection.clone(),
        })
    };
    visitor().map_err(|no| Failure::new(no.message).hint("make a token with `orkestra token create`"))?;
    let most = faces.body_bytes_max;
    let server = Server::new(faces.handle, faces.limits, faces.telemetry, &faces.state_key).for_process(visitor);
    server.run_on(streams, most).await.map_err(Failure::new)
}

async fn pipe(stream: tokio::net::UnixStream) -> Outcome {
    let (mut from, mut to) = stream.into_split();
    let up = async {
        let copied = copy(&mut tokio::io::stdin(), &mut to).await;
        drop(to);
        copied
    };
    tokio::pin!(up);
    let mut out = tokio::io::stdout();
    let down = copy(&mut from, &mut out);
    tokio::pin!(down);
    tokio::select! {
        done = &mut down => { done?; }
        done = &mut up => { done?; (&mut down).await?; }
    }
    Ok(())
}
