//! An object store that speaks S3, as a place for archives; the only file that knows `object_store`.
//!
//! Whoever reads a journal waits for it, so the store has a thread of its own to work on. Endpoint and credentials come from
//! the environment (`AWS_…`) and are in no message: what a store answers can hold the key's name, and is not repeated.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::io;
use std::sync::mpsc::channel;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use journal::Target;
use journal::disk::Lock;
use object_store::ObjectStore as _;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{
    ClientConfigKey, Error, GetResult, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, RetryConfig, UpdateVersion,
};
use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};

/// For a whole segment over a slow line.
const TIME_LIMIT: &str = "300 seconds";
/// A reader waits so long for a store that is away.
const RETRIES: RetryConfig = RetryConfig {
    backoff: object_store::BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(2),
        base: 2.0,
    },
    max_retries: 4,
    retry_timeout: Duration::from_secs(20),
};

/// Where credentials may come from, in the environment. Machines' own metadata services are not asked.
const CREDENTIALS: [&str; 4] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/// A bucket, and what stands before the names in it.
pub struct Store {
    bucket: AmazonS3,
    prefix: String,
    name: String,
    /// What this process last saw of each file: its version, or that there is none.
    seen: Mutex<BTreeMap<String, Option<String>>>,
    runtime: Option<Runtime>,
}

impl Store {
    /// Reads the environment; nothing is asked of the store yet.
    ///
    /// # Errors
    /// `InvalidInput` where the environment lacks something.
    pub fn open(bucket: &str, prefix: &str) -> io::Result<Self> {
        let wrong = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_anonymous = std::env::var("AWS_SKIP_SIGNATURE").is_ok_and(|value| value == "true");
        if !is_anonymous && !CREDENTIALS.into_iter().any(is_set) {
            let why =
                "the environment has no credentials for the store: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
            return Err(wrong(why.to_owned()));
        }
        // The client takes the process's TLS; whoever was first may have set it, and it is the only one in the house.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let built = environment()?
            .with_bucket_name(bucket)
            .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout), TIME_LIMIT)
            .with_retry(RETRIES)
            .build()
            .map_err(|cause| wrong(format!("the environment (AWS_…) does not fit: {}", innermost(&cause))))?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("archive")
            .enable_all()
            .build()?;
        let name = format!("s3://{bucket}/{prefix}").trim_end_matches('/').to_owned();
        Ok(Self {
            bucket: built,
            prefix: prefix.to_owned(),
            name,
            seen: Mutex::default(),
            runtime: Some(runtime),
        })
    }

    fn path(&self, name: &str) -> Path {
        self.prefix
            .split('/')
            .chain([name])
            .filter(|part| !part.is_empty())
            .collect()
    }

    /// Works on the store's own thread, and waits here; where tasks wait for this thread, another takes them over.
    fn wait<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> io::Result<T> {
        let Some(runtime) = &self.runtime else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let (done, answer) = channel();
        runtime.spawn(async move { drop(done.send(work.await)) });
        let is_shared = Handle::try_current().is_ok_and(|here| here.runtime_flavor() == RuntimeFlavor::MultiThread);
        let answer = if is_shared {
            tokio::task::block_in_place(|| answer.recv())
        } else {
            answer.recv()
        };
        answer.map_err(io::Error::other)
    }

    fn saw(&self, name: &str, version: Option<String>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(name.to_owned(), version);
    }

    /// A file that was looked at is replaced only as it was then; what was never looked at is written over.
    fn mode(&self, name: &str) -> PutMode {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.get(name) {
            None => PutMode::Overwrite,
            Some(None) => PutMode::Create,
            Some(version) => PutMode::Update(UpdateVersion {
                e_tag: version.clone(),
                version: None,
            }),
        }
    }

    fn put(&self, path: &Path, bytes: &[u8], mode: PutMode) -> io::Result<Result<Option<String>, Error>> {
        let (bucket, path) = (self.bucket.clone(), path.clone());
        let payload = PutPayload::from(bytes.to_vec());
        let options = PutOptions::from(mode);
        self.wait(async move {
            let put = bucket.put_opts(&path, payload, options).await?;
            Ok(put.e_tag)
        })
    }
}

impl Target for Store {
    fn get(&self, name: &str) -> io::Result<Vec<u8>> {
        let (bucket, path) = (self.bucket.clone(), self.path(name));
        let read = self.wait(async move {
            let got: GetResult = bucket.get(&path).await?;
            let version = got.meta.e_tag.clone();
            Ok((got.bytes().await?, version))
        })?;
        match read {
            Ok((bytes, version)) => {
                if version.is_some() {
                    self.saw(name, version);
                }
                Ok(bytes.into())
            }
            Err(cause) => {
                if matches!(cause, Error::NotFound { .. }) {
                    self.saw(name, None);
                }
                Err(told(&cause))
            }
        }
    }

    /// A store answers when all is kept, and shows a file whole or not at all.
    fn set(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(name);
        let put = match self.put(&path, bytes, self.mode(name))? {
            // A store that knows no conditions; then it is up to people that one archives at a time.
            Err(Error::NotImplemented { .. }) => self.put(&path, bytes, PutMode::Overwrite)?,
            put => put,
        };
        let version = put.map_err(|cause| told(&cause))?;
        if version.is_some() {
            self.saw(name, version);
        }
        Ok(())
    }

    /// A store has no locks that end with a process. The manifest is written on condition that nobody else did meanwhile.
    fn hold(&self) -> io::Result<Option<Lock>> {
        Ok(Some(Box::new(())))
    }

    fn called(&self) -> String {
        self.name.clone()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // It may be a task that lets go of it, and those cannot wait for threads.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What the environment says. Without TLS, records could be read on their way: that has to be asked for.
fn environment() -> io::Result<AmazonS3Builder> {
    let builder = AmazonS3Builder::from_env();
    let said = |key: AmazonS3ConfigKey| builder.get_config_value(&key);
    let endpoint = said(AmazonS3ConfigKey::S3Endpoint).or_else(|| said(AmazonS3ConfigKey::Endpoint));
    let allows_http = said(AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp)).is_some_and(|value| value == "true");
    if endpoint.is_some_and(|address| address.starts_with("http://")) && !allows_http {
        let why = "the store's endpoint has no TLS; where that is meant, set AWS_ALLOW_HTTP=true";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    Ok(builder)
}

/// In our own words.
fn told(cause: &Error) -> io::Error {
    let (kind, said) = match cause {
        Error::NotFound { .. } => (
            io::ErrorKind::NotFound,
            "the store has no such object, or no such bucket".to_owned(),
        ),
        Error::Unauthenticated { .. } | Error::PermissionDenied { .. } => (
            io::ErrorKind::PermissionDenied,
            "the store refuses the credentials of the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), or they \
             may not do this"
                .to_owned(),
        ),
        Error::AlreadyExists { .. } | Error::Precondition { .. } => (
            io::ErrorKind::ResourceBusy,
            "somebody else wrote it meanwhile, and it stays as it is; run this again when they are done".to_owned(),
        ),
        other => (io::ErrorKind::Other, innermost(other)),
    };
    io::Error::new(kind, said)
}

/// The deepest cause, without what the store answered.
fn innermost(cause: &dyn StdError) -> String {
    let mut cause = cause;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let said = cause.to_string();
    if let Some((_, after)) = said.split_once("status code: ") {
        let status = after.split(':').next().unwrap_or_default();
        return format!("the store answers {status}");
    }
    if said.contains("error response") {
        return "the store answers that it failed".to_owned();
    }
    said
}
