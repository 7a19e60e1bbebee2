//! The confirm token: derived from the action and its plan, so it can be shown again and is never stored.

use hmac::{Hmac, KeyInit, Mac};
use projections::{Action, Digest, Id};
use sha2::Sha256;

/// The key that confirm tokens derive from; kept outside the journal.
#[derive(Clone)]
pub struct ConfirmKey([u8; 32]);

impl std::fmt::Debug for ConfirmKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConfirmKey(…)")
    }
}

impl ConfirmKey {
    /// A key of 32 random bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// `ct_` and 40 hexadecimal digits: HMAC-SHA-256 (RFC 2104) over organisation, proposer, action and plan digest.
    pub fn confirm_token(&self, org: &str, proposer: &str, action: Id<Action>, digest: &Digest) -> String {
        let mac = self.mac(&format!("confirm|{org}|{proposer}|{action}|{digest}"));
        hex("ct_", mac.get(..20).unwrap_or_default())
    }

    /// A keyed digest of a secret, for the journal and for bearer tokens at rest.
    pub fn keyed(&self, purpose: &str, secret: &str) -> Digest {
        Digest::from(self.mac(&format!("{purpose}|{secret}")))
    }

    fn mac(&self, text: &str) -> [u8; 32] {
        match Hmac::<Sha256>::new_from_slice(&self.0) {
            Ok(mut mac) => {
                mac.update(text.as_bytes());
                mac.finalize().into_bytes().into()
            }
            Err(_) => unreachable!("HMAC takes keys of any length (RFC 2104, section 2)"),
        }
    }
}

/// Compares two texts in a time that does not depend on where they differ.
pub fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |differ, (x, y)| differ | (x ^ y)) == 0
}

/// A prefix and the lower-case hexadecimal digits of bytes.
pub fn hex(prefix: &str, bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(prefix.to_owned(), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
