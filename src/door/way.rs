//! How a call came: over what, and where in a trace it belongs. What is malformed is as if it had not come.

use http::{HeaderMap, Version};

/// The header and the key of `_meta` that name the parent (W3C Trace Context).
const PARENT: &str = "traceparent";
/// The header beside it.
const STATE: &str = "tracestate";
/// Most of a `tracestate` that is carried on, in bytes: what section 3.3.1.5 of Trace Context asks for at least.
const STATE_BYTES_MAX: usize = 512;
/// Bytes of a `traceparent`.
const PARENT_BYTES: usize = 55;

/// How a call came, beside who called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// The version of HTTP it came over; `None` for a pipe.
    pub http: Option<&'static str>,
    /// The revision of MCP that is spoken.
    pub protocol: Option<&'static str>,
    /// The identifier of the JSON-RPC request, where it is a number.
    pub request: Option<i64>,
    /// The `traceparent` of the HTTP request, where the message in it names another.
    pub carrier: Option<String>,
    /// What tracing systems say of the trace (`tracestate`); only beside a good parent.
    pub state: Option<String>,
}

/// Where in a trace a call belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The `traceparent`, 55 characters.
    pub parent: String,
    /// The `tracestate`, at most 512 bytes; what is longer is left out.
    pub state: Option<String>,
}

impl Trace {
    /// From what stands in `_meta` of an MCP request.
    pub fn of(parent: Option<&str>, state: Option<&str>) -> Option<Self> {
        Some(Self {
            parent: good(parent?)?.to_owned(),
            state: state
                .filter(|state| state.len() <= STATE_BYTES_MAX)
                .map(ToOwned::to_owned),
        })
    }

    /// From the headers of an HTTP request. Two parents are as bad as none; several states are one list.
    pub fn of_headers(headers: &HeaderMap) -> Option<Self> {
        let mut parents = headers.get_all(PARENT).iter();
        let (Some(parent), None) = (parents.next(), parents.next()) else {
            return None;
        };
        let states: Option<Vec<&str>> = headers.get_all(STATE).iter().map(|state| state.to_str().ok()).collect();
        let state = states.filter(|all| !all.is_empty()).map(|all| all.join(","));
        Self::of(parent.to_str().ok(), state.as_deref())
    }
}

/// A well-formed `traceparent` (section 3.2 of Trace Context); of a later version, what this one knows.
fn good(text: &str) -> Option<&str> {
    let (known, more) = text.split_at_checked(PARENT_BYTES)?;
    let mut parts = known.split('-');
    let mut part = |length: usize| {
        let part = parts.next()?;
        let hex = |digit: u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit);
        (part.len() == length && part.bytes().all(hex)).then_some(part)
    };
    let (version, trace, span, _flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
    let is_nothing = |id: &str| id.bytes().all(|digit| digit == b'0');
    let fits = match version {
        "ff" => false,
        "00" => more.is_empty(),
        _ => more.is_empty() || more.starts_with('-'),
    };
    (fits && !is_nothing(trace) && !is_nothing(span)).then_some(known)
}

/// The number of a version of HTTP, as OpenTelemetry writes it.
pub fn http_version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const PARENT_OF_ALL: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn only_a_good_parent_counts() {
        assert_eq!(good(PARENT_OF_ALL), Some(PARENT_OF_ALL));
        let later = PARENT_OF_ALL.replace("00-", "01-");
        assert_eq!(good(&format!("{later}-what follows")), Some(later.as_str()));
        for bad in [
            "",
            "00",
            "ork_live_secret",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0é",
            "00-0af7651916cd43dd8448eb211c80319cb7ad6b7169203331-0100",
        ] {
            assert_eq!(good(bad), None, "{bad}");
        }
    }

    #[test]
    fn headers_are_one_parent_and_a_list() {
        let mut headers = HeaderMap::new();
        headers.append(STATE, HeaderValue::from_static("a=1"));
        assert_eq!(Trace::of_headers(&headers), None);
        headers.append(PARENT, HeaderValue::from_static(PARENT_OF_ALL));
        headers.append(STATE, HeaderValue::from_static("b=2"));
        let trace = Trace::of_headers(&headers).unwrap();
        assert_eq!(
            (trace.parent.as_str(), trace.state.as_deref()),
            (PARENT_OF_ALL, Some("a=1,b=2"))
        );
        headers.append(PARENT, HeaderValue::from_static(PARENT_OF_ALL));
        assert_eq!(Trace::of_headers(&headers), None);
        let long = "x".repeat(STATE_BYTES_MAX + 1);
        assert_eq!(Trace::of(Some(PARENT_OF_ALL), Some(&long)).unwrap().state, None);
    }
}
