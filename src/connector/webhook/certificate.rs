//! Certificates that deliveries name: checked once against the authorities, then kept while they are valid.
//!
//! Not here: fetching them (`http::certificate`), which the judgement of a delivery never waits for by itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use thiserror::Error;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

/// Certificates kept per connection; vendors have one or two at a time.
const MAX_KEPT: usize = 8;
/// A certificate that is revoked meanwhile is looked at again after this long.
const KEPT_FOR_S: i64 = 24 * 60 * 60;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CertificateError {
    #[error("the certificate cannot be read: {0}")]
    Unreadable(&'static str),
    #[error("no trusted authority vouches for the certificate: {0}")]
    Untrusted(String),
    #[error("the certificate is not made out to `{0}`")]
    Foreign(String),
    #[error("`{0}` is not a name that a certificate could be made out to")]
    NoName(String),
}

/// The checked certificates of one connection, by their address.
pub struct Certificates {
    authorities: Vec<CertificateDer<'static>>,
    subject: ServerName<'static>,
    kept: Mutex<HashMap<String, Kept>>,
}

struct Kept {
    certificate: CertificateDer<'static>,
    since: i64,
}

impl Certificates {
    /// Authorities in PEM; without any, the public ones.
    pub fn new(subject: &str, authorities: Option<&str>) -> Result<Self, CertificateError> {
        let authorities = match authorities {
            None => webpki_root_certs::TLS_SERVER_ROOT_CERTS.to_vec(),
            Some(pem) => chain(pem.as_bytes())?,
        };
        let name =
            ServerName::try_from(subject.to_owned()).map_err(|_| CertificateError::NoName(subject.to_owned()))?;
        Ok(Self { authorities, subject: name, kept: Mutex::default() })
    }

    pub fn knows(&self, url: &str, now: Timestamp) -> bool {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(url).is_some_and(|kept| now.as_second() - kept.since < KEPT_FOR_S)
    }

    /// Takes the certificate that stands at `url`, if an authority vouches for it now.
    pub fn add(&self, url: &str, pem: &[u8], now: Timestamp) -> Result<(), CertificateError> {
        let chain = chain(pem)?;
        let (leaf, between) = chain.split_first().ok_or(CertificateError::Unreadable("it is empty"))?;
        self.check(leaf, between, now)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT && !kept.contains_key(url) {
            kept.clear();
        }
        kept.insert(url.to_owned(), Kept { certificate: leaf.clone(), since: now.as_second() });
        Ok(())
    }

    fn check(
        &self,
        leaf: &CertificateDer<'static>,
        between: &[CertificateDer<'static>],
        now: Timestamp,
    ) -> Result<(), CertificateError> {
        let unreadable = |_| CertificateError::Unreadable("it is not a certificate of today's form");
        let end = EndEntityCert::try_from(leaf).map_err(unreadable)?;
        let anchors: Vec<TrustAnchor<'_>> =
            self.authorities.iter().filter_map(|authority| anchor_from_trusted_cert(authority).ok()).collect();
        let second = u64::try_from(now.as_second()).unwrap_or_default();
        let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(second));
        end.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors,
            between,
            time,
            KeyUsage::server_auth(),
            None,
            None,
        )
        .map_err(|error| CertificateError::Untrusted(error.to_string()))?;
        end.verify_is_valid_for_subject_name(&self.subject)
            .map_err(|_| CertificateError::Foreign(self.subject.to_str().into_owned()))
    }

    /// Whether the certificate at `url` signed this (RSA, PKCS#1 1.5, SHA-256); `None` if it is not known.
    pub fn verify(&self, url: &str, signed: &[u8], signature: &[u8], now: Timestamp) -> Option<bool> {
        if !self.knows(url, now) {
            return None;
        }
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let certificate = &kept.get(url)?.certificate;
        let end = EndEntityCert::try_from(certificate).ok()?;
        Some(end.verify_signature(webpki::ring::RSA_PKCS1_2048_8192_SHA256, signed, signature).is_ok())
    }
}

fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.map_err(|_| CertificateError::Unreadable("it is not PEM"))?;
    if chain.is_empty() { Err(CertificateError::Unreadable("it holds no certificate")) } else { Ok(chain) }
}
