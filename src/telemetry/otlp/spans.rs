//! A span per call, by the semantic conventions for MCP: which tool, through which door, what came of it.

use std::str::FromStr as _;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    Link, Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, InstrumentationScope, KeyValue, Value};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span, SpanData, SpanProcessor};
use prost::Message as _;

use super::NAME;
use super::queue::Queue;
use crate::door::Entry;
use crate::kernel::{leak, sealed};
use crate::telemetry::Over;

/// The method of MCP that calls are.
const METHOD: &str = "tools/call";
/// The code of JSON-RPC that an unknown tool is answered with over MCP (JSON-RPC 2.0, section 5.1).
const INVALID_PARAMS: &str = "-32602";

/// Tells of calls, one by one.
pub struct Spans(SdkTracer);

impl Spans {
    /// Which of them are told, `OTEL_TRACES_SAMPLER` says; else all but those whose caller wants no trace.
    pub fn new(queue: Queue<SpanData>, resource: Resource) -> Self {
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_span_processor(Sent(queue))
            .build();
        let scope = InstrumentationScope::builder(NAME).with_version(env!("CARGO_PKG_VERSION"));
        Self(provider.tracer_with_scope(scope.build()))
    }

    /// Tells of a call that is over, and took so long.
    pub fn tell(&self, over: &Over<'_>, elapsed: Duration) {
        let end = SystemTime::now();
        let name = match over.tool {
            Some(tool) => format!("{METHOD} {}", tool.name),
            None => METHOD.to_owned(),
        };
        let mut builder = self.0.span_builder(name);
        builder.span_kind = Some(SpanKind::Server);
        builder.start_time = Some(end.checked_sub(elapsed).unwrap_or(end));
        builder.attributes = Some(attributes(over));
        let carrier = over.entry.way.carrier.as_deref();
        let carrier = carrier.and_then(|carrier| context(carrier, TraceState::default()));
        builder.links = carrier.map(|carrier| vec![Link::with_context(carrier)]);
        let parent = match parent(over.entry) {
            Some(parent) => Context::new().with_remote_span_context(parent),
            None => Context::new(),
        };
        let mut span = builder.start_with_context(&self.0, &parent);
        if over.code().is_some() {
            span.set_status(Status::error(""));
        }
        span.end_with_timestamp(end);
    }
}

fn attributes(over: &Over<'_>) -> Vec<KeyValue> {
    let (way, via) = (&over.entry.way, over.entry.caller.via);
    let is_mcp = via != "rest";
    let text = |key: &'static str, value: &'static str| Some(KeyValue::new(key, value));
    let number = |number: u64| Value::from(i64::try_from(number).unwrap_or(i64::MAX));
    let all = [
        text("orkestra.via", via),
        text("gen_ai.operation.name", "execute_tool"),
        over.tool.and_then(|tool| text("gen_ai.tool.name", tool.name)),
        over.code().map(|code| KeyValue::new("error.type", code.to_string())),
        over.position
            .map(|position| KeyValue::new("orkestra.position", number(position))),
        is_mcp.then(|| KeyValue::new("mcp.method.name", METHOD)),
        way.protocol.and_then(|version| text("mcp.protocol.version", version)),
        way.request
            .map(|id| KeyValue::new("jsonrpc.request.id", id.to_string())),
        (is_mcp && over.tool.is_none()).then(|| KeyValue::new("rpc.response.status_code", INVALID_PARAMS)),
        text("network.transport", if way.http.is_some() { "tcp" } else { "pipe" }),
        way.http.and_then(|_| text("network.protocol.name", "http")),
        way.http.and_then(|version| text("network.protocol.version", version)),
    ];
    all.into_iter().flatten().collect()
}

/// The caller's span, where one came with the call.
fn parent(entry: &Entry) -> Option<SpanContext> {
    let state = entry.way.state.as_deref().filter(|state| may_be_told(state));
    let state = state.and_then(|state| TraceState::from_str(state).ok());
    context(entry.caller.trace.as_deref()?, state.unwrap_or_default())
}

/// What a well-formed `traceparent` names.
fn context(parent: &str, state: TraceState) -> Option<SpanContext> {
    let mut parts = parent.split('-').skip(1);
    let trace = TraceId::from_hex(parts.next()?).ok()?;
    let span = SpanId::from_hex(parts.next()?).ok()?;
    let flags = TraceFlags::new(u8::from_str_radix(parts.next()?, 16).ok()?) & TraceFlags::SAMPLED;
    Some(SpanContext::new(trace, span, flags, true, state))
}

/// What tracing systems say is the caller's text: no token and no mail address is handed on with it.
fn may_be_told(state: &str) -> bool {
    !leak::is_veiled(&leak::veil(state)) && sealed::addresses(state).is_empty()
}

/// Puts what has ended where it is sent from.
#[derive(Debug)]
struct Sent(Queue<SpanData>);

impl SpanProcessor for Sent {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.put(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// The request that brings spans.
pub fn encode(spans: Vec<SpanData>, about: &ResourceAttributesWithSchema) -> Vec<u8> {
    let resource_spans = group_spans_by_resource_and_scope(spans, about);
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}
