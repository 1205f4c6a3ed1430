//! The little DER that stores of keys need beside the crates that read them.

use rustls::pki_types::CertificateDer;
use rustls::server::ParsedCertificate;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
/// `publicKey` of an `ECPrivateKey` (RFC 5915).
const PUBLIC_KEY: u8 = 0xA1;

/// The object identifier of `id-ecPublicKey`, as an element.
const EC: &[u8] = &[0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];

/// The content of the element with `tag` at the start of `bytes`, and what is behind it.
pub(super) fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (length, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
        if length.len() > 4 {
            return None;
        }
        let length = length
            .iter()
            .fold(0usize, |all, b| all << 8 | usize::from(*b));
        (length, rest)
    };
    (found == tag).then(|| rest.split_at_checked(length))?
}

/// A PKCS8 key as ring wants it: Java leaves the public half out of elliptic curves' keys, and ring
/// insists on it. It is put in from the key's certificate. Any other key stays as it is.
pub(super) fn with_public_key(pkcs8: &[u8], certificate: &CertificateDer<'_>) -> Vec<u8> {
    completed(pkcs8, certificate).unwrap_or_else(|| pkcs8.to_vec())
}

fn completed(pkcs8: &[u8], certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let (info, _) = element(pkcs8, SEQUENCE)?;
    let (version, rest) = element(info, INTEGER)?;
    let (algorithm, rest) = element(rest, SEQUENCE)?;
    let (key, _) = element(rest, OCTET_STRING)?;
    if !algorithm.starts_with(EC) {
        return None;
    }
    let (key, _) = element(key, SEQUENCE)?;
    let (key_version, rest) = element(key, INTEGER)?;
    let (private, rest) = element(rest, OCTET_STRING)?;
    // The curve may stand here again before the public key.
    let rest = element(rest, 0xA0).map_or(rest, |(_, behind)| behind);
    if !rest.is_empty() {
        return None;
    }
    let parsed = ParsedCertificate::try_from(certificate).ok()?;
    let spki = parsed.subject_public_key_info();
    let (spki, _) = element(spki.as_ref(), SEQUENCE)?;
    let (_, rest) = element(spki, SEQUENCE)?;
    let (public, _) = element(rest, BIT_STRING)?;
    let public = make(PUBLIC_KEY, &[make(BIT_STRING, &[public.to_vec()])]);
    let key = make(
        SEQUENCE,
        &[
            make(INTEGER, &[key_version.to_vec()]),
            make(OCTET_STRING, &[private.to_vec()]),
            public,
        ],
    );
    Some(make(
        SEQUENCE,
        &[
            make(INTEGER, &[version.to_vec()]),
            make(SEQUENCE, &[algorithm.to_vec()]),
            make(OCTET_STRING, &[key]),
        ],
    ))
}

/// An element of these parts.
fn make(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let length = content.len().to_be_bytes();
            let skip = length.iter().take_while(|b| **b == 0).count();
            let length = &length[skip..];
            out.push(0x80 | u8::try_from(length.len()).unwrap_or(8));
            out.extend(length);
        }
    }
    out.extend(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_every_length_are_made_and_read() {
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let made = make(OCTET_STRING, &[vec![7; length]]);
            let (content, behind) = element(&made, OCTET_STRING).unwrap();
            assert_eq!((content.len(), behind.len()), (length, 0));
            assert_eq!(element(&made, SEQUENCE), None);
        }
        assert_eq!(element(&[OCTET_STRING, 0x89, 0], OCTET_STRING), None);
        assert_eq!(element(&[OCTET_STRING, 2, 0], OCTET_STRING), None);
    }
}
