//! The sensor's key, and what may leave of a value: its keyed fingerprint.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The sensor's secret key. It cannot be printed or serialised; its identifier can.
#[derive(Clone)]
pub struct Key {
    bytes: [u8; 32],
    id: KeyId,
}

/// Names a key without telling it: 32 bits of BLAKE3 keyed with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(pub u32);

/// 64 bits of BLAKE3, keyed, over a domain and a canonical value. Values of different domains never compare equal
/// on purpose: an account named like a token is another thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub u64);

impl Key {
    /// A key from its 32 bytes.
    pub fn new(bytes: [u8; 32]) -> Key {
        let id = blake3::keyed_hash(&bytes, b"spyhop key id");
        Key { bytes, id: KeyId(first_bytes(&id, 4) as u32) }
    }

    /// Its identifier, which stands beside fingerprints in output.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Another key for a purpose of its own, from which this one cannot be found.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.bytes);
        hasher.update(b"spyhop key for ").update(purpose.as_bytes());
        *hasher.finalize().as_bytes()
    }

    /// The fingerprint of a value within a domain (`cn_mobile`, `password`, `session`, …).
    pub fn fingerprint(&self, domain: &str, value: &[u8]) -> Fingerprint {
        // A hasher costs more to set up than a short value to hash.
        const SHORT: usize = 128;
        let mut short = [0; SHORT];
        let length = domain.len() + 1 + value.len();
        if length <= SHORT {
            let (front, back) = short.split_at_mut(domain.len());
            front.copy_from_slice(domain.as_bytes());
            if let Some(place) = back.get_mut(1..=value.len()) {
                place.copy_from_slice(value);
            }
            let joined = short.get(..length).unwrap_or_default();
            return Fingerprint(first_bytes(&blake3::keyed_hash(&self.bytes, joined), 8));
        }
        let mut hasher = blake3::Hasher::new_keyed(&self.bytes);
        hasher.update(domain.as_bytes()).update(&[0]).update(value);
        Fingerprint(first_bytes(&hasher.finalize(), 8))
    }
}

fn first_bytes(hash: &blake3::Hash, count: usize) -> u64 {
    hash.as_bytes().iter().take(count).fold(0, |n, byte| n << 8 | u64::from(*byte))
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_depend_on_key_domain_and_value_and_the_key_is_not_printed() {
        let key = Key::new([7; 32]);
        let one = key.fingerprint("cn_mobile", b"13800138000");
        assert_eq!(one, key.fingerprint("cn_mobile", b"13800138000"));
        assert_ne!(one, key.fingerprint("account", b"13800138000"));
        assert_ne!(one, Key::new([8; 32]).fingerprint("cn_mobile", b"13800138000"));
        assert!(!format!("{key:?}").contains('7') || format!("{key:?}").len() < 20);
    }

    #[test]
    fn short_and_long_values_are_hashed_alike() {
        let key = Key::new([7; 32]);
        for length in [0, 1, 120, 121, 122, 123, 200] {
            let value = vec![b'x'; length];
            let mut hasher = blake3::Hasher::new_keyed(&[7; 32]);
            hasher.update(b"mobile").update(&[0]).update(&value);
            assert_eq!(key.fingerprint("mobile", &value), Fingerprint(first_bytes(&hasher.finalize(), 8)), "{length}");
        }
    }
}
