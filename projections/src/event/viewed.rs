//! That somebody opened what others asked, were told or did.

use serde::{Deserialize, Serialize};

/// Payloads of others were opened: arguments, answers, plans, contents of things.
pub const PAYLOAD_VIEWED: &str = "payload.viewed";

/// `payload.viewed`: who opened them is the record's actor.
#[derive(Debug, Serialize, Deserialize)]
pub struct PayloadViewed {
    /// The tool, or the address without what was asked for.
    pub through: String,
    /// The members whose they are; none where it could be anybody's in the range.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub whose: Vec<String>,
    /// The first record that they can be of.
    pub from: u64,
    /// The last; none where more are sent as they come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
}
