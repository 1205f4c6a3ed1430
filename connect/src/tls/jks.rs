//! Java's own key store, as `keytool` made it before Java 9 (`sun.security.provider.JavaKeyStore`,
//! `KeyProtector`). No crate that is kept reads it without a second ASN.1 library.
//!
//! Big-endian: magic, version, count; then entries (tag 1 a key with its chain, tag 2 a trusted
//! certificate), each with alias and date; then SHA-1 over password, a phrase and all before it. A
//! key is XORed with a stream of SHA-1 values over password and salt, and followed by a SHA-1 check.

use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

use super::der::element;

const MAGIC: u32 = 0xFEED_FEED;
const PHRASE: &[u8] = b"Mighty Aphrodite";
const HASH: usize = 20;

/// The content of a store.
pub(super) struct Jks {
    /// Keys in the order of the file.
    pub(super) keys: Vec<KeyEntry>,
    /// Trusted certificates, DER.
    pub(super) trusted: Vec<Vec<u8>>,
}

/// A key that is still locked, and its chain.
pub(super) struct KeyEntry {
    locked: Vec<u8>,
    /// Certificates, DER, the key's own first.
    pub(super) chain: Vec<Vec<u8>>,
}

/// Reads a store. With a password its integrity is checked, as Java does.
///
/// # Errors
/// It is cut short, has another form, or the password is not its own.
pub(super) fn read(bytes: &[u8], password: Option<&str>) -> Result<Jks, String> {
    let (body, digest) = bytes.split_at(bytes.len().saturating_sub(HASH));
    if let Some(password) = password {
        let found = Sha1::new()
            .chain_update(utf16(password))
            .chain_update(PHRASE)
            .chain_update(body)
            .finalize();
        if !bool::from(found.as_slice().ct_eq(digest)) {
            return Err("was tampered with, or its password is another".into());
        }
    }
    parse(body).ok_or_else(|| "is cut short or no JKS store".into())
}

fn parse(body: &[u8]) -> Option<Jks> {
    let mut input = Input(body);
    let (magic, version, count) = (input.u32()?, input.u32()?, input.u32()?);
    if magic != MAGIC || !(1..=2).contains(&version) {
        return None;
    }
    let mut store = Jks {
        keys: Vec::new(),
        trusted: Vec::new(),
    };
    for _ in 0..count {
        let tag = input.u32()?;
        let _alias = input.text()?;
        let _date = input.take(8)?;
        match tag {
            1 => {
                let locked = input.block()?.to_vec();
                let chain = (0..input.u32()?).map(|_| input.certificate(version));
                let chain = chain.collect::<Option<_>>()?;
                store.keys.push(KeyEntry { locked, chain });
            }
            2 => store.trusted.push(input.certificate(version)?),
            _ => return None,
        }
    }
    Some(store)
}

impl KeyEntry {
    /// The key as PKCS8.
    ///
    /// # Errors
    /// The password is not the key's.
    pub(super) fn unlock(&self, password: &str) -> Result<Vec<u8>, String> {
        let protected = element(&self.locked, 0x30)
            .and_then(|(info, _)| {
                let (_algorithm, rest) = element(info, 0x30)?;
                Some(element(rest, 0x04)?.0)
            })
            .filter(|protected| protected.len() >= 2 * HASH)
            .ok_or("its key is not protected as Java protects it")?;
        let (salt, rest) = protected.split_at(HASH);
        let (encrypted, check) = rest.split_at(rest.len() - HASH);
        let password = utf16(password);
        let mut key = Vec::with_capacity(encrypted.len());
        let mut block: Vec<u8> = salt.to_vec();
        for part in encrypted.chunks(HASH) {
            block = Sha1::new()
                .chain_update(&password)
                .chain_update(&block)
                .finalize()
                .to_vec();
            key.extend(part.iter().zip(&block).map(|(a, b)| a ^ b));
        }
        let found = Sha1::new()
            .chain_update(&password)
            .chain_update(&key)
            .finalize();
        if !bool::from(found.as_slice().ct_eq(check)) {
            return Err("its key cannot be opened; check ssl.key.password".into());
        }
        Ok(key)
    }
}

fn utf16(password: &str) -> Vec<u8> {
    password.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

/// What of the store is not read yet.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    /// Java's modified UTF-8, behind two bytes of length.
    fn text(&mut self) -> Option<&'a [u8]> {
        let length: [u8; 2] = self.take(2)?.try_into().ok()?;
        self.take(usize::from(u16::from_be_bytes(length)))
    }

    fn block(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.u32()?).ok()?;
        self.take(length)
    }

    fn certificate(&mut self, version: u32) -> Option<Vec<u8>> {
        if version == 2 {
            let _type = self.text()?;
        }
        self.block().map(<[u8]>::to_vec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn reading_is_total(tail: Vec<u8>) {
            for head in [&[][..], &[0xFE, 0xED, 0xFE, 0xED, 0, 0, 0, 2, 0, 0, 0, 1]] {
                let bytes = [head, &tail].concat();
                if let Ok(store) = read(&bytes, None) {
                    for key in &store.keys {
                        let _opened = key.unlock("x");
                    }
                }
            }
            let _element = element(&tail, 0x30);
        }
    }
}
