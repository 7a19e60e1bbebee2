//! Where telemetry goes: our own settings, and the environment that OpenTelemetry has for everybody.

use std::num::NonZeroU32;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, ResourceDetector as _};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::NAME;

/// Where telemetry goes, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The address of a collector that takes OTLP over HTTP; where nothing is said here or in the environment, nothing is sent.
    pub otlp: Option<String>,
    /// How often counters are sent.
    pub metrics_seconds: NonZeroU32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            otlp: None,
            metrics_seconds: NonZeroU32::MIN.saturating_add(59),
        }
    }
}

impl Settings {
    /// Whether the address can be one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let Some(address) = &self.otlp else { return Ok(()) };
        base(address).map(drop).map_err(|rule| format!("telemetry.otlp {rule}"))
    }
}

/// Why telemetry cannot be sent. Values of the environment are not in it: they may hold secrets.
#[derive(Clone, Debug, Error)]
#[error("telemetry: {0}")]
pub struct Wrong(String);

impl Wrong {
    pub(super) fn new(why: impl ToString) -> Self {
        Self(why.to_string())
    }
}

/// Who is sent to.
#[derive(Debug)]
pub struct Target {
    /// What the path of a signal is put behind.
    pub base: String,
    /// What every request carries.
    pub headers: HeaderMap,
}

impl Target {
    /// Who is wanted by the settings, else by the environment; `None` where nobody is.
    ///
    /// # Errors
    /// [`Wrong`] where the environment asks for what is not done here.
    pub fn wanted(settings: &Settings, environment: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, Wrong> {
        let said = |name: &str| environment(name).filter(|value| !value.trim().is_empty());
        if said("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let base = match (&settings.otlp, said("OTEL_EXPORTER_OTLP_ENDPOINT")) {
            (Some(address), _) => base(address).map_err(|rule| Wrong(format!("telemetry.otlp {rule}")))?,
            (None, Some(address)) => {
                base(&address).map_err(|rule| Wrong(format!("OTEL_EXPORTER_OTLP_ENDPOINT {rule}")))?
            }
            (None, None) => return Ok(None),
        };
        if said("OTEL_EXPORTER_OTLP_PROTOCOL").is_some_and(|value| value != "http/protobuf") {
            return Err(Wrong::new(
                "OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf, or left out",
            ));
        }
        let mut headers = match said("OTEL_EXPORTER_OTLP_HEADERS") {
            Some(list) => headers(&list)
                .ok_or_else(|| Wrong::new("OTEL_EXPORTER_OTLP_HEADERS must be a list of name=value with commas"))?,
            None => HeaderMap::new(),
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        Ok(Some(Self { base, headers }))
    }
}

/// An address without what could hold a secret, and without a slash at its end.
fn base(address: &str) -> Result<String, &'static str> {
    const RULE: &str = "must begin with http:// or https://, and hold no password, query or fragment";
    let uri: Uri = address.trim().parse().map_err(|_| RULE)?;
    let is_http = uri
        .scheme_str()
        .is_some_and(|scheme| scheme == "http" || scheme == "https");
    let open = uri
        .authority()
        .is_some_and(|authority| !authority.as_str().contains('@'));
    if is_http && open && !address.contains(['?', '#']) {
        Ok(address.trim().trim_end_matches('/').to_owned())
    } else {
        Err(RULE)
    }
}

/// `name=value,name=value`, the values percent-encoded (OTLP Exporter Configuration; W3C Baggage).
fn headers(list: &str) -> Option<HeaderMap> {
    let mut all = HeaderMap::new();
    for entry in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let (name, value) = entry.split_once('=')?;
        let mut value = HeaderValue::from_bytes(&decoded(value.trim())?).ok()?;
        value.set_sensitive(true);
        all.insert(HeaderName::from_bytes(name.trim().as_bytes()).ok()?, value);
    }
    Some(all)
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut rest) = (Vec::new(), text);
    while let Some((plain, coded)) = rest.split_once('%') {
        bytes.extend_from_slice(plain.as_bytes());
        let (code, after) = coded.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(code, 16).ok()?);
        rest = after;
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(bytes)
}

/// Of whom everything is: `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`, and an identifier of this process.
///
/// # Errors
/// [`Wrong`] where the operating system gives no random bytes.
pub fn resource(environment: impl Fn(&str) -> Option<String>) -> Result<Resource, Wrong> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(Wrong::new)?;
    let instance = format!("{:032x}", u128::from_be_bytes(bytes));
    let own = [
        KeyValue::new("service.name", NAME),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", instance),
    ];
    let named = environment("OTEL_SERVICE_NAME").filter(|name| !name.is_empty());
    // What the operator says comes last, and so counts.
    let mut made = Resource::builder_empty()
        .with_attributes(own)
        .with_detector(Box::new(opentelemetry_sdk::resource::TelemetryResourceDetector))
        .with_attributes(
            EnvResourceDetector::new()
                .detect()
                .iter()
                .map(|(key, value)| KeyValue::new(key.clone(), value.clone())),
        );
    if let Some(name) = named {
        made = made.with_service_name(name);
    }
    Ok(made.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(own: Option<&str>, environment: &[(&str, &str)]) -> Result<Option<Target>, Wrong> {
        let settings = Settings {
            otlp: own.map(ToOwned::to_owned),
            ..Settings::default()
        };
        let given = |name: &str| {
            let found = environment.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Target::wanted(&settings, given)
    }

    #[test]
    fn our_own_setting_counts_before_the_environment() {
        const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://there:4318/");
        let base = |own, environment: &[_]| wanted(own, environment).unwrap().map(|target| target.base);
        assert_eq!(base(None, &[]), None);
        assert_eq!(base(None, &[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]), None);
        assert_eq!(base(None, &[ENDPOINT]).as_deref(), Some("http://there:4318"));
        let own = Some("https://here/otlp");
        assert_eq!(base(own, &[ENDPOINT]).as_deref(), own);
        assert_eq!(base(own, &[("OTEL_SDK_DISABLED", "true")]), None);
    }

    #[test]
    fn headers_are_decoded_and_never_said() {
        let list = ("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20geheim, x-b=2,");
        let target = wanted(Some("http://here"), &[list]).unwrap().unwrap();
        assert_eq!(target.headers["authorization"], "Bearer geheim");
        assert_eq!(target.headers["x-b"], "2");
        assert!(!format!("{target:?}").contains("geheim"));
        for bad in ["geheim", "a=b,geheim", "a=%gg", "a b=geheim", "a=geheim%0a"] {
            let no = wanted(Some("http://here"), &[("OTEL_EXPORTER_OTLP_HEADERS", bad)]);
            let no = no.unwrap_err().to_string();
            assert!(
                no.contains("OTEL_EXPORTER_OTLP_HEADERS") && !no.contains("geheim"),
                "{no}"
            );
        }
    }

    #[test]
    fn what_is_not_done_here_is_refused() {
        for bad in [
            "",
            "there:4318",
            "ftp://there",
            "http://me:geheim@there",
            "http://there/?key=geheim",
            "http://there/#a",
        ] {
            let no = wanted(Some(bad), &[]).unwrap_err().to_string();
            assert!(no.contains("telemetry.otlp") && !no.contains("geheim"), "{no}");
        }
        let grpc = [("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
        assert!(wanted(Some("http://there"), &grpc).is_err());
        assert!(wanted(None, &grpc).unwrap().is_none(), "asked of others");
    }
}
