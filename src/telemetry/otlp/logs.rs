//! Our own lines of the log, as records: the sentence, numbers, and a few words that are ours. Reasons are not among them,
//! because they can name files, people and what others said; they stand in the log itself.

use std::fmt::Debug;
use std::sync::OnceLock;
use std::time::SystemTime;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use prost::Message as _;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use super::queue::Queue;
use super::{About, attribute, nanos, scope};
use crate::kernel::leak;

/// The fields whose words are sent: identifiers and codes.
const WORDS: [&str; 6] = ["action", "answer", "attempt", "code", "module", "signal"];
/// Longest of them, in bytes.
const WORD_MAX: usize = 64;

/// The log is one for the process, and begins before the configuration is read.
static TO: OnceLock<Queue<LogRecord>> = OnceLock::new();

/// Sends lines from now on. Whoever comes second in a process (tests) is not listened to.
pub fn to(queue: Queue<LogRecord>) {
    drop(TO.set(queue));
}

/// Hears the lines of the log.
pub struct Lines;

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if let Some(queue) = TO.get() {
            queue.put(record(event));
        }
    }
}

fn record(event: &Event<'_>) -> LogRecord {
    let (meta, now) = (event.metadata(), nanos(SystemTime::now()));
    let severity = match *meta.level() {
        Level::ERROR => SeverityNumber::Error,
        Level::WARN => SeverityNumber::Warn,
        Level::INFO => SeverityNumber::Info,
        Level::DEBUG => SeverityNumber::Debug,
        Level::TRACE => SeverityNumber::Trace,
    };
    let mut said = Said::default();
    event.record(&mut said);
    let place = [
        meta.file()
            .map(|file| attribute("code.file.path", Value::StringValue(file.to_owned()))),
        meta.line()
            .map(|line| attribute("code.line.number", Value::IntValue(line.into()))),
    ];
    said.attributes.extend(place.into_iter().flatten());
    LogRecord {
        time_unix_nano: now,
        observed_time_unix_nano: now,
        severity_number: severity.into(),
        severity_text: meta.level().as_str().to_owned(),
        body: Some(AnyValue {
            value: Some(Value::StringValue(said.sentence)),
        }),
        attributes: said.attributes,
        ..LogRecord::default()
    }
}

/// What of a line may be sent.
#[derive(Default)]
struct Said {
    sentence: String,
    attributes: Vec<KeyValue>,
}

impl Said {
    fn number(&mut self, field: &Field, value: Value) {
        self.attributes.push(attribute(field.name(), value));
    }

    fn text(&mut self, field: &Field, text: String) {
        if field.name() == "message" {
            self.sentence = text;
        } else if WORDS.contains(&field.name()) && is_word(&text) {
            self.attributes.push(attribute(field.name(), Value::StringValue(text)));
        }
    }
}

/// Whether it can be an identifier or a code, and no token.
fn is_word(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
    text.len() <= WORD_MAX && text.bytes().all(fits) && !leak::is_veiled(&leak::veil(text))
}

impl Visit for Said {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, Value::IntValue(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, Value::IntValue(i64::try_from(value).unwrap_or(i64::MAX)));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.number(field, Value::BoolValue(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.number(field, Value::DoubleValue(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field, format!("{value:?}"));
    }
}

/// The request that brings lines.
pub(super) fn encode(log_records: Vec<LogRecord>, about: &About) -> Vec<u8> {
    let lines = ScopeLogs {
        scope: Some(scope()),
        log_records,
        ..ScopeLogs::default()
    };
    let all = ResourceLogs {
        resource: Some(about.resource()),
        scope_logs: vec![lines],
        ..ResourceLogs::default()
    };
    ExportLogsServiceRequest {
        resource_logs: vec![all],
    }
    .encode_to_vec()
}
