//! A sealed text: whose it is, under which key, and what only that key opens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::kernel::sealed::{BEGIN, END};

const NAME_BYTES: usize = 16;
const KEY_NAME_BYTES: usize = 8;
const NONCE_BYTES: usize = 24;

/// Who a subject is: a keyed hash of the mail address, which says nothing to those without the secret of the data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(pub [u8; NAME_BYTES]);

/// Which key of a subject: whoever is mentioned again after an erasure gets another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyName(pub [u8; KEY_NAME_BYTES]);

impl Name {
    /// The subject of an address. Case makes no other person.
    pub fn of(secret: &[u8; 32], address: &str) -> Self {
        Self(first(mac(secret, b"subject", address.to_lowercase().as_bytes())))
    }
}

/// 32 random bytes, and what is derived from them.
#[derive(Clone)]
pub(super) struct Key {
    bytes: [u8; 32],
    pub(super) name: KeyName,
}

impl Key {
    pub(super) fn new(bytes: [u8; 32]) -> Self {
        let name = KeyName(first(mac(&bytes, b"name", b"")));
        Self { bytes, name }
    }

    /// The sealed form. Equal texts give equal bytes, because what is decided again must come out the same; it tells no more
    /// than that the same person is meant, which the name of the subject does anyway.
    pub(super) fn seal(&self, subject: Name, text: &str) -> Option<String> {
        let nonce: [u8; NONCE_BYTES] = first(mac(&self.bytes, b"nonce", text.as_bytes()));
        let head = head(subject, self.name);
        let payload = Payload {
            msg: text.as_bytes(),
            aad: &head,
        };
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload).ok()?;
        let digits = URL_SAFE_NO_PAD.encode([head, nonce.to_vec(), sealed].concat());
        Some(format!("{BEGIN}{digits}{END}"))
    }

    pub(super) fn open(&self, sealed: &Sealed) -> Option<String> {
        let payload = Payload {
            msg: &sealed.content,
            aad: &head(sealed.subject, sealed.key),
        };
        let opened = self.cipher().decrypt(&XNonce::from(sealed.nonce), payload).ok()?;
        String::from_utf8(opened).ok()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&mac(&self.bytes, b"seal", b"").into())
    }
}

/// A sealed text, taken apart.
pub(super) struct Sealed {
    pub(super) subject: Name,
    pub(super) key: KeyName,
    nonce: [u8; NONCE_BYTES],
    content: Vec<u8>,
}

impl Sealed {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(BEGIN)?.strip_suffix(END)?;
        let bytes = URL_SAFE_NO_PAD.decode(digits).ok()?;
        let (subject, rest) = bytes.split_first_chunk()?;
        let (key, rest) = rest.split_first_chunk()?;
        let (nonce, content) = rest.split_first_chunk()?;
        Some(Self {
            subject: Name(*subject),
            key: KeyName(*key),
            nonce: *nonce,
            content: content.to_vec(),
        })
    }
}

fn head(subject: Name, key: KeyName) -> Vec<u8> {
    [subject.0.as_slice(), key.0.as_slice()].concat()
}

fn mac(key: &[u8; 32], what: &[u8], of: &[u8]) -> [u8; 32] {
    use hmac::KeyInit as _;
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return [0; 32];
    };
    mac.update(b"orkestra subject 1|");
    mac.update(what);
    mac.update(b"|");
    mac.update(of);
    mac.finalize().into_bytes().into()
}

fn first<const N: usize>(bytes: [u8; 32]) -> [u8; N] {
    let mut first = [0; N];
    for (to, from) in first.iter_mut().zip(bytes) {
        *to = from;
    }
    first
}
