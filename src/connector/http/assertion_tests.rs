//! Signed assertions against what others' tools signed: the same bytes for the same claims, and no key by mistake.
#![allow(clippy::unwrap_used)]

use ring::signature::{
    ECDSA_P256_SHA256_FIXED, KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey,
};

use super::*;

const RSA: &str = include_str!("../../../tests/fixtures/keys/rsa.pem");
const RSA_PKCS1: &str = include_str!("../../../tests/fixtures/keys/rsa-pkcs1.pem");
const P256: &str = include_str!("../../../tests/fixtures/keys/p256.pem");

/// Signed with the same key by `openssl dgst -sha256 -sign`.
#[test]
fn rs256_known_answer() {
    let pair = key(Algorithm::Rs256, RSA).unwrap();
    let token = compact(&pair, Algorithm::Rs256, r#"{"alg":"RS256","typ":"JWT"}"#, r#"{"iss":"hub"}"#).unwrap();
    assert_eq!(token, include_str!("../../../tests/fixtures/keys/rs256.jwt").trim());
    let pkcs1 = key(Algorithm::Rs256, &RSA_PKCS1.replace('\n', "\\n")).unwrap();
    let same = compact(&pkcs1, Algorithm::Rs256, r#"{"alg":"RS256","typ":"JWT"}"#, r#"{"iss":"hub"}"#).unwrap();
    assert_eq!(same, token);
}

#[test]
fn every_algorithm_verifies_with_the_public_key() {
    for (algorithm, pem) in [(Algorithm::Rs256, RSA), (Algorithm::Ps256, RSA), (Algorithm::Es256, P256)] {
        let pair = key(algorithm, pem).unwrap();
        let token = compact(&pair, algorithm, "{}", "{\"a\":1}").unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let public = |message: &str| match (&pair, algorithm) {
            (Key::P256(pair), _) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref())
                .verify(message.as_bytes(), &signature),
            (Key::Rsa(pair), Algorithm::Ps256) => {
                UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, pair.public_key().as_ref())
                    .verify(message.as_bytes(), &signature)
            }
            (Key::Rsa(pair), _) => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref())
                .verify(message.as_bytes(), &signature),
        };
        public(signed).unwrap();
        public(&format!("{signed}x")).unwrap_err();
    }
}

#[test]
fn unusable_keys_are_refused_without_showing_them() {
    for (algorithm, pem) in
        [(Algorithm::Rs256, P256), (Algorithm::Es256, RSA), (Algorithm::Es256, RSA_PKCS1), (Algorithm::Rs256, "s3cret")]
    {
        let reason = key(algorithm, pem).err().unwrap();
        assert!(!reason.contains("s3cret"), "{reason}");
    }
    let rsa = key(Algorithm::Rs256, RSA).unwrap();
    assert_eq!(compact(&rsa, Algorithm::Es256, "{}", "{}"), Err(SignError::Refused));
}
