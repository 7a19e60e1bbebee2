//! One request to a witness, and what its answer means.

use crate::execution::perform::{Post, Posted};
use crate::kernel::text::clip;

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

/// `POST <prefix>/add-checkpoint` (C2SP tlog-witness).
pub(super) async fn add_checkpoint(post: &Post, prefix: &str, body: String) -> Answer {
    let url = format!("{}/add-checkpoint", prefix.trim_end_matches('/'));
    match post.text(&url, body).await {
        Ok(posted) => Answer::of(&posted),
        Err(why) => Answer::Not(why),
    }
}

impl Answer {
    fn of(posted: &Posted) -> Self {
        let Posted { status, kind, body } = posted;
        let size = body.strip_suffix('\n').and_then(|size| size.parse().ok());
        let said = || format!("{status}: {}", clip(body.trim(), 200));
        match (status, size) {
            (200, _) => Self::Signed(body.to_owned()),
            (409, Some(size)) if kind.starts_with(SIZE) => Self::At(size),
            (409 | 422, _) => Self::Disputed(said()),
            (404, _) => Self::Not(format!("{}; does it know this log?", said())),
            (403, _) => Self::Not(format!("{}; does it know this log's key?", said())),
            _ => Self::Not(said()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_mean_what_the_protocol_says() {
        let of = |status: u16, says_size: bool, body: &str| {
            let (kind, body) = (if says_size { SIZE } else { "text/plain" }, body.to_owned());
            let kind = kind.to_owned();
            Answer::of(&Posted { status, kind, body })
        };
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
