//! Seals Initial packets of a client (RFC 9001, section 5), so that a fuzzer reaches what is inside.

use aes_gcm::aes::cipher::BlockCipherEncrypt;
use aes_gcm::aes::{Aes128, Block};
use aes_gcm::{AeadInOut, Aes128Gcm, KeyInit};
use hkdf::Hkdf;
use sha2::Sha256;

/// Of version 1 (RFC 9001, section 5.2).
const SALT: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f,
    0x0a,
];
/// A datagram, and the longest frames that fit in it.
const DATAGRAM: usize = 1200;
const DESTINATION: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

/// The keys of one connection.
pub struct Sealer {
    sealed: Aes128Gcm,
    vector: [u8; 12],
    header: Aes128,
    number: u32,
}

impl Default for Sealer {
    fn default() -> Self {
        let (_, initial) = Hkdf::<Sha256>::extract(Some(&SALT), &DESTINATION);
        let client: [u8; 32] = expand(&initial, "client in");
        let client = Hkdf::<Sha256>::from_prk(&client).expect("the length of a hash");
        let (key, header): ([u8; 16], [u8; 16]) = (expand(&client, "quic key"), expand(&client, "quic hp"));
        let sealed = Aes128Gcm::new(&key.into());
        Sealer { sealed, vector: expand(&client, "quic iv"), header: Aes128::new(&header.into()), number: 0 }
    }
}

impl Sealer {
    /// The next datagram, with these frames and padding; frames that do not fit are cut.
    pub fn seal(&mut self, frames: &[u8]) -> Vec<u8> {
        let mut header = vec![0xc3, 0, 0, 0, 1, DESTINATION.len() as u8];
        header.extend_from_slice(&DESTINATION);
        header.extend_from_slice(&[0, 0]);
        let room = DATAGRAM - header.len() - 2;
        header.extend_from_slice(&(0x4000 | room as u16).to_be_bytes());
        let at = header.len();
        header.extend_from_slice(&self.number.to_be_bytes());
        let mut data = frames.to_vec();
        data.resize(room - 4 - 16, 0);
        let mut nonce = self.vector;
        nonce.iter_mut().rev().zip(self.number.to_le_bytes()).for_each(|(byte, number)| *byte ^= number);
        let tag =
            self.sealed.encrypt_inout_detached(&nonce.into(), &header, data.as_mut_slice().into()).expect("it fits");
        let mut mask = Block::try_from(&data[..16]).expect("a sample");
        self.header.encrypt_block(&mut mask);
        header[0] ^= mask[0] & 0x0f;
        header[at..].iter_mut().zip(&mask[1..]).for_each(|(byte, mask)| *byte ^= mask);
        self.number += 1;
        [&header[..], &data, &tag].concat()
    }
}

/// HKDF-Expand-Label with no context (RFC 8446, section 7.1).
fn expand<const N: usize>(secret: &Hkdf<Sha256>, label: &str) -> [u8; N] {
    let mut out = [0; N];
    let length = (N as u16).to_be_bytes();
    let name = [6 + label.len() as u8];
    secret.expand_multi_info(&[&length, &name, b"tls13 ", label.as_bytes(), &[0]], &mut out).expect("a short output");
    out
}
