//! The lines of a STDIO client, checked before rmcp reads them as the HTTP guard checks a body: strict JSON, one message, not
//! too long. What is refused is answered, because a client that hears nothing waits.

use std::io;
use std::sync::Arc;

use serde_json::json;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader, ReadHalf, WriteHalf,
    duplex, split,
};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::strict;

/// Bytes on their way between the check and rmcp.
const PIPE_BYTES: usize = 64 << 10;

/// Both ends that rmcp is given.
pub(super) type Ends = (ReadHalf<tokio::io::DuplexStream>, WriteHalf<tokio::io::DuplexStream>);

/// What carries lines while rmcp serves.
pub(super) struct Carriers {
    inward: JoinHandle<io::Result<()>>,
    outward: JoinHandle<io::Result<()>>,
}

impl Carriers {
    /// Waits until everything that rmcp said has left.
    pub(super) async fn end(self) {
        drop(self.outward.await);
        self.inward.abort();
    }
}

/// Puts the check between a client and rmcp; a line may have `most` bytes.
pub(super) fn checked<R, W>((from, to): (R, W), most: usize) -> (Ends, Carriers)
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let (near, far) = duplex(PIPE_BYTES);
    let (said, heard) = split(near);
    let client = Arc::new(Mutex::new(to));
    let carriers = Carriers {
        inward: tokio::spawn(inward(from, heard, Arc::clone(&client), most)),
        outward: tokio::spawn(outward(said, client)),
    };
    (split(far), carriers)
}

async fn inward<R, W>(
    from: R,
    mut heard: WriteHalf<tokio::io::DuplexStream>,
    client: Arc<Mutex<W>>,
    most: usize,
) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while let Some(whole) = next(&mut from, &mut line, most).await? {
        let refused = if whole {
            strict::message(&line).err()
        } else {
            Some(strict::Unfit {
                code: -32600,
                why: format!("the message is longer than {most} bytes; send less at once"),
                id: serde_json::Value::Null,
            })
        };
        match refused {
            None => {
                heard.write_all(line.trim_ascii_end()).await?;
                heard.write_all(b"\n").await?;
            }
            Some(no) => say(&client, &no).await?,
        }
    }
    heard.shutdown().await
}

/// Reads the next line that says something; false where it is longer than allowed, `None` at the end.
async fn next<R: AsyncRead + Unpin>(
    from: &mut BufReader<R>,
    line: &mut Vec<u8>,
    most: usize,
) -> io::Result<Option<bool>> {
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    loop {
        line.clear();
        if from.take(limit).read_until(b'\n', line).await? == 0 {
            return Ok(None);
        }
        if line.ends_with(b"\n") || line.len() <= most {
            if line.iter().any(|byte| !byte.is_ascii_whitespace()) {
                return Ok(Some(true));
            }
            continue;
        }
        while !line.ends_with(b"\n") {
            line.clear();
            if from.take(limit).read_until(b'\n', line).await? == 0 {
                break;
            }
        }
        return Ok(Some(false));
    }
}

async fn say<W: AsyncWrite + Unpin>(client: &Mutex<W>, no: &strict::Unfit) -> io::Result<()> {
    let error = json!({"jsonrpc": "2.0", "id": no.id, "error": {"code": no.code, "message": no.why}});
    send(client, format!("{error}\n").as_bytes()).await
}

async fn send<W: AsyncWrite + Unpin>(client: &Mutex<W>, line: &[u8]) -> io::Result<()> {
    let mut client = client.lock().await;
    client.write_all(line).await?;
    client.flush().await
}

async fn outward<W: AsyncWrite + Unpin>(
    said: ReadHalf<tokio::io::DuplexStream>,
    client: Arc<Mutex<W>>,
) -> io::Result<()> {
    let mut said = BufReader::new(said);
    let mut line = Vec::new();
    while said.read_until(b'\n', &mut line).await? > 0 {
        send(&client, &line).await?;
        line.clear();
    }
    client.lock().await.shutdown().await
}
