//! The socket in the data directory: commands beside a running server go through it, and only its owner may use it.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Failure;
use super::operator::{House, OperatorRequest, Refusal};
use crate::data::DataDir;
use crate::http::Faces;

/// The first line on a connection says what it is for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Purpose {
    /// One request of an operator; one line comes back.
    Operator(OperatorRequest),
    /// MCP over this connection, in the name of a token.
    Mcp {
        /// The bearer token.
        token: String,
        /// Profile or modules.
        toolsets: Option<String>,
        /// Reads only.
        read_only: bool,
        /// Tools to leave out.
        exclude: Vec<String>,
    },
}

/// Takes connections until aborted.
pub(super) fn listen(
    dir: &DataDir,
    faces: Faces,
    mut closed: watch::Receiver<Option<Arc<str>>>,
) -> Result<JoinHandle<()>, Failure> {
    let path = dir.socket();
    // Whoever holds the journal's lock owns the name; what is there was left by a server that died.
    drop(std::fs::remove_file(&path));
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = closed.wait_for(Option::is_some) => return,
                taken = listener.accept() => if let Ok((stream, _)) = taken {
                    tokio::spawn(serve(stream, faces.clone()));
                },
            }
        }
    }))
}

async fn serve(stream: UnixStream, faces: Faces) {
    let (from, mut to) = stream.into_split();
    let mut from = BufReader::new(from);
    let mut line = String::new();
    // Whoever only looks whether a server runs says nothing.
    if !from.read_line(&mut line).await.is_ok_and(|bytes| bytes > 0) {
        return;
    }
    match serde_json::from_str::<Purpose>(&line) {
        Ok(Purpose::Operator(request)) => {
            let reply = House::serving(&faces).carry_out(request).await;
            let reply = reply.map_err(Refusal::from);
            let text = serde_json::to_string(&reply).unwrap_or_default() + "\n";
            drop(to.write_all(text.as_bytes()).await);
        }
        Ok(Purpose::Mcp {
            token,
            toolsets,
            read_only,
            exclude,
        }) => {
            let served = super::stdio::serve(faces, (from, to), token, toolsets.as_deref(), read_only, &exclude).await;
            if let Err(failure) = served {
                tracing::info!(why = failure.message, "a local MCP connection ended");
            }
        }
        Err(cause) => tracing::warn!(%cause, "a local connection was not understood"),
    }
}

/// Connects to the server that runs on a directory, if there is one, and says what for.
pub(super) async fn connect(dir: &DataDir, purpose: &Purpose) -> Option<UnixStream> {
    let mut stream = UnixStream::connect(dir.socket()).await.ok()?;
    let line = serde_json::to_string(purpose).ok()? + "\n";
    stream.write_all(line.as_bytes()).await.ok()?;
    Some(stream)
}

/// Asks the running server; `None` where no server runs.
pub(super) async fn ask(dir: &DataDir, request: OperatorRequest) -> Option<Result<serde_json::Value, Refusal>> {
    let stream = connect(dir, &Purpose::Operator(request)).await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await.ok()?;
    serde_json::from_str(&line).ok()
}
