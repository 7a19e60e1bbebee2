//! A collector on loopback that keeps what it is sent, or does what bad ones do.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

/// What it does with a request.
#[derive(Clone, Copy)]
pub enum Manner {
    Takes,
    Refuses,
    /// Asks to come again at once, the first time.
    IsBusy,
    Hangs,
}

#[derive(Clone)]
struct Kept(Manner, Arc<Mutex<Vec<Request>>>);

/// Path, head and body.
pub type Request = (String, HeaderMap, Bytes);

pub struct Collector {
    pub address: String,
    kept: Kept,
    _runtime: tokio::runtime::Runtime,
}

impl Collector {
    pub fn start(manner: Manner) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let kept = Kept(manner, Arc::default());
        let router = Router::new().fallback(keep).with_state(kept.clone());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            address,
            kept,
            _runtime: runtime,
        }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.kept.1.lock().unwrap().clone()
    }

    /// Waits for the first request; an address of nobody would let every test of silence pass.
    pub fn wait_for(&self, what: &str, is_there: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !is_there(self) {
            assert!(begun.elapsed() < Duration::from_secs(20), "{what} did not come");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn bodies<T: Message + Default>(&self, path: &str) -> Vec<T> {
        let all = self.requests().into_iter().filter(|(at, ..)| at == path);
        all.map(|(.., body)| T::decode(body).unwrap()).collect()
    }

    pub fn spans(&self) -> Vec<Span> {
        let all = self.bodies::<ExportTraceServiceRequest>("/v1/traces");
        let scopes = all.into_iter().flat_map(|one| one.resource_spans);
        scopes
            .flat_map(|one| one.scope_spans)
            .flat_map(|one| one.spans)
            .collect()
    }

    /// The attributes of everything that spans are of.
    pub fn about(&self) -> Vec<KeyValue> {
        let all = self.bodies::<ExportTraceServiceRequest>("/v1/traces");
        let about = all.into_iter().flat_map(|one| one.resource_spans);
        about.flat_map(|one| one.resource.unwrap().attributes).collect()
    }

    /// The last report of the counters.
    pub fn metrics(&self) -> Vec<Metric> {
        let last = self
            .bodies::<ExportMetricsServiceRequest>("/v1/metrics")
            .pop()
            .unwrap_or_default();
        let scopes = last.resource_metrics.into_iter().flat_map(|one| one.scope_metrics);
        scopes.flat_map(|one| one.metrics).collect()
    }

    pub fn lines(&self) -> Vec<LogRecord> {
        let all = self.bodies::<ExportLogsServiceRequest>("/v1/logs");
        let scopes = all.into_iter().flat_map(|one| one.resource_logs);
        scopes
            .flat_map(|one| one.scope_logs)
            .flat_map(|one| one.log_records)
            .collect()
    }
}

async fn keep(State(kept): State<Kept>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let is_first = {
        let mut all = kept.1.lock().unwrap();
        let path = uri.path().to_owned();
        let is_first = !all.iter().any(|(at, ..)| *at == path);
        all.push((path, headers, body));
        is_first
    };
    match kept.0 {
        Manner::IsBusy if is_first => (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "0")]).into_response(),
        Manner::Takes | Manner::IsBusy => StatusCode::OK.into_response(),
        Manner::Refuses => StatusCode::UNAUTHORIZED.into_response(),
        Manner::Hangs => std::future::pending().await,
    }
}

/// An attribute as text.
pub fn said(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|one| one.key == key)?;
    Some(match found.value.clone()?.value? {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    })
}

pub fn hex(bytes: &[u8]) -> String {
    let whole = bytes.iter().fold(0_u128, |whole, byte| whole << 8 | u128::from(*byte));
    format!("{whole:0width$x}", width = bytes.len() * 2)
}
