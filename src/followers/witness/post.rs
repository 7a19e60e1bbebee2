//! One request to a witness, and its answer.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};

use crate::execution::perform;

/// How long a witness may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most of an answer that is read, in bytes.
const READ_MAX: usize = 16 << 10;
/// What an answer is that says a size.
const SIZE: &str = "text/x.tlog.size";

/// What a witness answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// 200: signature lines.
    Signed(String),
    /// 409 with the size of what it cosigned last.
    At(u64),
    /// 409 without, or 422: it does not take this for the same history.
    Disputed(String),
    /// Anything else: 400, 403, 404, or nobody there.
    Not(String),
}

/// Sends requests to witnesses.
#[derive(Clone)]
pub(super) struct Post(Client);

impl Post {
    /// With the authorities that this machine trusts.
    pub(super) fn new() -> Result<Self, String> {
        let tls = perform::tls().map_err(|cause| cause.to_string())?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(Policy::none())
            .timeout(PATIENCE)
            .user_agent(concat!("orkestra/", env!("CARGO_PKG_VERSION")))
            .build();
        client.map(Self).map_err(|cause| cause.to_string())
    }

    /// `POST <prefix>/add-checkpoint` (C2SP tlog-witness).
    pub(super) async fn add_checkpoint(&self, prefix: &str, body: String) -> Answer {
        let url = format!("{}/add-checkpoint", prefix.trim_end_matches('/'));
        let mut answer = match self.0.post(url).body(body).send().await {
            Ok(answer) => answer,
            Err(cause) => return Answer::Not(cause.to_string()),
        };
        let (status, kind) = (answer.status(), answer.headers().get(CONTENT_TYPE).cloned());
        let mut bytes = Vec::new();
        while bytes.len() <= READ_MAX
            && let Ok(Some(more)) = answer.chunk().await
        {
            bytes.extend_from_slice(&more);
        }
        bytes.truncate(READ_MAX);
        let says_size = kind.is_some_and(|kind| kind.as_bytes().starts_with(SIZE.as_bytes()));
        Answer::of(status, says_size, &String::from_utf8_lossy(&bytes))
    }
}

impl Answer {
    fn of(status: StatusCode, says_size: bool, body: &str) -> Self {
        let size = body.strip_suffix('\n').and_then(|size| size.parse().ok());
        let said = || format!("{status}: {}", crate::kernel::text::clip(body.trim(), 200));
        match (status, size) {
            (StatusCode::OK, _) => Self::Signed(body.to_owned()),
            (StatusCode::CONFLICT, Some(size)) if says_size => Self::At(size),
            (StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY, _) => Self::Disputed(said()),
            (StatusCode::NOT_FOUND, _) => Self::Not(format!("{}; does it know this log?", said())),
            (StatusCode::FORBIDDEN, _) => Self::Not(format!("{}; does it know this log's key?", said())),
            _ => Self::Not(said()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_mean_what_the_protocol_says() {
        let of = |status: u16, says_size, body| Answer::of(StatusCode::from_u16(status).unwrap(), says_size, body);
        assert_eq!(of(200, false, "— w x\n"), Answer::Signed("— w x\n".to_owned()));
        assert_eq!(of(409, true, "17\n"), Answer::At(17));
        for (status, says_size, body) in [
            (409, false, "17\n"),
            (409, true, "17"),
            (409, true, "-1\n"),
            (422, true, "17\n"),
        ] {
            assert!(
                matches!(of(status, says_size, body), Answer::Disputed(_)),
                "{status} {body}"
            );
        }
        for status in [201, 302, 400, 403, 404, 500] {
            assert!(matches!(of(status, true, "17\n"), Answer::Not(_)), "{status}");
        }
    }
}
